// A job as others than its master see it: its journal folded, its winners' reports added up, its
// workers' heartbeats heard. Needs no master, so it also tells how a job has ended. Reads only; one
// thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/fleet.h"
#include "control/job_view.h"
#include "control/tally.h"
#include "port/clock.h"
#include "port/log.h"
#include "port/store.h"
#include "runtime/journal/journal_fold.h"

namespace minke {

struct FollowerPorts {
  std::function<Result<std::unique_ptr<Log>>(Incarnation job)> open_log;
  Store* store = nullptr;
  const Clock* clock = nullptr;
};

class JobFollower {
 public:
  JobFollower(FollowerPorts ports, std::string job_name);
  ~JobFollower();
  JobFollower(const JobFollower&) = delete;
  JobFollower& operator=(const JobFollower&) = delete;

  // Reads what is at hand; true: there was something. kUnavailable: again later; kCorruption: the
  // journal is not the one that was read before.
  Result<bool> RunOnce();
  // As far as it was read; names the job, and nothing more, before there is one.
  JobView View() const;
  const Job& job() const { return fold_.job(); }
  // Appends a fact to the inbox. kNotFound: there is none, no master has made it yet.
  Status Say(const proto::Fact& fact);

 private:
  Status Open();
  Status ReadJournal(bool& went_on);
  Status ReadHeartbeats(bool& went_on);
  Status Apply(const LogMessage& message);
  Status ReadReports();

  FollowerPorts ports_;
  std::string job_name_;
  Incarnation incarnation_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> journal_;
  std::unique_ptr<LogReader> heartbeat_;
  JournalFold fold_;
  Fleet fleet_;
  Tally tally_;
  std::map<TaskId, AttemptId> unread_;  // winners whose report is to be read
  uint64_t input_bytes_ = 0;
  bool has_plan_ = false;
  int64_t begun_ms_ = 0;
  int64_t phase_begun_ms_ = 0;
};

}  // namespace minke
