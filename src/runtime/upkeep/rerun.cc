#include "runtime/upkeep/rerun.h"

#include <fmt/format.h>

namespace minke {
namespace {

// Whether the journal, which must be there, is gone, or its beginning is.
Result<bool> HasLostJournal(const JobLogs& logs, Incarnation job) {
  const auto log = MINKE_TRY(logs.open(job));
  const auto range = log->Range(Topic::kJournal);
  if (!range && range.error().code == ErrorCode::kNotFound) return true;
  if (!range && range.error().code == ErrorCode::kCorruption) return true;
  const auto [first, end] = MINKE_TRY(range);
  return first != 0 || end == 0;
}

}  // namespace

Result<Incarnation> RerunJob(Store& store, const JobLogs& logs, const std::string& job_name) {
  const auto row = MINKE_TRY(store.GetJob(job_name));
  if (!row) return Error{ErrorCode::kInput, fmt::format("there is no job {}", job_name)};
  const bool is_over =
      row->state == JobState::kFinished ||
      (row->state == JobState::kAccepted && MINKE_TRY(HasLostJournal(logs, row->incarnation)));
  if (!is_over) {
    return Error{ErrorCode::kAlreadyExists,
                 fmt::format("the job {0} is not over: its processes go on with it when they are "
                             "started again; minke cancel {0} ends it",
                             job_name)};
  }
  MINKE_TRY_STATUS(logs.remove(row->incarnation));
  const JobRow anew{FreshIncarnation(), row->spec_hash, JobState::kOpen, 0};
  const JobRow stands = MINKE_TRY(store.CompareAndSetJob(job_name, row, anew));
  if (stands == anew) return anew.incarnation;
  return Error{ErrorCode::kUnavailable,
               fmt::format("somebody else has changed the job {} meanwhile: look at it, and try "
                           "again",
                           job_name)};
}

}  // namespace minke
