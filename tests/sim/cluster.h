// A simulated cluster with one job: broker, database, the machines' weather, masters and workers as
// processes, and who starts them again when they end, as Kubernetes does. The judge watches.
//
// All of it follows from the seed. A folder of the file system holds input, scratch files and the
// output; it goes with the cluster.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/gate.h"
#include "control/worker_brain.h"
#include "judge.h"
#include "process.h"
#include "random.h"
#include "runtime/prepare.h"
#include "sim_log.h"
#include "sim_store.h"
#include "workload.h"

#include "proto/minke.pb.h"

namespace minke::sim {

class MasterNode;
class WorkerNode;

inline constexpr const char* kJobName = "job";
inline constexpr uint64_t kSpecHash = 0x5bec;

struct ClusterOptions {
  uint64_t seed = 0;
  JobKind kind = JobKind::kCount;
  bool has_backups = false;
  size_t records_bytes_max = 64u << 10;  // of a master's message
  size_t winners_bytes_max = 4u << 20;   // of one write of winners' blocks
  std::function<void(const std::string& line)> trace = {};
  bool has_calls = false;                        // the trace shows calls to the store
  uint32_t losses_max = 10'000;                  // of one task
  int64_t max_age_ms = 30LL * 24 * 3600 * 1000;  // of the job
  std::set<int> codes = {};  // with which processes may end, beside 0, 75 and 143
};

struct WorkerShape {
  uint32_t slots = 1;
  proto::PhaseKind role = proto::PHASE_NONE;
  std::optional<FormerChild> former;
};

class Cluster {
 public:
  explicit Cluster(const ClusterOptions& options);
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // ---- processes
  MasterNode& StartMaster(uint64_t spec_hash = kSpecHash);
  WorkerNode& StartWorker(const WorkerShape& shape);
  std::vector<MasterNode*> masters() const;  // that are alive, in order of their start
  std::vector<WorkerNode*> workers() const;
  std::vector<Process*> processes() const;
  // From now on masters and workers are started again when they end before their time.
  void Supervise(bool is_on) { is_supervising_ = is_on; }
  // What a worker hears that asks one of the masters; nothing: none is there.
  std::optional<GateAnswer> AskGate(proto::PhaseKind role, Random& random) const;

  // ---- the run
  // Until `is_over`, or that moment; true: it is over.
  bool Go(int64_t until_ms, const std::function<bool()>& is_over);
  // The row says finished and everybody has gone.
  bool HasEnded() const;
  std::optional<JobRow> row() const { return database_->RowOf(kJobName); }
  void Request(const proto::Fact& fact);  // lands in the inbox
  // After the end: the output is what it must be.
  void CheckOutput();

  const ClusterOptions& options() const { return options_; }
  Machinery& machinery() { return machinery_; }
  Loop& loop() { return machinery_.loop; }
  Weather& weather() { return machinery_.weather; }
  Random& random() { return random_; }
  Broker& broker() { return *broker_; }
  Database& database() { return *database_; }
  Judge& judge() { return *judge_; }
  void Say(const std::string& what) { machinery_.trace.Say("storm", what); }
  // Plan, output folder and memory of that incarnation.
  PreparedRun& RunOf(Incarnation incarnation);
  // The plan, as a master makes it.
  proto::Plan MakePlan(Incarnation incarnation);
  int plans_made() const { return plans_made_; }
  uint64_t FreshBits() { return ids_.Next(); }

 private:
  void Watch();
  void LookAfter();
  void LookAfterMasters();
  void LookAfter(WorkerNode& worker);

  ClusterOptions options_;
  Machinery machinery_;
  Random random_;
  Random ids_;
  std::string folder_;
  Workload work_;
  MachineClock clock_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<Database> database_;
  std::unique_ptr<Judge> judge_;
  std::map<Incarnation, std::unique_ptr<PreparedRun>> runs_;
  std::vector<std::unique_ptr<MasterNode>> masters_;
  std::vector<std::unique_ptr<WorkerNode>> workers_;
  bool is_supervising_ = true;
  int plans_made_ = 0;
};

}  // namespace minke::sim
