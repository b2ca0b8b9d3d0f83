// What a simulated run computes: one of a few small jobs, written against the public SDK, over
// input that follows from the seed; and what must come out, computed here without any of minke's
// engine.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "random.h"
#include "runtime/run_request.h"

namespace minke::sim {

enum class JobKind : uint8_t {
  kCount,    // an aggregate, after it a reduce, counters
  kList,     // values of a key, sorted
  kSort,     // by range: a sampling phase
  kFilter,   // map-only
  kCombine,  // a combiner
};
inline constexpr int kJobKinds = 5;

struct Workload {
  // Writes the input into `folder`, which is there.
  static Workload Make(JobKind kind, const std::string& folder, Random random);

  RunRequest request;  // but for its output
  uint32_t partitions = 1;
  // What the parts must hold, by number; one behind the other where only that is told
  // (`is_one_text`).
  std::vector<std::string> parts;
  bool is_one_text = false;
  std::map<std::string, uint64_t> counters;
};

}  // namespace minke::sim
