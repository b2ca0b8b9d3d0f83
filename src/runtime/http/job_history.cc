#include "runtime/http/job_history.h"

#include <utility>

#include "control/fleet.h"

namespace minke {

void JobHistory::Read(const LogMessage& message) {
  ++messages_;
  bytes_ += message.bytes.size();
  if (is_broken_) return;
  const auto counts = reader_.Read(message.offset, message.bytes);
  is_broken_ = !counts;
  if (!counts || *counts == nullptr) return;
  const uint64_t epoch = reader_.position().epoch.value_or(0);
  for (const proto::JournalRecord& record : (*counts)->records()) {
    Note(message.append_unix_ms, epoch, record);
    pending_.push_back({message.offset, message.append_unix_ms, epoch, record});
    if (pending_.size() > kEventsMax) pending_.pop_front();
  }
}

void JobHistory::Note(int64_t unix_ms, uint64_t epoch, const proto::JournalRecord& record) {
  if (record.has_attempt_assigned()) {
    times_[{epoch, record.attempt_assigned().n()}].assigned_ms = unix_ms;
  } else if (record.has_task_committed()) {
    times_[FromProto(record.task_committed().attempt())].ended_ms = unix_ms;
  } else if (record.has_attempt_failed()) {
    times_[FromProto(record.attempt_failed().attempt())].ended_ms = unix_ms;
  } else if (record.has_attempt_lost()) {
    times_[FromProto(record.attempt_lost().attempt())].ended_ms = unix_ms;
  } else if (record.has_attempt_cancelled()) {
    times_[FromProto(record.attempt_cancelled().attempt())].ended_ms = unix_ms;
  }
}

JobHistory::Events JobHistory::LatestEvents(const Job& job) {
  for (const Pending& one : std::exchange(pending_, {})) {
    events_.push_back(std::make_shared<JobEvent>(
        JobEvent{one.offset, one.unix_ms, one.epoch, ViewOf(one.record, one.epoch, job)}));
    if (events_.size() > kEventsMax) events_.pop_front();
  }
  return {events_.begin(), events_.end()};
}

AttemptTimes JobHistory::TimesOf(AttemptId attempt) const {
  const auto found = times_.find(attempt);
  return found == times_.end() ? AttemptTimes{} : found->second;
}

}  // namespace minke
