// What a user asks of `minke run`: the flags, parsed, with defaults not yet filled in from the
// machine.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace minke {

struct RunRequest {
  std::string job;  // a built-in job's name, or the path of a job file
  std::vector<std::pair<std::string, std::string>> arguments;   // --arg name=value
  std::vector<std::pair<std::string, std::string>> side_files;  // --file name=path
  std::vector<std::string> inputs;                              // as named by the user

  std::string output;       // folder; empty or "-": records to standard output
  std::string single_file;  // one file in global key order instead
  bool overwrite = false;
  bool json_records = false;  // --format json
  bool sync = false;
  bool goes_on_later = false;  // another process may go on with this very run

  uint32_t partitions = 0;    // 0: by the input's size
  uint32_t threads = 0;       // 0: the CPUs at hand
  uint64_t memory_bytes = 0;  // 0: half of what the machine has
  std::string spill_folder;   // empty: TMPDIR, /tmp
  uint64_t spill_bytes = 0;   // 0: its free space
  uint64_t split_bytes = 0;   // 0: by input and threads, see plan.cc
  uint64_t block_bytes = 0;   // 0: 256 KiB
  uint32_t attempts = 4;
  uint32_t task_timeout_s = 600;
  uint64_t skip_bad = 0;
  bool backups = false;   // a second attempt beside one that is slow
  int64_t max_age_s = 0;  // past it an unfinished job is refused; 0: 30 days

  // One task alone: its output goes into a folder beside the spills, and `output` and `single_file`
  // only say what kind of run it is a task of.
  bool alone = false;
};

}  // namespace minke
