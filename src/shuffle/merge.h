// Merging sorted streams: a loser tree. Records with equal keys come in the order of their streams,
// so streams are given in map task order.
#pragma once

#include <memory>
#include <vector>

#include "shuffle/run.h"

namespace minke {

struct MergeOptions {
  bool sort_values = false;  // equal keys come in byte order of their values, then in stream order
  size_t fan_in = 64;        // streams that are read at once, at most: more runs merge in passes
};

std::unique_ptr<RecordStream> Merge(std::vector<std::unique_ptr<RecordStream>> streams,
                                    const MergeOptions& options = {});

// Merges neighbouring runs (of the partitions first … last) into longer ones in `scratch`, in as
// many passes as it takes, until no more than `fan_in` are left. No run may be being written there.
Status MergeDown(std::vector<std::shared_ptr<const Run>>& runs, uint32_t first, uint32_t last,
                 SpillSpace* scratch, const BlockOptions& block, const MergeOptions& options = {});

// Opens one partition of `runs` (in order), merged down first if they are many.
Result<std::unique_ptr<RecordStream>> MergeRuns(std::vector<std::shared_ptr<const Run>> runs,
                                                uint32_t partition, SpillSpace* scratch,
                                                const BlockOptions& block,
                                                const MergeOptions& options = {});

}  // namespace minke
