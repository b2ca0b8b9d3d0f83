// A map attempt: input split → user's map → aggregate table, sorter or part file → segment or
// shuffle blocks. Called by RunAttempt on a slot's thread.
#pragma once

#include <memory>

#include "base/memory_accountant.h"
#include "shuffle/aggregate_table.h"
#include "shuffle/sorter.h"
#include "task/attempt.h"
#include "task/scratch.h"

namespace minke {

// Runs the map attempt; the report is returned, not yet stored.
Result<proto::Report> RunMapTask(const JobContext& context, const AttemptSpec& spec, Slot& slot);

// Runs the job's map over sample number `spec.task.index` and returns the sampled keys in the
// report.
Result<proto::Report> RunSampleTask(const JobContext& context, const AttemptSpec& spec, Slot& slot);

// A finished map attempt's output as the store keeps it inside one process. One of the two is set.
struct MapOutput {
  std::shared_ptr<ScratchSpace> scratch;
  std::shared_ptr<const AggregateSegment> states;
  std::shared_ptr<const SortedSegment> records;
  MemoryGrant kept;
};

}  // namespace minke
