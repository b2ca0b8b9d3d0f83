#include "nodes.h"

#include <algorithm>
#include <fmt/format.h>

#include "base/check.h"
#include "runtime/job_blocks.h"
#include "runtime/publish.h"

namespace minke::sim {

// ---- the master

MasterNode::MasterNode(Cluster* cluster, std::string name, uint64_t spec_hash)
    : Process(&cluster->machinery(), std::move(name), cluster->random().Branch()),
      cluster_(cluster),
      spec_hash_(spec_hash),
      store_(&cluster->database(), this) {}

MasterOptions MasterNode::Options() {
  MasterOptions options;
  options.job_name = kJobName;
  options.version = "sim";
  options.uuid = random().Next();
  options.fresh_incarnation = Incarnation{random().Next()};
  options.spec_hash = spec_hash_;
  options.decide.losses_max = cluster_->options().losses_max;
  options.decide.records_bytes_max = cluster_->options().records_bytes_max;
  options.winners_bytes_max = cluster_->options().winners_bytes_max;
  return options;
}

// The files move into place as in `minke run`; that the answer is lost on its way is as with a
// dataset in the store.
Result<uint64_t> MasterNode::PublishNow(const Publish& decided, const proto::Manifest& manifest) {
  const Incarnation incarnation = master_->brain().incarnation();
  cluster_->judge().OnPublish(master_->brain().View());
  const StoreFate fate = Process::FateOf("publish");
  if (fate == StoreFate::kDead) return Error{ErrorCode::kCancelled, "the process is dead"};
  const Error away{ErrorCode::kUnavailable, "the simulated output does not answer"};
  if (fate == StoreFate::kRefused) return away;
  const uint64_t standing =
      MINKE_TRY(PublishOutput(cluster_->RunOf(incarnation).context, {}, decided, manifest));
  cluster_->judge().OnPublished(incarnation);
  if (fate != StoreFate::kDone) return away;
  return standing;
}

int MasterNode::Main() {
  MasterPorts ports;
  ports.open_log = [this](Incarnation job) -> Result<std::unique_ptr<Log>> {
    auto log = std::make_unique<SimLog>(&cluster_->broker(), job, this);
    log->OnReady([this] { Ready(); });
    return log;
  };
  ports.store = &store_;
  ports.clock = &clock();
  ports.random_bits = [this] { return random().Next(); };
  MasterDuties duties;
  duties.make_plan = [this]() -> Result<proto::Plan> {
    return cluster_->MakePlan(master_->brain().incarnation());
  };
  duties.publish = [this](const Publish& decided, const proto::Manifest& manifest) {
    return PublishNow(decided, manifest);
  };
  master_ = std::make_unique<Master>(std::move(ports), std::move(duties), Options());
  while (is_alive()) {
    const bool went_on = master_->RunOnce();
    if (!is_alive()) break;
    if (master_->exit()) {
      last_words_ = master_->exit()->text;
      if (!last_words_.empty()) Say(last_words_);
      return master_->exit()->code;
    }
    const GateAnswer gate = master_->brain().Gate(proto::PHASE_NONE);
    if (gate.state == GateState::kOpen) {
      cluster_->judge().OnMaster(gate.incarnation, gate.position.offset, master_->brain().job());
    }
    const int64_t now_ms = cluster_->loop().now_ms();
    if (went_on) {
      Sleep(1);
    } else {
      WaitUntil(std::max(now_ms + 1, clock().OnLoop(master_->wake_at_ms())));
    }
  }
  return 0;
}

// ---- slots

SimSlotPool::SimSlotPool(Process* process, Judge* judge, size_t slots,
                         std::function<void(std::function<void()>)> spawn)
    : process_(process), judge_(judge), spawn_(std::move(spawn)), pages_(slots), slots_(slots) {
  for (size_t i = 0; i < slots; ++i) slots_[i].slot.page = &pages_[i];
}

void SimSlotPool::Start(size_t slot, const JobContext* context, AttemptSpec spec) {
  SimSlot& to = slots_[slot];
  MINKE_CHECK(!to.attempt);
  to.attempt = spec.id;
  to.slot.cancelled = false;
  spawn_([this, slot, context, spec = std::move(spec)] { Run(slot, *context, spec); });
}

void SimSlotPool::Run(size_t slot, const JobContext& context, const AttemptSpec& spec) {
  process_->Sleep(process_->random().Between(5, 900) * process_->slowness);
  if (!process_->is_alive()) return;
  const std::string name = fmt::format("{} {}/{}", spec.id.Text(), spec.task.step, spec.task.index);
  process_->Say("begins " + name);
  judge_->OnBegun(context.incarnation, spec.id, spec.task);
  Slot& to = slots_[slot].slot;
  AttemptEnd end{.slot = slot,
                 .attempt = spec.id,
                 .result = RunAttempt(context, spec, to),
                 .missing_map_tasks = to.missing_map_tasks};
  if (!process_->is_alive()) return;
  process_->Say(end.result ? "ends " + name
                           : fmt::format("fails {}: {}", name, NameOf(end.result.error().code)));
  ended_.push_back(std::move(end));
  process_->Ready();
}

void SimSlotPool::Cancel(size_t slot) { slots_[slot].slot.cancelled = true; }

std::vector<AttemptEnd> SimSlotPool::Ended() {
  for (const AttemptEnd& end : ended_) slots_[end.slot].attempt.reset();
  return std::exchange(ended_, {});
}

size_t SimSlotPool::running() const { return attempts().size(); }

std::vector<AttemptId> SimSlotPool::attempts() const {
  std::vector<AttemptId> all;
  for (const SimSlot& slot : slots_) {
    if (slot.attempt) all.push_back(*slot.attempt);
  }
  return all;
}

// ---- the worker

WorkerNode::WorkerNode(Cluster* cluster, std::string name, WorkerShape shape)
    : Process(&cluster->machinery(), std::move(name), cluster->random().Branch()),
      cluster_(cluster),
      shape_(std::move(shape)),
      id_{cluster->FreshBits()},
      store_(&cluster->database(), this) {}

void WorkerNode::Stop() {
  Say("is told to stop");
  must_stop_ = true;
  Ready();
}

void WorkerNode::Bury() {
  if (slots_ != nullptr) ran_when_killed_ = slots_->attempts();
  worker_.reset();
  slots_.reset();
  log_.reset();
}

int WorkerNode::Main() {
  if (const auto code = PassGate()) return *code;
  if (const auto code = LoadThePlan()) return *code;
  return Work();
}

// The exit code, where there is nothing to be done.
std::optional<int> WorkerNode::PassGate() {
  while (is_alive()) {
    if (must_stop_) return 143;
    Sleep(random().Between(2, 60));  // the question travels
    const auto answer = is_cut_from_log ? std::nullopt : cluster_->AskGate(shape_.role, random());
    Sleep(random().Between(2, 60));
    if (answer && answer->state == GateState::kOver) return 0;
    if (answer && answer->state == GateState::kOpen) {
      gate_ = *answer;
      return std::nullopt;
    }
    const auto row = store_.GetJob(kJobName);
    if (!answer && row && *row && (*row)->state == JobState::kFinished) return 0;
    Sleep(random().Between(800, 2'500));
  }
  return 0;
}

std::optional<int> WorkerNode::LoadThePlan() {
  for (;;) {
    auto plan = LoadPlan(store_, gate_.incarnation, gate_.plan_checksum);
    if (!is_alive()) return 0;
    if (must_stop_) return 143;
    if (plan) {
      plan_ = *std::move(plan);
      return std::nullopt;
    }
    last_words_ = plan.error().text;
    if (plan.error().code != ErrorCode::kUnavailable) return ExitCodeOf(plan.error().code);
    Sleep(1'000);
  }
}

int WorkerNode::Work() {
  PreparedRun& run = cluster_->RunOf(gate_.incarnation);
  context_ = run.context;
  context_.store = &store_;
  context_.plan = &plan_;
  log_ = std::make_unique<SimLog>(&cluster_->broker(), gate_.incarnation, this);
  log_->OnReady([this] { Ready(); });
  slots_ =
      std::make_unique<SimSlotPool>(this, &cluster_->judge(), shape_.slots,
                                    [this](std::function<void()> body) { Spawn(std::move(body)); });
  WorkerOptions options;
  options.id = id_;
  options.slots = shape_.slots;
  options.role = shape_.role;
  options.job_hash = plan_.job_hash();
  options.former = shape_.former;
  WorkerPorts ports;
  ports.log = log_.get();
  ports.store = &store_;
  ports.clock = &clock();
  worker_ = std::make_unique<Worker>(ports, &context_, slots_.get(), options, gate_);
  for (bool was_told = false; is_alive();) {
    if (must_stop_ && !was_told) worker_->Stop();
    was_told = must_stop_;
    const bool went_on = worker_->RunOnce();
    if (!is_alive()) break;
    if (worker_->exit()) {
      last_words_ = worker_->exit()->text;
      if (!last_words_.empty()) Say(last_words_);
      return worker_->exit()->code;
    }
    const int64_t now_ms = cluster_->loop().now_ms();
    if (went_on) {
      Sleep(1);
    } else {
      WaitUntil(std::max(now_ms + 1, clock().OnLoop(worker_->wake_at_ms())));
    }
  }
  return 0;
}

}  // namespace minke::sim
