// Fleet: what the master has heard and not yet decided upon. Soft: a new master begins with an
// empty one and is told everything again.
//
// It changes only by Note (a fact, and when it came) and Settle (which forgets what the job has
// answered). It hides which silence counts: a lease runs from the last word of its worker, or from
// the last LeasesAnew, whichever is later. Pure; used by one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "control/job.h"

#include "proto/minke.pb.h"

namespace minke {

struct WorkerSeen {
  uint32_t slots = 0;  // 0: never said; it gets no work
  proto::PhaseKind role = proto::PHASE_NONE;
  uint64_t job_hash = 0;
  int64_t heard_ms = 0;
  std::optional<proto::WorkerLeaving> leaving;
};

// What a heartbeat says about an attempt that has begun.
struct AttemptSeen {
  int64_t begun_ms = 0;  // first heard of
  int64_t heard_ms = 0;
  uint64_t bytes = 0;
  uint64_t records = 0;
};

// A WorkerJoined, to be held against the journal: it is true as of its offset.
struct JoinSeen {
  std::set<AttemptId> live;
  int64_t as_of = 0;
};

// What the master's own effects have brought.
struct Outcomes {
  std::optional<proto::JobAccepted> plan;  // made, to be accepted
  bool row_accepted = false;
  std::string shuffle_table;                     // made
  uint64_t splitters = 0;                        // checksum of those chosen
  std::optional<proto::WinnersWritten> winners;  // written
  std::set<AttemptId> reports_missing;           // of winners
  bool reports_read = false;                     // those of all winners
  uint64_t manifest = 0;                         // checksum of the one written
  uint64_t publish_mine = 0;                     // the version to be published
  std::optional<uint64_t> publish_conflict;      // the version that stands instead of `expected`
  bool published = false;
  std::optional<Error> publish_failed;
  bool is_too_old = false;  // the job: past its max_age
};

class Fleet {
 public:
  // For the master of this epoch. What was joined before its claim is joined again, or gone: a
  // WorkerJoined of older times counts for nothing.
  explicit Fleet(uint64_t epoch = 0) : epoch_(static_cast<int64_t>(epoch)) {}

  void Note(const proto::Fact& fact, int64_t now_ms);
  void Note(const proto::Heartbeat& heartbeat, int64_t now_ms);
  void Note(Outcomes outcomes) { outcomes_ = std::move(outcomes); }
  // Whatever was silent may have been so because we did not listen.
  void NoteLeasesAnew(int64_t now_ms);
  // Forgets what `job` has answered, and attempts that have ended.
  void Settle(const Job& job);

  const std::map<WorkerId, WorkerSeen>& workers() const { return workers_; }
  // How long nothing was heard of it, as far as that counts; also for workers never heard of.
  int64_t SilenceMs(WorkerId worker, int64_t now_ms) const;
  // May be given work now: has joined with this job file, does not leave, is not silent.
  bool IsAtWork(WorkerId worker, const Job& job, int64_t now_ms, int64_t lease_ms) const;

  const std::map<AttemptId, AttemptSeen>& progress() const { return progress_; }
  // Bytes per second of attempts of this step that have committed lately.
  std::span<const double> rates(uint32_t step) const;

  // ---- facts that wait for an answer, in the order in which they came
  const std::vector<AttemptId>& done() const { return done_; }
  bool HasEnded(AttemptId attempt) const { return ended_.contains(attempt); }  // done or failed
  const std::vector<proto::TaskFailed>& failed() const { return failed_; }
  const std::vector<proto::MapOutputMissing>& missing() const { return missing_; }
  const std::map<WorkerId, JoinSeen>& joins() const { return joins_; }
  const std::vector<proto::Fact>& requests() const { return requests_; }
  const Outcomes& outcomes() const { return outcomes_; }

 private:
  void NoteJoined(const proto::WorkerJoined& joined, int64_t now_ms);
  void SettleProgress(const Job& job);

  std::map<WorkerId, WorkerSeen> workers_;
  std::map<WorkerId, proto::PhaseKind> former_roles_;  // of who joined before the claim only
  std::map<AttemptId, AttemptSeen> progress_;
  std::map<uint32_t, std::vector<double>> rates_;
  std::vector<AttemptId> done_;
  std::set<AttemptId> ended_;
  std::vector<proto::TaskFailed> failed_;
  std::vector<proto::MapOutputMissing> missing_;
  std::map<WorkerId, JoinSeen> joins_;
  std::vector<proto::Fact> requests_;
  Outcomes outcomes_;
  int64_t epoch_;
  int64_t leases_from_ms_ = 0;
};

AttemptId FromProto(const proto::AttemptId& id);
void ToProto(AttemptId id, proto::AttemptId* to);

}  // namespace minke
