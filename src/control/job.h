// Job: what the journal says, folded.
//
// It changes only by Apply, one record at a time, so every reader of the same journal has the same
// Job. It hides a compact table (some 50 bytes a task with its attempt) that serves 100,000 tasks
// with ease and a million at need, and indexes by task and worker. Pure; used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"

#include "proto/minke.pb.h"

namespace minke {

inline constexpr uint32_t kNoTask = UINT32_MAX;

struct StepState {
  proto::PhaseKind kind = proto::PHASE_NONE;
  uint32_t tasks = 0;
  uint32_t committed = 0;
  uint32_t waiting = 0;    // neither committed nor given to a worker
  int64_t opened_at = -1;  // offset of its PhaseOpened
  bool operator==(const StepState&) const = default;
};

struct TaskState {
  AttemptId winner;  // n = 0: not committed
  uint16_t failures = 0;
  uint16_t losses = 0;  // counted ones, and of its output
  uint16_t live = 0;    // attempts that somebody works on
  bool operator==(const TaskState&) const = default;
};

struct LiveAttempt {
  TaskId task;
  WorkerId worker;
  int64_t offset = 0;  // of the message that assigned it
  bool operator==(const LiveAttempt&) const = default;
};

// How an attempt stands, also long after it ended.
enum class AttemptState : uint8_t {
  kUnknown,
  kLive,
  kLost,       // its TaskDone still counts, if it comes first
  kFailed,     // nothing that is said of it counts any more, as with the following ones
  kCancelled,  // its task had another winner, or was given to another worker
  kCommitted,
  kOutputLost,  // was committed once
};

struct JobFailure {
  TaskId task;
  int32_t code = 0;  // an ErrorCode
  std::string text;
  bool operator==(const JobFailure&) const = default;
};

// The SDK has a minke::Job too: what links both must not take one for the other.
inline namespace control {
class Job {
 public:
  Job();
  ~Job();
  Job(const Job& other);
  Job& operator=(const Job& other);

  // `offset` and `epoch` are those of the message that holds the record (a claim's epoch is its
  // offset). kCorruption: the record cannot follow those before it; the Job is then of no use.
  Status Apply(int64_t offset, uint64_t epoch, const proto::JournalRecord& record);

  // ---- the job as a whole
  const proto::JobAccepted* accepted() const;  // nullptr: not yet
  const proto::JobFinished* finished() const;
  const proto::PublishDecided* publish() const;
  uint64_t splitters() const;  // checksum, 0 = none
  const std::string& shuffle_table() const;
  bool is_paused() const;
  const proto::CancelAccepted* cancelled() const;
  bool HasAnswered(uint64_t request) const;  // to cancel, pause, resume
  const JobFailure* last_failure() const;
  uint64_t epoch() const;
  uint64_t next_attempt() const;  // n of this epoch's next attempt

  // ---- steps and tasks
  uint32_t steps() const;
  const StepState& step(uint32_t step) const;
  std::optional<uint32_t> open_step() const;  // the last one opened
  std::optional<uint32_t> StepOf(proto::PhaseKind kind) const;
  const TaskState& task(TaskId task) const;
  // The first task from `from` on that is neither committed nor given to a worker, or kNoTask.
  uint32_t NextWaiting(uint32_t step, uint32_t from) const;
  std::span<const AttemptId> LiveAttemptsOf(TaskId task) const;
  std::span<const WorkerId> FailedOn(TaskId task) const;  // workers
  // Tasks with a failure or a counted loss that are not committed.
  const std::map<TaskId, JobFailure>& troubled() const;

  // ---- attempts and workers
  AttemptState StateOf(AttemptId attempt) const;
  TaskId TaskOf(AttemptId attempt) const;      // of one that is known
  WorkerId WorkerOf(AttemptId attempt) const;  // of one that is known
  // Committed tasks that still have live attempts.
  const std::set<TaskId>& contested() const;
  const std::map<AttemptId, LiveAttempt>& live() const;
  // Workers with live attempts, those in the order of assignment.
  const std::map<WorkerId, std::vector<AttemptId>>& live_by_worker() const;
  bool IsQuarantined(WorkerId worker) const;
  uint32_t BlamedTasks(WorkerId worker) const;  // that failed there and succeeded elsewhere
  std::optional<uint32_t> NumberOf(WorkerId worker) const;  // its short number in this epoch
  uint32_t next_number() const;
  uint64_t attempts() const;  // ever assigned
  uint64_t failures() const;
  uint64_t losses() const;  // counted or not
  uint32_t quarantined() const;

  // ---- winners of the map step, as reduce tasks read them
  uint32_t WinnersOf(uint32_t partition) const;  // number of its newest block, 0 = none
  // Map tasks won again since the blocks were written, each with the attempt that they name.
  const std::map<uint32_t, AttemptId>& outdated_winners() const;
  bool HasCurrentWinners() const;  // all map tasks are committed and stand in the blocks
  // Whether block `number` names the attempt that is the winner of `map_task` now.
  bool IsInWinners(uint32_t map_task, uint32_t number) const;

  bool operator==(const Job& other) const;

 private:
  Status ApplyToWhole(int64_t offset, const proto::JournalRecord& record);

  struct State;
  std::unique_ptr<State> state_;
};
}  // namespace control

}  // namespace minke
