// The `minke` command.
#include <CLI/CLI.hpp>

#include "cli/commands.h"

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
  minke::AddRunCommand(app, &exit_code, minke::OnClusterServices());
  minke::AddJobsCommand(app, &exit_code);
  minke::AddVerifyCommand(app, &exit_code);
  minke::AddDatasetCommands(app, &exit_code);
  minke::AddJobCommands(app, &exit_code);
  minke::AddJournalCommand(app, &exit_code);
  minke::AddProcessCommands(app, &exit_code);
  minke::AddGateCommand(app, &exit_code);
  minke::AddUpkeepCommands(app, &exit_code);
  minke::AddCompletionCommand(app, &exit_code);
  minke::AddVersionCommand(app, &exit_code);
  return minke::ParseAndRun(app, argc, argv, &exit_code);
}
