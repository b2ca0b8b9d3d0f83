// The master, as a pure state machine: append, read back, then act.
//
// The runtime hands over what it has read and what its effects have brought, calls Step, and
// carries out the effects that Step returns, in their order. Nothing else: no clock, no I/O, no
// thread in here. Step never needs a timer to go on after a round trip; `wake_at_ms` says when it
// must be called though nothing has come in (append time-outs, leases).
//
//   loop: read journal → JournalRead …   inbox → InboxRead …   heartbeats → HeartbeatRead …
//         effects that have ended → RowRead, LogOpened, PlanMade …
//         for (effect : brain.Step(moment)) carry it out
//
// An effect that meets an unreachable service is repeated by the runtime until it is carried out or
// fails for another reason (EffectFailed). Every effect may be carried out again by the next
// master: all are idempotent. After Exit, nothing more is said. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "control/decide.h"
#include "control/gate.h"
#include "control/job.h"
#include "control/job_view.h"
#include "control/master_effects.h"

namespace minke {

struct MasterOptions {
  std::string job_name;
  std::string version;            // of this minke, for the claim
  uint64_t uuid = 0;              // fresh random bits: of the first claim
  Incarnation fresh_incarnation;  // fresh random bits: used if the name is new
  uint64_t spec_hash = 0;
  DecideOptions decide;
  int64_t append_timeout_ms = 10'000;  // then the same bytes are sent again
  int64_t loop_gap_ms = 2'000;         // a longer gap between Steps starts the leases anew; 0: none
  int64_t no_worker_timeout_ms = 3'600'000;  // 0: none
  int64_t farewell_ms = 0;  // how long workers may take to say that they end, once the job has
  size_t winners_bytes_max = 4u << 20;  // of one WriteWinners effect
};

// How a job's row answers who comes with this spec: the end of the job where it is over, 64 where
// it is another job's row. Nothing: the job is open, go on with it.
std::optional<Exit> AnswerOfRow(const Row& row, const std::string& job_name, uint64_t spec_hash);

struct Moment {
  int64_t now_ms = 0;   // monotonic
  int64_t unix_ms = 0;  // for records and people
  // The heartbeat topic was just now read to its end, as its broker has told.
  bool heartbeats_at_end = true;
};

class MasterBrain {
 public:
  explicit MasterBrain(MasterOptions options);
  ~MasterBrain();
  MasterBrain(const MasterBrain&) = delete;
  MasterBrain& operator=(const MasterBrain&) = delete;

  // ---- what has come in
  void JournalRead(int64_t offset, Bytes bytes);
  void InboxRead(int64_t offset, Bytes bytes);
  void HeartbeatRead(Bytes bytes);
  void InboxOutOfRange(uint64_t fresh_uuid);  // claims again
  void LogBroken(Error error);                // the journal is shorter than read, or made anew
  void RowRead(const Row& row);
  void LogOpened(int64_t journal_begin, int64_t journal_end);
  void PlanMade(uint64_t checksum, const proto::Plan& plan);
  void PlanRead(const proto::Plan& plan);
  void ShuffleTableReady();
  // nullptr: the row is missing, as a successful read at LOCAL_QUORUM has shown.
  void ReportRead(AttemptId attempt, const proto::Report* report);
  void SplittersReady(uint64_t checksum);
  void WinnersReady();
  void ManifestReady(uint64_t checksum);
  void Published();  // `mine` is, or has been, the dataset's version
  void PublishConflict(uint64_t current);
  void CleanedUp();
  void PublishFailed(Error error);  // kOutput …: nothing was published, the job fails
  void EffectFailed(Error error);   // of any other effect: this master ends, the job stays open
  void GiveUp(Error error);         // a service was away for too long: likewise, with 75

  // One pass: effects to be carried out in this order; empty: nothing to do until something comes
  // in or wake_at_ms has come.
  std::vector<MasterEffect> Step(const Moment& moment);
  int64_t wake_at_ms() const;  // INT64_MAX: no need

  // ---- for gates and status pages, at any time
  bool is_in_charge() const;  // its claim was read back, and no newer one
  GateAnswer Gate(proto::PhaseKind role) const;
  JobView View() const;  // as of the last Step
  const Job& job() const;
  Incarnation incarnation() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
