// `minke completion bash|zsh|fish`: a script for the shell, made from the flags that the app
// declares, so that it never says anything else than --help does.
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/commands.h"
#include "task/job/job_file.h"

namespace minke {
namespace {

std::string Joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

std::vector<std::string> FlagsOf(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_snames()) flags.push_back("-" + name);
    for (const std::string& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::string JobNames() {
  std::vector<std::string> names;
  for (const JobFile& job : JobFile::BuiltIn()) names.emplace_back(job.name());
  return Joined(names);
}

std::string CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return Joined(names);
}

// The flags of a command, and of those that stand behind it.
std::vector<std::string> AllFlagsOf(const CLI::App& command) {
  std::vector<std::string> flags = FlagsOf(command);
  for (const CLI::App* nested : command.get_subcommands({})) {
    for (std::string& flag : FlagsOf(*nested)) {
      if (std::ranges::find(flags, flag) == flags.end()) flags.push_back(std::move(flag));
    }
  }
  return flags;
}

std::string BashScript(const CLI::App& app) {
  std::string cases, nested;
  for (const CLI::App* command : app.get_subcommands({})) {
    cases +=
        fmt::format("    {}) words=\"{}\" ;;\n", command->get_name(), Joined(AllFlagsOf(*command)));
    if (command->get_subcommands({}).empty()) continue;
    nested += fmt::format(
        "  if [ \"$COMP_CWORD\" = 2 ] && [ \"${{COMP_WORDS[1]}}\" = {} ]; then\n"
        "    COMPREPLY=($(compgen -W \"{}\" -- \"$current\")); return\n  fi\n",
        command->get_name(), CommandNames(*command));
  }
  return fmt::format(R"(_minke() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=
  if [ "$COMP_CWORD" = 1 ]; then
    COMPREPLY=($(compgen -W "{}" -- "$current")); return
  fi
  if [ "$COMP_CWORD" = 2 ] && [[ ${{COMP_WORDS[1]}} = run || ${{COMP_WORDS[1]}} = jobs ]]; then
    COMPREPLY=($(compgen -W "{}" -- "$current") $(compgen -f -- "$current")); return
  fi
  if [ "$COMP_CWORD" = 2 ] && [ "${{COMP_WORDS[1]}}" = completion ]; then
    COMPREPLY=($(compgen -W "bash zsh fish" -- "$current")); return
  fi
  if [ "$before" = --format ]; then
    COMPREPLY=($(compgen -W "text json" -- "$current")); return
  fi
{}  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ $current = -* ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _minke minke
)",
                     CommandNames(app), JobNames(), nested, cases);
}

std::string FishScript(const CLI::App& app) {
  std::string script;
  for (const CLI::App* command : app.get_subcommands({})) {
    const std::string& name = command->get_name();
    script += fmt::format("complete -c minke -n __fish_use_subcommand -f -a {} -d '{}'\n", name,
                          command->get_description());
    for (const CLI::App* nested : command->get_subcommands({})) {
      script += fmt::format("complete -c minke -n '__fish_seen_subcommand_from {}' -f -a {}\n",
                            name, nested->get_name());
    }
    for (const std::string& flag : AllFlagsOf(*command)) {
      if (!flag.starts_with("--")) continue;
      script += fmt::format("complete -c minke -n '__fish_seen_subcommand_from {}' -l {}\n", name,
                            flag.substr(2));
    }
  }
  return script +
         fmt::format("complete -c minke -n '__fish_seen_subcommand_from run jobs' -a '{}'\n",
                     JobNames());
}

int PrintScript(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") {
    fmt::print("{}", FishScript(app));
  } else if (shell == "zsh") {
    fmt::print("autoload -U +X bashcompinit && bashcompinit\n{}", BashScript(app));
  } else {
    fmt::print("{}", BashScript(app));
  }
  return 0;
}

}  // namespace

void AddCompletionCommand(CLI::App& app, int* exit_code) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->footer("Example:\n  source <(minke completion bash)");
  command->callback([&app, shell, exit_code] { *exit_code = PrintScript(app, *shell); });
}

}  // namespace minke
