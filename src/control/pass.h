// One pass of Decide: the records so far, and what they will change, so that no two rules of a pass
// contradict each other. Internal to decide.cc and assign.cc.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "control/decide.h"
#include "control/fleet.h"
#include "control/job.h"

#include "proto/minke.pb.h"

namespace minke {

// A worker that may be given attempts, and how many it has after what the pass has said so far.
struct Candidate {
  WorkerId id;
  proto::PhaseKind role = proto::PHASE_NONE;
  uint32_t slots = 0;
  uint32_t load = 0;
};

// What Decide was given.
struct Situation {
  const Job& job;
  const Fleet& fleet;
  const int64_t now_ms;
  const DecideOptions& options;
};

class Pass : public Situation {
 public:
  explicit Pass(const Situation& situation) : Situation(situation) {}

  // False: the message is full, and the pass over.
  bool Add(proto::JournalRecord record);
  bool is_full() const { return is_full_; }
  std::vector<proto::JournalRecord> TakeRecords() { return std::move(records_); }

  bool Lose(AttemptId attempt, bool counted);
  bool Fail(const proto::TaskFailed& failed);
  bool Cancel(AttemptId attempt);
  bool Commit(AttemptId attempt);
  bool LoseOutput(uint32_t step, const std::vector<uint32_t>& tasks);
  bool Assign(TaskId task, WorkerId worker, bool is_backup);

  bool HasEnded(AttemptId attempt) const { return ended_.contains(attempt); }
  bool IsCommitted(TaskId task) const {
    return committed_.contains(task) || (job.task(task).winner.n != 0 && !lost_.contains(task));
  }
  const std::set<TaskId>& committed() const { return committed_; }
  bool HasFailed(TaskId task) const { return failed_.contains(task); }  // in this pass
  bool has_lost_output() const { return !lost_.empty(); }
  // Of a worker's live attempts, those that the pass has not ended.
  uint32_t LoadOf(WorkerId worker) const;
  bool IsAtWork(WorkerId worker) const {
    return fleet.IsAtWork(worker, job, now_ms, options.lease_ms);
  }

 private:
  bool End(AttemptId attempt);

  std::vector<proto::JournalRecord> records_;
  size_t bytes_ = 0;
  bool is_full_ = false;
  std::set<AttemptId> ended_;
  std::map<WorkerId, uint32_t> ended_by_worker_;
  std::set<TaskId> committed_;
  std::set<TaskId> failed_;
  std::set<TaskId> lost_;  // outputs
  uint64_t assigned_ = 0;
  std::map<WorkerId, uint32_t> numbers_;  // first named in this pass
};

// The rules about slots (assign.cc): assign free slots, move waiting attempts to idle ones, start
// backup attempts.
void AssignSlots(Pass& pass);

}  // namespace minke
