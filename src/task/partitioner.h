// Which partition a key belongs to: by hash, by range (splitters that the sampling phase found), or
// by the job's own function. One object per attempt; used by its thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <minke/abi.h>

#include "base/result.h"
#include "shuffle/aggregate_table.h"

namespace minke {

// `splitters` (range only): partitions - 1 or fewer keys in ascending order; a key goes to the
// number of splitters that are not greater than it. `instance` (custom only) is the job instance
// whose function is called.
std::unique_ptr<KeyPartitioner> MakePartitioner(const minke_job& job, void* instance,
                                                uint32_t partitions,
                                                std::vector<std::string> splitters);

// Splitters that cut the sampled keys into `partitions` parts of about equal size; equal splitters
// are dropped.
std::vector<std::string> PickSplitters(std::vector<std::string> sample, uint32_t partitions);

}  // namespace minke
