// The processes of a simulated cluster: the real Master and the real Worker with its attempts, each
// on the links of one process.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cluster.h"
#include "process.h"
#include "runtime/master.h"
#include "runtime/slot_pool.h"
#include "runtime/worker.h"

namespace minke::sim {

class MasterNode final : public Process {
 public:
  MasterNode(Cluster* cluster, std::string name, uint64_t spec_hash);

  // nullptr: not yet, or not any more.
  const MasterBrain* brain() const { return master_ == nullptr ? nullptr : &master_->brain(); }
  const std::string& last_words() const { return last_words_; }
  bool was_seen = false;  // gone, and looked after

 private:
  int Main() override;
  void Bury() override { master_.reset(); }
  MasterOptions Options();
  Result<uint64_t> PublishNow(const Publish& decided, const proto::Manifest& manifest);

  Cluster* cluster_;
  uint64_t spec_hash_;
  SimStore store_;
  std::unique_ptr<Master> master_;
  std::string last_words_;
};

// Runs attempts on fibers of its process.
class SimSlotPool final : public SlotPool {
 public:
  // `spawn` runs a function on a fiber of the process.
  SimSlotPool(Process* process, Judge* judge, size_t slots,
              std::function<void(std::function<void()>)> spawn);

  void Start(size_t slot, const JobContext* context, AttemptSpec spec) override;
  void Cancel(size_t slot) override;
  std::vector<AttemptEnd> Ended() override;
  size_t slots() const override { return slots_.size(); }
  std::span<const SlotPage> pages() const override { return pages_; }
  size_t running() const override;
  std::vector<AttemptId> attempts() const;  // that run

 private:
  void Run(size_t slot, const JobContext& context, const AttemptSpec& spec);

  struct SimSlot {
    Slot slot;
    std::optional<AttemptId> attempt;
  };
  Process* process_;
  Judge* judge_;
  std::function<void(std::function<void()>)> spawn_;
  std::vector<SlotPage> pages_;
  std::vector<SimSlot> slots_;
  std::vector<AttemptEnd> ended_;
};

class WorkerNode final : public Process {
 public:
  WorkerNode(Cluster* cluster, std::string name, WorkerShape shape);

  void Stop();  // SIGTERM
  const WorkerShape& shape() const { return shape_; }
  WorkerId id() const { return id_; }
  const std::string& last_words() const { return last_words_; }
  const std::vector<AttemptId>& ran_when_killed() const { return ran_when_killed_; }
  bool was_seen = false;  // gone, and looked after

 private:
  int Main() override;
  void Bury() override;
  std::optional<int> PassGate();
  std::optional<int> LoadThePlan();
  int Work();

  Cluster* cluster_;
  WorkerShape shape_;
  WorkerId id_;
  SimStore store_;
  GateAnswer gate_;
  proto::Plan plan_;
  JobContext context_;
  std::unique_ptr<SimLog> log_;
  std::unique_ptr<SimSlotPool> slots_;
  std::unique_ptr<Worker> worker_;
  std::string last_words_;
  std::vector<AttemptId> ran_when_killed_;
  bool must_stop_ = false;
};

}  // namespace minke::sim
