// The flags that say what job runs on what, and what a process may use of its machine: the same for
// `minke run` and for the processes of a cluster, each of which takes those that it needs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "runtime/run_request.h"

namespace minke {

// As written by the user; sizes and pairs are parsed afterwards, so that errors name the flag.
struct RunFlags {
  std::string job;                 // empty: the first of the words
  std::vector<std::string> words;  // job and inputs
  std::vector<std::string> arguments;
  std::vector<std::string> side_files;
  std::string output, single_file, format = "text", spill;
  std::string memory, spill_bytes, split_bytes, block_bytes;
  uint32_t partitions = 0, threads = 0, attempts = 4, task_timeout = 600;
  uint64_t skip_bad = 0;
  bool overwrite = false, sync = false;
};

// --arg, --file, --partitions, --attempts, --skip-bad, --split-bytes, --format.
void AddJobFlags(CLI::App& command, RunFlags* flags);
// --threads, --memory, --spill, --spill-bytes, --block-bytes, --task-timeout.
void AddMachineFlags(CLI::App& command, RunFlags* flags);

// NAME=VALUE, each; kInvalidArgument names the flag.
using Pairs = std::vector<std::pair<std::string, std::string>>;
Result<Pairs> SplitPairs(const char* flag, const std::vector<std::string>& texts);

// kInvalidArgument: no job, no input, or a value that is none; the text names the flag.
Result<RunRequest> ToRequest(const RunFlags& flags);
// Of a process that learns from others what the job is.
Result<RunRequest> ToMachine(const RunFlags& flags);

}  // namespace minke
