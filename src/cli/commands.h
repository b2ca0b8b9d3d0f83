// The subcommands of `minke`. Each Add… declares its flags on the app and, when chosen, runs and
// stores its exit code.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "base/result.h"

namespace minke {

void AddRunCommand(CLI::App& app, int* exit_code);
void AddJobsCommand(CLI::App& app, int* exit_code);
void AddVerifyCommand(CLI::App& app, int* exit_code);
// setup, put, get, ls, rm; in the library minke_cluster_cli.
void AddDatasetCommands(CLI::App& app, int* exit_code);
// journal show, check, export, import; likewise.
void AddJournalCommand(CLI::App& app, int* exit_code);
void AddCompletionCommand(CLI::App& app, int* exit_code);
void AddVersionCommand(CLI::App& app, int* exit_code);

// Declares the flags of `minke run` on `app` itself, for a program that is one job of its own
// (minke::main): there the job is `job`, and only inputs are positional.
void AddRunFlags(CLI::App& app, const std::string& job, int* exit_code);

// Parses and runs; returns the exit code of the process. Usage errors are printed to standard
// error: 64.
int ParseAndRun(CLI::App& app, int argc, char** argv, const int* exit_code);

// Prints to standard error why `command` ("journal show") has failed, if it has; its exit code.
int Told(const std::string& command, const Status& status);

}  // namespace minke
