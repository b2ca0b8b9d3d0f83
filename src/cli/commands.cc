#include "cli/commands.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <minke/abi.h>

#include "base/version.h"
#include "cli/config_file.h"
#include "runtime/http/json.h"
#include "task/job/nearest.h"

namespace minke {
namespace {

constexpr int kUsage = 64;

// The name of the chosen subcommand, as typed before it: "minke run".
std::string ChosenName(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app.get_name() : app.get_name() + " " + ChosenName(*chosen.front());
}

// Of a subcommand, without the app's: "journal show".
std::string NameOf(const CLI::App& command) {
  const CLI::App* above = command.get_parent();
  return above->get_parent() == nullptr ? command.get_name()
                                        : NameOf(*above) + " " + command.get_name();
}

std::string Guess(const std::string& word, const std::vector<std::string>& known) {
  const std::vector<std::string_view> views(known.begin(), known.end());
  return DidYouMean(word, views);
}

// The chosen subcommand, or its own; or the app itself.
const CLI::App& Chosen(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : Chosen(*chosen.front());
}

// What was wrong; for a word that nobody knows, with the nearest that is known.
std::string Explained(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = Chosen(app);
  const std::vector<std::string> unknown = app.remaining(true);
  if (unknown.empty()) return error.what();
  const std::string& word = unknown.front();
  std::vector<std::string> known;
  if (word.starts_with('-')) {
    for (const CLI::Option* option : command.get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
    }
    return fmt::format("there is no flag '{}'{}", word, Guess(word, known));
  }
  const auto nested = command.get_subcommands({});
  if (nested.empty()) return error.what();
  for (const CLI::App* one : nested) known.push_back(one->get_name());
  return fmt::format("there is no command '{}'{}", word, Guess(word, known));
}

}  // namespace

int ParseAndRun(CLI::App& app, int argc, char** argv, const int* exit_code) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "minke: {}\nTry '{} --help'.\n", Explained(app, error), ChosenName(app));
    return kUsage;
  }
  return *exit_code;
}

void WhenChosen(CLI::App& command, const std::string* config, int* exit_code,
                std::function<Result<int>()> body) {
  command.callback([&command, config, exit_code, body = std::move(body)] {
    const Status read = ApplyConfigFile(command, *config);
    const Result<int> done = read ? body() : Result<int>(read.error());
    *exit_code = done ? *done : Told(NameOf(command), done.error());
  });
}

int Told(const std::string& command, const Status& status) {
  if (status) return 0;
  fmt::print(stderr, "minke {}: {}\n", command, status.error().text);
  return ExitCodeOf(status.error().code);
}

void AddVersionCommand(CLI::App& app, int* exit_code) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->add_flag("--json", *json, "Print JSON");
  command->footer("Examples:\n  minke version\n  minke version --json");
  command->callback([json, exit_code] {
    if (*json) {
      fmt::print("{}\n", JsonText({{"version", kVersion}, {"abi_version", MINKE_ABI_VERSION}}));
    } else {
      fmt::print("minke {}\n", kVersion);
    }
    *exit_code = 0;
  });
  app.set_version_flag("--version", fmt::format("minke {}", kVersion), "Print the version");
}

}  // namespace minke
