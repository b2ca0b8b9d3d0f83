// An export attempt: one part of the job's output, which lies in the store, becomes rows of the
// user's table. All rows are written as of the moment that the plan names, so to write them again
// changes nothing. Called by RunAttempt on a slot's thread.
#pragma once

#include "task/attempt.h"

namespace minke {

// Runs the export attempt; the report is returned, not yet stored.
Result<proto::Report> RunExportTask(const JobContext& context, const AttemptSpec& spec, Slot& slot);

}  // namespace minke
