// A job as others than its master see it: its journal folded, its winners' reports added up and,
// while it runs, what its workers say heard. Needs no master, so it also tells how a job has ended,
// and can ask something of one that will have a master again. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "control/fleet.h"
#include "control/job_view.h"
#include "control/tally.h"
#include "port/clock.h"
#include "port/log.h"
#include "port/store.h"
#include "runtime/journal/journal_fold.h"
#include "runtime/waker.h"

namespace minke {

struct FollowerPorts {
  // Who wants to be woken sets OnReady in here.
  std::function<Result<std::unique_ptr<Log>>(Incarnation job)> open_log;
  Store* store = nullptr;
  const Clock* clock = nullptr;
};

struct FollowerOptions {
  // Every message of the journal, as it is read; `counts`: it is in the job now.
  std::function<void(const LogMessage&, const JournalFold&, bool counts)> on_message = {};
  bool reads_reports = true;  // else records, bytes and counters stay 0
};

class JobFollower {
 public:
  JobFollower(FollowerPorts ports, std::string job_name, FollowerOptions options = {});
  ~JobFollower();
  JobFollower(const JobFollower&) = delete;
  JobFollower& operator=(const JobFollower&) = delete;

  // Reads what is at hand; true: there was something. kUnavailable: again later; kCorruption: the
  // journal is not the one that was read before, or its beginning is gone.
  Result<bool> RunOnce();
  // Reads all that there is now. `waker` is the one that open_log has made the log wake.
  Status ReadToEnd(Waker& waker);

  // As far as it was read; names the job, and nothing more, before there is one.
  JobView View() const;
  const Job& job() const { return fold_.job(); }
  // As it was when it was first read. Nothing: there is no such job yet.
  const std::optional<JobRow>& row() const { return row_; }
  bool has_journal() const { return journal_ != nullptr; }

  // Appends a fact to the inbox. kNotFound: there is none, no master has made it yet.
  Status Say(const proto::Fact& fact);

 private:
  Status Open();
  Status ReadJournal(bool& went_on);
  Status ReadFacts(bool& went_on);
  Status ReadHeartbeats(bool& went_on);
  Status ReadReports();
  Status ReadPlan();
  Result<std::unique_ptr<LogReader>> ReadFromFirst(Topic topic);
  Status BeginFleet();
  void Note(const LogMessage& message, const proto::JournalRecord& record);
  bool is_at_end() const;

  FollowerPorts ports_;
  std::string job_name_;
  FollowerOptions options_;
  std::optional<JobRow> row_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> journal_;
  std::unique_ptr<LogReader> inbox_;  // this and the next: none once the job is over
  std::unique_ptr<LogReader> heartbeat_;
  JournalFold fold_;
  Fleet fleet_;
  Tally tally_;
  std::map<TaskId, AttemptId> unread_;  // winners whose report is to be read
  bool has_plan_ = false;
  uint64_t input_bytes_ = 0;
  int64_t accepted_ms_ = 0;  // when its record was appended, as the log says; likewise:
  int64_t phase_ms_ = 0;
  int64_t last_ms_ = 0;
};

}  // namespace minke
