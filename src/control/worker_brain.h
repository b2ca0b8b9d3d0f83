// The worker, as a pure state machine: it follows the journal, starts and cancels attempts in its
// slots, and repeats what it has to say until the journal has answered.
//
// As with MasterBrain the runtime hands over what has come in, calls Step, and carries out the
// effects in their order; a round trip needs no timer. It begins where the gate's answer says: it
// reads the one message at phase_offset (to see that this is the journal that the gate spoke of),
// then goes on at the answer's position. It ends with ExitWorker: when the job is finished, or the
// phase that its role serves is over. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "control/gate.h"

#include "proto/minke.pb.h"

namespace minke {

// ---- what the worker wants done
struct ReadJournal {  // → JournalRead; from now on from this offset
  int64_t offset = 0;
};
struct AppendInbox {
  std::string bytes;
};
struct AppendHeartbeat {
  std::string bytes;
};
struct StartAttempt {  // → AttemptEnded, always
  size_t slot = 0;     // idle
  AttemptId id;
  proto::PhaseKind kind = proto::PHASE_NONE;
  TaskId task;
  bool careful = false;
  uint32_t winners = 0;    // reduce: number of the winners block
  AttemptId source;        // export: whose output it writes
  uint64_t splitters = 0;  // checksum, 0 = none
  std::string shuffle_table;
};
struct CancelAttempt {  // → AttemptEnded, soon
  size_t slot = 0;
  AttemptId id;
};
struct DropOutput {  // the attempt ended well, and will never be read
  AttemptId id;
};
struct ExitWorker {  // what still runs is to be cancelled
  int code = 0;
  std::string text;
};
using WorkerEffect = std::variant<ReadJournal, AppendInbox, AppendHeartbeat, StartAttempt,
                                  CancelAttempt, DropOutput, ExitWorker>;

// The child before this one, as its supervisor saw it end.
struct FormerChild {
  WorkerId id;
  AttemptId culprit;  // n = 0: nobody knows
  int signal = 0;
  int64_t record = -1;  // that the culprit had at hand
  std::string text;     // what happened, for people
};

struct WorkerOptions {
  WorkerId id;  // fresh random bits
  uint32_t slots = 1;
  proto::PhaseKind role = proto::PHASE_NONE;  // PHASE_NONE serves all
  uint64_t job_hash = 0;
  int64_t repeat_ms = 5'000;     // until the journal has answered
  int64_t heartbeat_ms = 3'000;  // 0: none
  std::optional<FormerChild> former;
};

class WorkerBrain {
 public:
  WorkerBrain(WorkerOptions options, GateAnswer gate);  // an open gate's
  ~WorkerBrain();
  WorkerBrain(const WorkerBrain&) = delete;
  WorkerBrain& operator=(const WorkerBrain&) = delete;

  // ---- what has come in
  void JournalRead(int64_t offset, Bytes bytes);
  void LogBroken(const Error& error);
  // Ends with the error's exit code: a service was away for too long, or what was to be said cannot
  // be said.
  void GiveUp(const Error& error);
  // kUserCode …: see TaskFailed; kNotFound with `missing_map_tasks`: MapOutputMissing. After
  // CancelAttempt nothing is said of it. Ok only after every block and the report were
  // acknowledged.
  void AttemptEnded(size_t slot, const Status& result,
                    std::span<const uint32_t> missing_map_tasks = {});
  void Stop();  // SIGTERM: says WorkerLeaving, and exits with 143

  // One pass. `progress`: what the slots' attempts have done so far; only heartbeats look at it.
  std::vector<WorkerEffect> Step(int64_t now_ms,
                                 std::span<const proto::AttemptProgress> progress = {});
  int64_t wake_at_ms() const;  // INT64_MAX: no need

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
