#include "cli/commands.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <vector>

#include "base/version.h"

namespace minke {
namespace {

constexpr int kUsage = 64;

// The name of the chosen subcommand, as typed before it: "minke run".
std::string ChosenName(const CLI::App& app) {
  std::string name = app.get_name();
  for (const CLI::App* chosen : app.get_subcommands()) name += " " + chosen->get_name();
  return name;
}

}  // namespace

int ParseAndRun(CLI::App& app, int argc, char** argv, const int* exit_code) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForAllHelp& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "minke: {}\nTry '{} --help'.\n", error.what(), ChosenName(app));
    return kUsage;
  }
  return *exit_code;
}

void AddVersionCommand(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  command->callback([exit_code] {
    fmt::print("minke {}\n", kVersion);
    *exit_code = 0;
  });
}

}  // namespace minke
