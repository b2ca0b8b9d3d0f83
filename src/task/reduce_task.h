// A reduce attempt: the winners' segments or shuffle blocks of one partition → merge → user's
// reduce → part. Called by RunAttempt on a slot's thread.
#pragma once

#include "task/attempt.h"

namespace minke {

// Runs the reduce attempt; the report is returned, not yet stored.
Result<proto::Report> RunReduceTask(const JobContext& context, const AttemptSpec& spec, Slot& slot);

}  // namespace minke
