// `minke run`: the flags of a run, from command line, environment (MINKE_…) and config file.
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/run_display.h"
#include "cli/run_flags.h"
#include "runtime/embedded.h"
#include "runtime/run_request.h"
#include "runtime/single_task.h"

namespace minke {
namespace {

struct RunCommand {
  RunFlags flags;
  std::string task, config;
  bool json = false, quiet = false;
  RunElsewhere elsewhere;

  int Run(CLI::App& app) {
    auto request = ReadRequest(app);
    const bool to_stdout =
        (flags.output.empty() || flags.output == "-") && flags.single_file.empty();
    RunDisplay display({.quiet = quiet, .json = json, .records_to_stdout = to_stdout});
    if (!request) {
      const int exit_code = ExitCodeOf(request.error().code);
      display.OnFailed(exit_code, request.error().text, nullptr);
      return exit_code;
    }
    if (!task.empty()) return RunTaskHere(*request, task, display);
    if (elsewhere.is_asked_for && elsewhere.is_asked_for()) {
      return elsewhere.run(app, *request, display);
    }
    return RunEmbedded(*request, display);
  }

 private:
  Result<RunRequest> ReadRequest(CLI::App& app) const {
    MINKE_TRY_STATUS(ApplyConfigFile(app, config));
    return ToRequest(flags);
  }
};

void AddOutputFlags(CLI::App& app, RunFlags* flags) {
  app.add_option("-o,--output", flags->output,
                 "Output folder; without it, or with '-', records go to standard output");
  app.add_option("--single-file", flags->single_file, "One output file in global key order");
  app.add_flag("--overwrite", flags->overwrite, "Replace an output that exists, after success");
  app.add_flag("--sync", flags->sync, "Sync output files to disk before they count")
      ->envname("MINKE_SYNC");
}

constexpr const char* kExamples =
    "Examples:\n"
    "  minke run wordcount books/*.txt -o out/\n"
    "  minke run wordcount books/ | head\n"
    "  minke run ./build/my_job.so logs/ -o out/ --partitions 8 --threads 2 --memory 256M\n"
    "  minke run join left=a.tsv right=b.tsv --single-file joined.tsv\n"
    "  minke run grep --arg fixed=error logs/ --quiet\n"
    "  gdb --args minke run ./build/my_job.so logs/ --task map-17\n"
    "  minke run wordcount books/ -o out/ --kafka 10.0.0.1:9092 --cassandra 10.0.0.2:9042 -m 4\n"
    "\n"
    "A flag stands before MINKE_… in the environment, and that before the config file.\n"
    "--json prints to standard output, or to standard error where records go there.\n"
    "\n"
    "Exit codes: 0 done, 64 usage, 65 bad input, 70 the job's code failed, 71 minke's own fault,\n"
    "74 output, 75 try again, 78 configuration, 130 interrupted, 143 terminated.";

}  // namespace

void AddRunFlags(CLI::App& app, const std::string& job, int* exit_code, RunElsewhere elsewhere) {
  auto run = std::make_shared<RunCommand>();
  run->flags.job = job;
  run->elsewhere = std::move(elsewhere);
  app.add_option(job.empty() ? "JOB INPUT..." : "INPUT...", run->flags.words,
                 job.empty() ? "A built-in job or a job file, then files, folders, globs, - or "
                               "TAG=PATH"
                             : "Files, folders, globs, - or TAG=PATH");
  AddOutputFlags(app, &run->flags);
  app.add_flag("--json", run->json, "Print one JSON object about the run at its end");
  app.add_flag("-q,--quiet", run->quiet, "No progress line and no table");
  AddJobFlags(app, &run->flags);
  AddMachineFlags(app, &run->flags);
  app.add_option(
      "--task", run->task,
      "Run one task alone (map-17, reduce-3) in this process, for a debugger; its output "
      "is summed up, and not kept");
  if (run->elsewhere.add_flags) run->elsewhere.add_flags(app);
  AddConfigFlag(app, &run->config);
  app.footer(kExamples);
  app.callback([&app, run, exit_code] { *exit_code = run->Run(app); });
}

void AddRunCommand(CLI::App& app, int* exit_code, RunElsewhere elsewhere) {
  CLI::App* command = app.add_subcommand("run", "Run a job on this machine");
  AddRunFlags(*command, "", exit_code, std::move(elsewhere));
}

}  // namespace minke
