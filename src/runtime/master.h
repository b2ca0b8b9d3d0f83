// The master: pumps log, store and clock into the MasterBrain and carries out its effects.
//
// RunOnce is the loop's body: it reads what is at hand, steps the brain, carries out what it asks
// for, and never blocks on the log. The same class serves `minke run`, a pod, and the simulator.
// One control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "control/master_brain.h"
#include "port/clock.h"
#include "port/log.h"
#include "port/store.h"

#include "proto/minke.pb.h"

namespace minke {

struct MasterPorts {
  Log* log = nullptr;
  Store* store = nullptr;
  const Clock* clock = nullptr;
};

// What a master needs that neither log nor store gives.
struct MasterDuties {
  // From the inputs as they are now; called once per job, by the first master.
  std::function<Result<proto::Plan>()> make_plan;
  // Makes the winners' output the job's output; may be called again after a crash.
  std::function<Status(const Job& job)> publish;
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
  Result<bool> RunOnce();
  int64_t wake_at_ms() const { return brain_.wake_at_ms(); }
  // Set once the brain has said its last word.
  const std::optional<Exit>& exit() const { return exit_; }
  const MasterBrain& brain() const { return brain_; }

 private:
  Result<bool> ReadLog();
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
  Status Do(Publish& effect);
  Status Do(CleanUp& effect);
  Status Do(Exit& effect);

  MasterPorts ports_;
  MasterDuties duties_;
  std::string job_name_;
  MasterBrain brain_;
  std::unique_ptr<LogReader> journal_;
  std::unique_ptr<LogReader> inbox_;
  std::unique_ptr<LogReader> heartbeat_;
  uint32_t partitions_ = 1;
  std::optional<Exit> exit_;
};

}  // namespace minke
