// The `minke` command.
#include <algorithm>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace {

// Commands that are declared together.
struct Group {
  std::vector<std::string_view> names;
  void (*add)(CLI::App& app, int* exit_code);
};

void AddRun(CLI::App& app, int* exit_code) {
  minke::AddRunCommand(app, exit_code, minke::OnClusterServices());
}

// All of them, unless the first word names one: declaring their flags takes a good part of what an
// empty run takes. `completion` is not among the names, as it tells the flags of all.
void AddCommands(CLI::App& app, std::string_view first_word, int* exit_code) {
  const std::vector<Group> groups = {
      {{"run"}, AddRun},
      {{"jobs"}, minke::AddJobsCommand},
      {{"verify"}, minke::AddVerifyCommand},
      {{"setup", "put", "get", "ls", "rm"}, minke::AddDatasetCommands},
      {{"status", "watch", "logs", "cancel", "pause", "resume"}, minke::AddJobCommands},
      {{"journal"}, minke::AddJournalCommand},
      {{"master", "mapper", "reducer"}, minke::AddProcessCommands},
      {{"gate"}, minke::AddGateCommand},
      {{"rerun", "sweep", "doctor"}, minke::AddUpkeepCommands},
      {{}, minke::AddCompletionCommand},
      {{"version"}, minke::AddVersionCommand},
  };
  const auto has_it = [first_word](const Group& group) {
    return std::ranges::count(group.names, first_word) > 0;
  };
  const auto chosen = std::ranges::find_if(groups, has_it);
  if (chosen != groups.end()) return chosen->add(app, exit_code);
  for (const Group& group : groups) group.add(app, exit_code);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "MapReduce that runs in pods, or on this machine.\n"
      "\n"
      "  minke run wordcount books/ -o out/       count the words of a folder of texts\n"
      "  minke jobs                               what jobs are built in\n"
      "  minke verify out1/ out2/                 do two outputs hold the same records?\n"
      "  minke put books books/                   put files into a dataset in Cassandra",
      "minke"};
  int exit_code = 0;
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Show the help of every command");
  AddCommands(app, argc > 1 ? argv[1] : "", &exit_code);
  return minke::ParseAndRun(app, argc, argv, &exit_code);
}
