// Merging sorted streams: a loser tree. Records with equal keys come in the order of their streams,
// so streams are given in map task order.
#pragma once

#include <memory>
#include <vector>

#include "shuffle/run.h"

namespace minke {

// Streams that are read at once, at most; more runs are merged in passes.
inline constexpr size_t kMergeFanIn = 64;

std::unique_ptr<RecordStream> Merge(std::vector<std::unique_ptr<RecordStream>> streams);

// Opens `runs` (in order) at `partition`. More than `fan_in` of them are first merged, neighbours
// together, into longer runs in `scratch`, in as many passes as it takes.
Result<std::unique_ptr<RecordStream>> MergeRuns(std::vector<std::shared_ptr<const Run>> runs,
                                                uint32_t partition, SpillSpace* scratch,
                                                BlockOptions options, size_t fan_in = kMergeFanIn);

}  // namespace minke
