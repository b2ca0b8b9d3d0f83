#include "cli/run_flags.h"

#include <fmt/format.h>
#include <utility>

#include "base/machine.h"

namespace minke {
namespace {

Result<uint64_t> ParseFlagSize(const char* flag, const std::string& text) {
  if (text.empty()) return uint64_t{0};
  auto size = ParseSize(text);
  if (!size) return std::move(size).error().Within(flag);
  if (*size == 0) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: must be more than 0", flag)};
  }
  return *size;
}

}  // namespace

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

void AddJobFlags(CLI::App& command, RunFlags* flags) {
  command
      .add_option("--arg", flags->arguments, "NAME=VALUE: an argument of the job; may be repeated")
      ->allow_extra_args(false);
  command
      .add_option("--file", flags->side_files, "NAME=PATH: a file that the job reads as a whole")
      ->allow_extra_args(false);
  command
      .add_option("--partitions", flags->partitions, "Part files; default: one per 32M of input")
      ->check(CLI::Range(1u, 16384u))
      ->envname("MINKE_PARTITIONS");
  command.add_option("--attempts", flags->attempts, "Failures of one task that fail the job")
      ->check(CLI::Range(1u, 1000u))
      ->envname("MINKE_ATTEMPTS")
      ->capture_default_str();
  command
      .add_option("--skip-bad", flags->skip_bad,
                  "Records and groups that may fail; they go to the outputs bad-records and "
                  "bad-groups")
      ->check(CLI::NonNegativeNumber)
      ->envname("MINKE_SKIP_BAD");
  command
      .add_option("--split-bytes", flags->split_bytes,
                  "Input of one map task; default: by input and threads, or mappers")
      ->envname("MINKE_SPLIT_BYTES");
  command.add_option("--format", flags->format, "Output lines: text (key TAB value) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

void AddMachineFlags(CLI::App& command, RunFlags* flags) {
  command.add_option("--threads", flags->threads, "Tasks at once; default: the CPUs at hand")
      ->check(CLI::Range(1u, 4096u))
      ->envname("MINKE_THREADS");
  command
      .add_option("--memory", flags->memory,
                  "Memory budget, as in 256M; default: half of what is "
                  "available")
      ->envname("MINKE_MEMORY");
  command
      .add_option("--spill", flags->spill,
                  "Folder for what exceeds the memory; default: TMPDIR, "
                  "/tmp")
      ->envname("MINKE_SPILL");
  command
      .add_option("--spill-bytes", flags->spill_bytes,
                  "Most bytes to spill; default: its free space")
      ->envname("MINKE_SPILL_BYTES");
  command.add_option("--block-bytes", flags->block_bytes, "Size of shuffle and spill blocks")
      ->envname("MINKE_BLOCK_BYTES");
  command
      .add_option("--task-timeout", flags->task_timeout,
                  "Seconds that user code may go without progress")
      ->check(CLI::Range(1u, 1000000u))
      ->envname("MINKE_TASK_TIMEOUT")
      ->capture_default_str();
}

Result<RunRequest> ToMachine(const RunFlags& flags) {
  RunRequest request;
  request.threads = flags.threads;
  request.memory_bytes = MINKE_TRY(ParseFlagSize("--memory", flags.memory));
  request.spill_folder = flags.spill;
  request.spill_bytes = MINKE_TRY(ParseFlagSize("--spill-bytes", flags.spill_bytes));
  request.block_bytes = MINKE_TRY(ParseFlagSize("--block-bytes", flags.block_bytes));
  request.task_timeout_s = flags.task_timeout;
  return request;
}

Result<RunRequest> ToRequest(const RunFlags& flags) {
  RunRequest request = MINKE_TRY(ToMachine(flags));
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
  request.split_bytes = MINKE_TRY(ParseFlagSize("--split-bytes", flags.split_bytes));
  request.attempts = flags.attempts;
  request.skip_bad = flags.skip_bad;
  return request;
}

}  // namespace minke
