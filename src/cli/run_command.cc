// `minke run`: the flags of a run, from command line, environment (MINKE_…) and config file.
#include <cstdio>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/machine.h"
#include "base/result.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/run_display.h"
#include "runtime/embedded.h"
#include "runtime/run_request.h"
#include "runtime/single_task.h"

namespace minke {
namespace {

// As written by the user; sizes and pairs are parsed afterwards, so that errors name the flag.
struct RunFlags {
  std::string job;
  std::vector<std::string> words;  // job and inputs
  std::vector<std::string> arguments;
  std::vector<std::string> side_files;
  std::string output, single_file, format = "text", spill;
  std::string memory, spill_bytes, split_bytes, block_bytes;
  uint32_t partitions = 0, threads = 0, attempts = 4, task_timeout = 600;
  uint64_t skip_bad = 0;
  std::string task, config;
  bool overwrite = false, sync = false, json = false, quiet = false;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

Result<Pairs> SplitPairs(const char* flag, const std::vector<std::string>& texts) {
  Pairs pairs;
  for (const std::string& text : texts) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{} takes NAME=VALUE, not '{}'", flag, text)};
    }
    pairs.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return pairs;
}

Result<uint64_t> ParseFlagSize(const char* flag, const std::string& text) {
  if (text.empty()) return uint64_t{0};
  auto size = ParseSize(text);
  if (!size) return std::move(size).error().Within(flag);
  if (*size == 0) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: must be more than 0", flag)};
  }
  return *size;
}

Result<RunRequest> ToRequest(const RunFlags& flags) {
  RunRequest request;
  request.job = flags.job;
  request.inputs = flags.words;
  if (request.job.empty()) {
    if (flags.words.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   "name a job and its input, as in: minke run wordcount books/ -o out/"};
    }
    request.job = flags.words.front();
    request.inputs.erase(request.inputs.begin());
  }
  if (request.inputs.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no input: name files or folders after the job ({})", request.job)};
  }
  request.arguments = MINKE_TRY(SplitPairs("--arg", flags.arguments));
  request.side_files = MINKE_TRY(SplitPairs("--file", flags.side_files));
  if (!flags.output.empty() && !flags.single_file.empty()) {
    return Error{ErrorCode::kInvalidArgument, "-o and --single-file exclude each other"};
  }
  request.output = flags.output == "-" ? "" : flags.output;
  request.single_file = flags.single_file;
  request.overwrite = flags.overwrite;
  request.json_records = flags.format == "json";
  request.sync = flags.sync;
  request.partitions = flags.partitions;
  request.threads = flags.threads;
  request.memory_bytes = MINKE_TRY(ParseFlagSize("--memory", flags.memory));
  request.spill_folder = flags.spill;
  request.spill_bytes = MINKE_TRY(ParseFlagSize("--spill-bytes", flags.spill_bytes));
  request.split_bytes = MINKE_TRY(ParseFlagSize("--split-bytes", flags.split_bytes));
  request.block_bytes = MINKE_TRY(ParseFlagSize("--block-bytes", flags.block_bytes));
  request.attempts = flags.attempts;
  request.task_timeout_s = flags.task_timeout;
  request.skip_bad = flags.skip_bad;
  return request;
}

Result<RunRequest> ReadRequest(CLI::App& app, const RunFlags& flags) {
  MINKE_TRY_STATUS(ApplyConfigFile(app, flags.config));
  return ToRequest(flags);
}

int RunAsAsked(CLI::App& app, const RunFlags& flags) {
  auto request = ReadRequest(app, flags);
  const bool to_stdout = (flags.output.empty() || flags.output == "-") && flags.single_file.empty();
  RunDisplay display({.quiet = flags.quiet, .json = flags.json, .records_to_stdout = to_stdout});
  if (request && !flags.task.empty()) return RunTaskHere(*request, flags.task, display);
  if (request) return RunEmbedded(*request, display);
  const int exit_code = ExitCodeOf(request.error().code);
  display.OnFailed(exit_code, request.error().text, nullptr);
  return exit_code;
}

