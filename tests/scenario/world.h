// The world around the brains: jobs row, logs, store, dataset and clock, all in memory and ruled by
// the test. It carries out what real MasterBrains and WorkerBrains say, as src/runtime does, and
// lets the test lose, repeat and keep back messages, stop and kill processes, and pass time.
//
// It tells what happens line by line (Trace), and checks on its own what must hold in every
// history: what breaks is a line that begins with "!!", and counted in violations().
// Deterministic: no clock, no thread, no randomness.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "control/master_brain.h"
#include "control/worker_brain.h"
#include "life.h"

#include "proto/minke.pb.h"

namespace minke {

// What becomes of a message that is appended.
enum class Fate : uint8_t { kLands, kLost, kTwice, kHeld };

struct Shape {
  uint32_t samples = 0, maps = 1, reduces = 1;  // tasks; reduces = 0: map-only
  bool exports = false;  // the last of these steps' output, to a table
  uint32_t attempts_max = 4;
  bool backups = false;
  int64_t max_age_ms = 0;
  uint64_t job_hash = 0;
};

struct Tuning {
  MasterOptions master;  // names and ids are the world's
  int64_t repeat_ms = 5'000, heartbeat_ms = 3'000;
};

struct WorkerTuning {
  uint32_t slots = 1;
  proto::PhaseKind role = proto::PHASE_NONE;
  uint64_t job_hash = 0;
  std::string former;  // worker that ran here before; empty: none
  AttemptId culprit;
  int signal = 0;
};

struct Attempt {
  StartAttempt start;
  int64_t begun_ms = 0;
};

class World {
 public:
  explicit World(std::function<void(const std::string&)> trace) { tell_.trace = std::move(trace); }

  Shape shape;
  Tuning tuning;
  std::function<Fate(Topic)> fate;  // of each append; none: all land

  // ---- processes, by name
  void StartMaster(const std::string& name, uint64_t spec = 1);
  bool StartWorker(const std::string& name, const WorkerTuning& tuning);  // false: gate not open
  bool StartWorkerAt(const std::string& name, const WorkerTuning& tuning, const GateAnswer& gate);
  GateAnswer Gate(proto::PhaseKind role) const;             // of the last master that is there
  void JoinCrowd(const std::string& name, uint32_t count);  // workers that say so, and no more
  void Kill(const std::string& name);
  void Stop(const std::string& worker);                     // SIGTERM
  void SetFrozen(const std::string& name, bool is_frozen);  // SIGSTOP, SIGCONT
  bool IsFrozen(const std::string& name) const;
  void SetCutOff(const std::string& worker, bool is_cut);  // from the network; its attempts go on
  void SetRate(const std::string& worker, uint64_t bytes_s) { rates_[worker] = bytes_s; }
  void SetOutage(bool is_on);  // no log answers; what is sent meanwhile lands at its end
  MasterBrain* master(const std::string& name);
  std::vector<std::string> masters() const;
  std::vector<std::string> workers() const;
  std::vector<Attempt> RunningOn(const std::string& worker) const;
  // The attempt ends well, but for map outputs that it finds missing.
  void Done(const std::string& worker, AttemptId attempt);
  void Fail(const std::string& worker, AttemptId attempt, Error error);

  // ---- logs and store
  Life& life() { return LifeOf(row_->incarnation); }  // the newest incarnation's
  void Append(Topic topic, std::string bytes) { Append(row_->incarnation, topic, bytes); }
  void Append(const proto::Fact& fact);
  void Land(size_t index);  // of those held
  size_t held() const { return held_.size(); }
  void SetDataset(uint64_t version) { dataset_ = version; }
  void Hold(const std::string& effect) { holding_.insert(effect); }  // "publish" …
  void Release();
  void Rerun();  // a finished row becomes a new open incarnation
  std::string RowText() const;
  const std::optional<Row>& row() const { return row_; }

  // ---- time
  void Pump();  // until nobody has anything to say
  void PassTime(int64_t ms);
  int64_t now_ms() const { return tell_.now_ms; }
  size_t violations() const { return tell_.violations; }
  void Say(const std::string& text) { tell_.Say(text); }

 private:
  struct Master;
  struct Worker;
  struct Carry;
  struct Sent {
    Incarnation incarnation;
    Topic topic = Topic::kJournal;
    std::string bytes;
  };

  void Append(Incarnation incarnation, Topic topic, std::string bytes);
  Life& LifeOf(Incarnation incarnation);
  proto::Plan MakePlanNow() const;
  bool RunMaster(const std::string& name);
  bool Listen(Master& master);
  bool Perform(const std::string& name, MasterEffect& effect);
  bool RunWorker(const std::string& name);
  void Perform(Worker& worker, WorkerEffect& effect);
  void End(Worker& worker, AttemptId attempt, const Status& status,
           const std::vector<uint32_t>& missing);
  void CheckWakes();

  Teller tell_;
  std::map<std::string, std::shared_ptr<Master>> masters_;
  std::map<std::string, std::shared_ptr<Worker>> workers_;
  std::map<std::string, uint64_t> rates_;
  std::vector<Sent> held_;
  std::vector<Sent> delayed_;  // by an outage
  std::optional<Row> row_;
  std::map<Incarnation, Life> lives_;
  std::map<uint64_t, proto::Plan> plans_;
  std::set<std::string> tables_, holding_;
  uint64_t dataset_ = 0;
  uint64_t next_id_ = 1;
  bool outage_ = false;
};

}  // namespace minke
