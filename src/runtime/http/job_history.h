// What happened to the job and when, as the messages of its journal and the times of their append
// tell. Keeps the latest records as events, and of every attempt when it was assigned and ended.
// Used by one thread; events are immutable and may be shared.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "control/job.h"
#include "control/journal.h"
#include "control/record_view.h"
#include "port/log.h"

#include "proto/minke.pb.h"

namespace minke {

inline constexpr size_t kEventsMax = 10'000;

struct JobEvent {
  int64_t offset = 0;  // of the message that holds the record
  int64_t unix_ms = 0;
  uint64_t epoch = 0;
  RecordView record;
};

// 0: not known.
struct AttemptTimes {
  int64_t assigned_ms = 0;
  int64_t ended_ms = 0;
};

class JobHistory {
 public:
  using Events = std::vector<std::shared_ptr<const JobEvent>>;

  // Every message of the journal, in order. What does not count leaves no event.
  void Read(const LogMessage& message);
  // The latest kEventsMax, oldest first. `job` has read at least what was read here.
  Events LatestEvents(const Job& job);
  AttemptTimes TimesOf(AttemptId attempt) const;

  uint64_t messages() const { return messages_; }
  uint64_t bytes() const { return bytes_; }

 private:
  struct Pending {
    int64_t offset = 0;
    int64_t unix_ms = 0;
    uint64_t epoch = 0;
    proto::JournalRecord record;
  };
  void Note(int64_t unix_ms, uint64_t epoch, const proto::JournalRecord& record);

  JournalReader reader_;
  std::deque<Pending> pending_;  // not yet events
  std::deque<std::shared_ptr<const JobEvent>> events_;
  std::map<AttemptId, AttemptTimes> times_;
  uint64_t messages_ = 0;
  uint64_t bytes_ = 0;
  bool is_broken_ = false;  // the master says so, and ends
};

}  // namespace minke