void AddJobFlags(CLI::App& app, const std::shared_ptr<RunFlags>& flags) {
  app.add_option("--arg", flags->arguments, "NAME=VALUE: an argument of the job; may be repeated")
      ->allow_extra_args(false);
  app.add_option("--file", flags->side_files, "NAME=PATH: a file that the job reads as a whole")
      ->allow_extra_args(false);
  app.add_option("--partitions", flags->partitions, "Part files; default: one per 32M of input")
      ->check(CLI::Range(1u, 16384u))
      ->envname("MINKE_PARTITIONS");
  app.add_option("--attempts", flags->attempts, "Failures of one task that fail the job")
      ->check(CLI::Range(1u, 1000u))
      ->envname("MINKE_ATTEMPTS")
      ->capture_default_str();
  app.add_option("--task-timeout", flags->task_timeout,
                 "Seconds that user code may go without progress")
      ->check(CLI::Range(1u, 1000000u))
      ->envname("MINKE_TASK_TIMEOUT")
      ->capture_default_str();
  app.add_option(
      "--task", flags->task,
      "Run one task alone (map-17, reduce-3) in this process, for a debugger; its output "
      "is summed up, and not kept");
  app.add_option("--skip-bad", flags->skip_bad,
                 "Records and groups that may fail; they go to the outputs bad-records and "
                 "bad-groups")
      ->check(CLI::NonNegativeNumber)
      ->envname("MINKE_SKIP_BAD");
}

void AddOutputFlags(CLI::App& app, const std::shared_ptr<RunFlags>& flags) {
  app.add_option("-o,--output", flags->output,
                 "Output folder; without it, or with '-', records go to standard output");
  app.add_option("--single-file", flags->single_file, "One output file in global key order");
  app.add_option("--format", flags->format, "Output lines: text (key TAB value) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_flag("--overwrite", flags->overwrite, "Replace an output that exists, after success");
  app.add_flag("--sync", flags->sync, "Sync output files to disk before they count")
      ->envname("MINKE_SYNC");
  app.add_flag("--json", flags->json, "Print one JSON object about the run at its end");
  app.add_flag("-q,--quiet", flags->quiet, "No progress line and no table");
}

void AddMachineFlags(CLI::App& app, const std::shared_ptr<RunFlags>& flags) {
  app.add_option("--threads", flags->threads, "Tasks at once; default: the CPUs at hand")
      ->check(CLI::Range(1u, 4096u))
      ->envname("MINKE_THREADS");
  app.add_option("--memory", flags->memory,
                 "Memory budget, as in 256M; default: half of what is "
                 "available")
      ->envname("MINKE_MEMORY");
  app.add_option("--spill", flags->spill,
                 "Folder for what exceeds the memory; default: TMPDIR, "
                 "/tmp")
      ->envname("MINKE_SPILL");
  app.add_option("--spill-bytes", flags->spill_bytes,
                 "Most bytes to spill; default: its free space")
      ->envname("MINKE_SPILL_BYTES");
  app.add_option("--split-bytes", flags->split_bytes,
                 "Input of one map task; default: by input and threads")
      ->envname("MINKE_SPLIT_BYTES");
  app.add_option("--block-bytes", flags->block_bytes, "Size of shuffle and spill blocks")
      ->envname("MINKE_BLOCK_BYTES");
}

constexpr const char* kExamples =
    "Examples:\n"
    "  minke run wordcount books/*.txt -o out/\n"
    "  minke run wordcount books/ | head\n"
    "  minke run ./build/my_job.so logs/ -o out/ --partitions 8 --threads 2 --memory 256M\n"
    "  minke run join left=a.tsv right=b.tsv --single-file joined.tsv\n"
    "  minke run grep --arg fixed=error logs/ --quiet\n"
    "  gdb --args minke run ./build/my_job.so logs/ --task map-17\n"
    "\n"
    "A flag stands before MINKE_… in the environment, and that before the config file.\n"
    "--json prints to standard output, or to standard error where records go there.\n"
    "\n"
    "Exit codes: 0 done, 64 usage, 65 bad input, 70 the job's code failed, 71 minke's own fault,\n"
    "74 output, 75 try again, 78 configuration, 130 interrupted, 143 terminated.";

}  // namespace

void AddRunFlags(CLI::App& app, const std::string& job, int* exit_code) {
  auto flags = std::make_shared<RunFlags>();
  flags->job = job;
  app.add_option(job.empty() ? "JOB INPUT..." : "INPUT...", flags->words,
                 job.empty() ? "A built-in job or a job file, then files, folders, globs, - or "
                               "TAG=PATH"
                             : "Files, folders, globs, - or TAG=PATH");
  AddOutputFlags(app, flags);
  AddJobFlags(app, flags);
  AddMachineFlags(app, flags);
  AddConfigFlag(app, &flags->config);
  app.footer(kExamples);
  app.callback([&app, flags, exit_code] { *exit_code = RunAsAsked(app, *flags); });
}

void AddRunCommand(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("run", "Run a job on this machine");
  AddRunFlags(*command, "", exit_code);
}

}  // namespace minke
