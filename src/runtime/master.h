// The master: pumps log, store and clock into the MasterBrain and carries out its effects.
//
// RunOnce is the loop's body: it reads what is at hand, steps the brain, carries out what it asks
// for, and never blocks on the log. A service that is away is waited for, up to service_timeout_ms.
// The same class serves `minke run`, a pod, and the simulator. One control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/master_brain.h"
#include "port/clock.h"
#include "port/log.h"
#include "port/store.h"
#include "runtime/effect_queue.h"

#include "proto/minke.pb.h"

namespace minke {

struct MasterPorts {
  // The log of a job; which one the name stands for is known only when its row was read.
  std::function<Result<std::unique_ptr<Log>>(Incarnation)> open_log;
  Store* store = nullptr;
  const Clock* clock = nullptr;
  std::function<uint64_t()> random_bits;
  std::function<void(const LogMessage&)> on_journal = {};  // sees every message, as it is read
  int64_t service_timeout_ms = 600'000;  // then this master ends with 75, the job stays open
};

// What a master needs that neither log nor store gives.
struct MasterDuties {
  // From the inputs as they are now; called once per job, by the first master.
  std::function<Result<proto::Plan>()> make_plan;
  // Makes what the manifest lists the job's output; may be called again, also after a crash.
  // Returns the version that stands then: publish.mine, or the one that took its place.
  std::function<Result<uint64_t>(const Publish& publish, const proto::Manifest& manifest)> publish;
  uint32_t partitions_max = 16384;
};

// The job's row, if there is one.
Result<std::optional<Row>> ReadRow(Store& store, const std::string& job_name);

class Master {
 public:
  Master(MasterPorts ports, MasterDuties duties, MasterOptions options);
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // False: nothing happened, and nothing will until the log is ready or wake_at_ms.
  bool RunOnce();
  int64_t wake_at_ms() const;
  // Set once the brain has said its last word.
  const std::optional<Exit>& exit() const { return exit_; }
  const MasterBrain& brain() const { return brain_; }

 private:
  bool TakeLog(int64_t now_ms);
  Result<bool> ReadLog();
  Result<bool> ReadHeartbeats();
  void LookAtPatience(int64_t now_ms);
  void Enqueue(std::vector<MasterEffect> effects);
  Status Carry(MasterEffect& effect);
  Status Do(CompareAndSetRow& effect);
  Status Do(OpenLog& effect);
  Status Do(AppendJournal& effect);
  Status Do(ReadInbox& effect);
  Status Do(MakePlan& effect);
  Status Do(ReadPlan& effect);
  Status Do(MakeShuffleTable& effect);
  Status Do(ReadReport& effect);
  Status Do(ChooseSplitters& effect);
  Status Do(WriteWinners& effect);
  Status Do(WriteManifest& effect);
  Status Do(Publish& effect);
  Status Do(CleanUp& effect);
  Status Do(Exit& effect);
  void Keep(const proto::Plan& plan);

  MasterPorts ports_;
  MasterDuties duties_;
  std::string job_name_;
  MasterBrain brain_;
  EffectQueue<MasterEffect> effects_;
  Patience log_patience_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<LogReader> journal_;
  std::unique_ptr<LogReader> inbox_;
  std::unique_ptr<LogReader> heartbeat_;
  uint32_t partitions_ = 1;  // this and the next: of the plan
  ShuffleShape shape_;
  std::optional<Exit> exit_;
};

}  // namespace minke
