// Runs a job through the C ABI, in memory and in the plainest way, so that the SDK and the jobs are
// tested without the engine: small batches, small emitters, groups that are cut into pieces.
//
// It keeps what the ABI promises and no more: pointers handed to user code are freed as soon as
// they may be, so that a sanitizer sees whoever keeps one too long. For tests; one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <minke/abi.h>

namespace minke::test {

struct DriverOptions {
  size_t batch_bytes = 1 << 20;    // text batches end at the first line end behind it
  uint32_t emitter_pairs = 64;     // capacity of an emitter
  size_t emitter_bytes = 1 << 16;  // its scratch
  size_t refill_records = 64;      // records at hand in a reduce
  size_t pieces = 64;              // words or lines per call of the host
  uint32_t partitions = 1;
  std::string file = {};  // path of the side file "side"
};

struct Input {
  std::string content;
  std::string path = "input";
  std::string tag = "";
};

struct RunResult {
  std::vector<std::string> lines;  // text output, partition by partition
  std::string raw;                 // of a job with raw output
  std::map<std::string, std::vector<std::string>> side;
  std::map<std::string, uint64_t> counters;
  std::vector<std::string> log;
  std::string error;  // of user code; the run ended there
};

RunResult RunJob(const minke_job& job, const std::vector<Input>& inputs,
                 const DriverOptions& options = {});

}  // namespace minke::test
