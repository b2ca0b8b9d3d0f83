// The subcommands of `minke`. Each Add… declares its flags on the app and, when chosen, runs and
// stores its exit code.
#pragma once

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "runtime/run_observer.h"
#include "runtime/run_request.h"

namespace minke {

// A run that does not take place in this process alone.
struct RunElsewhere {
  std::function<void(CLI::App& command)> add_flags;
  std::function<bool()> is_asked_for;  // by the flags, once they are parsed
  std::function<int(CLI::App& command, const RunRequest& request, RunObserver& observer)> run;
};
// … but on a cluster's services; in the library minke_cluster_cli.
RunElsewhere OnClusterServices();

void AddRunCommand(CLI::App& app, int* exit_code, RunElsewhere elsewhere);
void AddJobsCommand(CLI::App& app, int* exit_code);
void AddVerifyCommand(CLI::App& app, int* exit_code);
// setup, put, get, ls, rm; in the library minke_cluster_cli.
void AddDatasetCommands(CLI::App& app, int* exit_code);
// journal show, check, export, import; likewise.
void AddJournalCommand(CLI::App& app, int* exit_code);
// master, mapper, reducer; likewise.
void AddProcessCommands(CLI::App& app, int* exit_code);
// status, watch, logs, cancel, pause, resume; likewise.
void AddJobCommands(CLI::App& app, int* exit_code);
void AddGateCommand(CLI::App& app, int* exit_code);
// rerun, sweep, doctor; likewise.
void AddUpkeepCommands(CLI::App& app, int* exit_code);
void AddCompletionCommand(CLI::App& app, int* exit_code);
void AddVersionCommand(CLI::App& app, int* exit_code);

// Declares the flags of `minke run` on `app` itself, for a program that is one job of its own
// (minke::main): there the job is `job`, and only inputs are positional.
void AddRunFlags(CLI::App& app, const std::string& job, int* exit_code,
                 RunElsewhere elsewhere = {});

// Parses and runs; returns the exit code of the process. Usage errors are printed to standard
// error: 64.
int ParseAndRun(CLI::App& app, int argc, char** argv, const int* exit_code);

// When `command` is chosen: fills in its flags from the config file, runs `body`, and says why that
// failed, if it did. What it returns is the exit code.
void WhenChosen(CLI::App& command, const std::string* config, int* exit_code,
                std::function<Result<int>()> body);

// Prints to standard error why `command` ("journal show") has failed, if it has; its exit code.
int Told(const std::string& command, const Status& status);

}  // namespace minke
