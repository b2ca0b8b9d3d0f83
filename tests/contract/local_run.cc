#include "local_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <utility>

#include "control/fleet.h"
#include "control/journal.h"
#include "runtime/job_blocks.h"
#include "runtime/publish.h"
#include "task/dataset/dataset.h"

namespace minke {
namespace {

constexpr int kIdleMax = 100'000;  // waits in all: whoever runs the test is less patient
constexpr int64_t kIdleMs = 2;     // a wait for log or slots, in real time …
constexpr int64_t kTickMs = 100;   // … and what the test's clock makes of it
constexpr int64_t kLeaseMs = 2000;

}  // namespace

LocalRun::LocalRun(std::string folder, RunRequest request, OpenStore open_store, std::string name)
    : folder_(std::move(folder)),
      request_(std::move(request)),
      open_store_(std::move(open_store)),
      name_(std::move(name)) {
  Reopen();
}

std::optional<int> LocalRun::Go(const std::function<bool(const Job&)>& stop) {
  for (int idle = 0; idle < kIdleMax;) {
    if (run_ == nullptr) {
      if (const auto answer = Prepare()) return answer;
    }
    if (testing::Test::HasFailure()) return std::nullopt;
    if (master_ == nullptr) StartMaster();
    bool went_on = master_->RunOnce();
    if (master_->exit()) {
      if (master_->exit()->code != 0) {
        std::fprintf(stderr, "the master ends: %s\n", master_->exit()->text.c_str());
      }
      if (run_->output != nullptr) {
        EXPECT_TRUE(run_->output->Abandon());
      }
      return master_->exit()->code;
    }
    if (worker_ == nullptr) StartWorker();
    if (worker_ != nullptr) went_on = worker_->RunOnce() || went_on;
    if (stop(master_->brain().job()) || testing::Test::HasFailure()) return std::nullopt;
    if (went_on) continue;
    waker_.Wait(kIdleMs);
    clock_.Advance(kTickMs);
    ++idle;
  }
  ADD_FAILURE() << "the job does not go on";
  return std::nullopt;
}

int LocalRun::Live(size_t tasks, const std::function<void()>& kill) {
  size_t committed = 0;
  const auto is_over = [&](const Job& job) {
    size_t now = 0;
    for (uint32_t step = 0; step < job.steps(); ++step) now += job.step(step).committed;
    if (now < committed + tasks) return false;
    committed = now;
    return true;
  };
  for (int lives = 1; !testing::Test::HasFailure(); ++lives) {
    const auto code = Go(is_over);
    if (code) {
      EXPECT_EQ(*code, 0);
      return lives;
    }
    kill();
  }
  return 0;
}

void LocalRun::KillWorker() {
  slots_.reset();  // its attempts end as they would with their process: nobody hears of it
  worker_.reset();
  worker_log_.reset();
}

void LocalRun::KillAll() {
  KillMaster();
  KillWorker();
  run_.reset();
  Reopen();
}

History LocalRun::Read() {
  FileLog log(LogFolder(), &clock_);
  const auto reader = log.Read(Topic::kJournal, 0).value();
  JournalReader journal;
  History history;
  std::map<AttemptId, TaskId> attempts;
  std::set<TaskId> committed;
  for (;;) {
    const auto batch = reader->Poll(1 << 20).value();
    if (batch.empty()) return history;
    for (const LogMessage& message : batch) {
      const auto counted = journal.Read(message.offset, message.bytes).value();
      if (counted == nullptr) continue;
      for (const auto& record : counted->records()) {
        if (record.has_master_claimed()) ++history.claims;
        if (record.has_attempt_assigned()) {
          const TaskId task{record.attempt_assigned().step(), record.attempt_assigned().task()};
          attempts[{counted->epoch(), record.attempt_assigned().n()}] = task;
          if (committed.contains(task)) history.assigned_though_committed.insert(task);
        }
        if (record.has_task_committed()) {
          const TaskId task = attempts.at(FromProto(record.task_committed().attempt()));
          history.committed.push_back(task);
          committed.insert(task);
        }
        if (record.has_output_lost()) {
          ++history.outputs_lost;
          for (const uint32_t task : record.output_lost().tasks()) {
            committed.erase({record.output_lost().step(), task});
          }
        }
      }
    }
  }
}

int64_t LocalRun::JournalEnd() {
  if (master_ == nullptr) return 0;
  const auto range = FileLog(LogFolder(), &clock_).Range(Topic::kJournal);
  return range ? range->second : 0;
}

std::string LocalRun::LogFolder() const {
  return fmt::format("{}/log-{}-{}", folder_, name_, incarnation_.Hex());
}

void LocalRun::Reopen() {
  store_ = open_store_();
  const auto row = store_->GetJob(name_).value();
  incarnation_ = row ? row->incarnation : Incarnation{0xabc};
}

std::unique_ptr<FileLog> LocalRun::OpenLog() {
  auto log = std::make_unique<FileLog>(LogFolder(), &clock_);
  log->OnReady([this] { waker_.Wake(); });
  return log;
}

std::optional<int> LocalRun::Prepare() {
  SlotPage page;
  auto declared = DeclareRun(request_, &page);
  EXPECT_TRUE(declared) << declared.error().text;
  if (!declared) return std::nullopt;
  const auto answer = AnswerOfJob(request_, *declared, *store_, name_).value();
  if (answer) return answer->code;
  auto prepared = PrepareRun(request_, *std::move(declared), {kSlots, incarnation_, store_.get()});
  EXPECT_TRUE(prepared) << prepared.error().text;
  if (!prepared) return std::nullopt;
  run_ = *std::move(prepared);
  run_->context.store = store_.get();
  return std::nullopt;
}

void LocalRun::StartMaster() {
  MasterOptions options;
  options.job_name = name_;
  options.version = "test";
  options.uuid = ++ids_;
  options.fresh_incarnation = incarnation_;
  options.spec_hash = run_->declared.spec_hash;
  options.decide.lease_ms = kLeaseMs;
  options.loop_gap_ms = 0;
  MasterDuties duties;
  duties.make_plan = [this]() -> Result<proto::Plan> { return run_->plan; };
  duties.publish = [this](const Publish& decided, const proto::Manifest& manifest) {
    return PublishOutput(run_->context, {}, decided, manifest);
  };
  MasterPorts ports;
  ports.open_log = [this](Incarnation) { return OpenLog(); };
  ports.store = store_.get();
  ports.clock = &clock_;
  ports.random_bits = [this] { return ++ids_; };
  master_ = std::make_unique<Master>(std::move(ports), std::move(duties), options);
}

void LocalRun::StartWorker() {
  const GateAnswer gate = master_->brain().Gate(proto::PHASE_NONE);
  if (gate.state != GateState::kOpen) return;
  run_->plan = LoadPlan(*store_, incarnation_, gate.plan_checksum).value();
  worker_log_ = OpenLog();
  slots_ = std::make_unique<ThreadSlotPool>(pages_.pages(), &waker_);
  WorkerOptions options;
  options.id = WorkerId{++ids_};
  options.slots = kSlots;
  options.job_hash = run_->plan.job_hash();
  options.heartbeat_ms = kLeaseMs / 4;
  worker_ = std::make_unique<Worker>(WorkerPorts{worker_log_.get(), store_.get(), &clock_},
                                     &run_->context, slots_.get(), options, gate);
}

}  // namespace minke
