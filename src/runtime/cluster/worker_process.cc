#include "runtime/cluster/worker_process.h"

#include <algorithm>
#include <csignal>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "adapter/system_clock.h"
#include "base/logging.h"
#include "runtime/cluster/side_files.h"
#include "runtime/crash_mark.h"
#include "runtime/crash_search.h"
#include "runtime/http/gate_client.h"
#include "runtime/job_blocks.h"
#include "runtime/master.h"
#include "runtime/prepare.h"
#include "runtime/slot_pool.h"
#include "runtime/stop_signals.h"
#include "runtime/supervisor.h"
#include "runtime/waker.h"
#include "runtime/worker.h"

namespace minke {
namespace {

constexpr int64_t kStopMs = 9'000;       // from SIGTERM until the child is killed
constexpr int kUnexplainedMax = 30;      // children in a row that ended by nobody's known fault
constexpr int64_t kUnexplainedMs = 100;  // after such an end; then twice as long each time …
constexpr int64_t kPauseMs = 5'000;      // … and no longer

// The child: one worker, from the gate to its end.
class WorkerChild {
 public:
  WorkerChild(const WorkerRequest& request, const ClusterServices& services,
              const SharedPages& pages, WorkerOptions options)
      : request_(request), services_(services), pages_(pages), options_(std::move(options)) {}

  // After a pause, as far as no signal ends that.
  int Run(int64_t pause_ms) {
    InstallCrashMarks();
    if (pause_ms > 0) waker_.Wait(pause_ms);
    const Status status = Work();
    log_.reset();  // sends what is left
    const int signal = stop_.signal();
    if (signal != 0) return ExitCodeOfSignal(signal);
    if (!status) {
      LogFormatted(LogLevel::kError, "{}", status.error().text);
      return ExitCodeOf(status.error().code);
    }
    if (worker_ == nullptr) return 0;
    const ExitWorker& end = *worker_->exit();
    if (end.code != 0) LogFormatted(LogLevel::kError, "{}", end.text);
    return end.code;
  }

 private:
  Status Work() {
    const GateReply gate = MINKE_TRY(PassGate());
    if (gate.answer.state == GateState::kOver) {
      LogFormatted(LogLevel::kInfo, "there is nothing to do any more");
      return {};
    }
    store_ =
        MINKE_TRY(WaitForStore(services_, Control(), {.in_flight_bytes = gate.in_flight_bytes}));
    MINKE_TRY_STATUS(Join(gate.answer));
    log_ = MINKE_TRY(services_.open_log(gate.answer.incarnation));
    log_->OnReady([this] { waker_.Wake(); });
    slots_ = std::make_unique<ThreadSlotPool>(pages_.pages(), &waker_);
    WorkerPorts ports{log_.get(), store_.get(), &clock_, services_.timeout_ms};
    worker_ = std::make_unique<Worker>(ports, &run_->context, slots_.get(), options_, gate.answer);
    Loop();
    return {};
  }

  ControlThread Control() { return {&clock_, &waker_, &stop_}; }

  Result<GateReply> PassGate() {
    GateQuestion question;
    question.job_name = request_.job_name;
    question.role = request_.role;
    question.asker = options_.id.bits;
    GateWait wait;
    wait.master = request_.master;
    wait.read_row = [this] { return ReadJobRow(); };
    wait.timeout_ms = request_.gate_timeout_ms;
    wait.clock = &clock_;
    wait.waker = &waker_;
    wait.stop = &StopSignals::flag();
    return WaitAtGate(question, wait);
  }

  Result<std::optional<Row>> ReadJobRow() {
    const auto store = MINKE_TRY(services_.open_store(0));
    return ReadRow(*store, request_.job_name);
  }

  // The job as the plan has it, and what its tasks need here.
  Status Join(const GateAnswer& gate) {
    proto::Plan plan = MINKE_TRY(LoadPlan(*store_, gate.incarnation, gate.plan_checksum));
    RunRequest request = RequestOf(plan, request_.machine);
    if (!request_.job_file.empty()) request.job = request_.job_file;
    DeclaredRun declared = MINKE_TRY(DeclareRun(request, &pages_.control()));
    if (declared.file.hash() != plan.job_hash()) {
      return Error{ErrorCode::kConfiguration,
                   fmt::format("the job file {} is not the one that the job was accepted with: use "
                               "the same file, and the same minke, everywhere",
                               declared.file.spec())};
    }
    options_.job_hash = declared.file.hash();
    const RunPlace place{options_.slots, gate.incarnation, store_.get()};
    run_ = MINKE_TRY(JoinRun(request, std::move(declared), std::move(plan), place));
    side_files_ = MINKE_TRY(FetchSideFiles(*store_, run_->plan.job(), run_->context.spill->path()));
    run_->context.side_files = side_files_.paths;
    return {};
  }

  void Loop() {
    bool is_stopping = false;
    while (!worker_->exit()) {
      if (stop_.signal() != 0 && !is_stopping) {
        is_stopping = true;
        worker_->Stop();
      }
      if (worker_->RunOnce() || worker_->exit()) continue;
      waker_.Wait(std::max<int64_t>(0, worker_->wake_at_ms() - clock_.NowMs()));
    }
  }

  const WorkerRequest& request_;
  const ClusterServices& services_;
  const SharedPages& pages_;
  WorkerOptions options_;
  SystemClock clock_;
  Waker waker_;
  StopSignals stop_{&waker_};
  std::unique_ptr<Store> store_;
  std::unique_ptr<Log> log_;
  std::unique_ptr<PreparedRun> run_;
  SideFiles side_files_;
  std::unique_ptr<SlotPool> slots_;
  std::unique_ptr<Worker> worker_;
};

// The parent: starts children until one of them ends by itself.
class Supervisor {
 public:
  Supervisor(const WorkerRequest& request, const ClusterServices& services)
      : request_(request), services_(services), pages_(ThreadsOf(request.machine)) {
    supervision_.task_timeout_ms = int64_t{request.machine.task_timeout_s} * 1000;
    supervision_.stop_timeout_ms = kStopMs;
  }

  int Run() {
    for (int unexplained = 0;;) {
      const ChildEnd end = RunChild(PauseMs(unexplained));
      if (end.is_own_end()) return end.exit_code;
      if (end.stop_signal != 0) return ExitCodeOfSignal(end.stop_signal);
      const Error what = Describe(end);
      LogFormatted(LogLevel::kError, "{}", what.text);
      unexplained = end.culprit != nullptr ? 0 : unexplained + 1;
      if (end.was_declaring || unexplained == kUnexplainedMax) return ExitCodeOf(what.code);
      former_ = FormerChild{.id = id_, .culprit = {}, .signal = end.signal, .text = what.text};
      if (end.culprit == nullptr) continue;
      former_->culprit = {end.culprit->attempt_epoch.load(), end.culprit->attempt_n.load()};
      former_->record = end.culprit->record.load();
    }
  }

 private:
  static int64_t PauseMs(int unexplained) {
    if (unexplained == 0) return 0;
    return std::min(kPauseMs, kUnexplainedMs << std::min(unexplained - 1, 10));
  }

  ChildEnd RunChild(int64_t pause_ms) {
    id_ = WorkerId{RandomBits()};
    WorkerOptions options;
    options.id = id_;
    options.slots = static_cast<uint32_t>(pages_.pages().size());
    options.role = request_.role;
    options.former = former_;
    return Supervise(supervision_, pages_, [&] {
      // Never destroyed: attempts may still run when it returns, and the process ends right then.
      return (new WorkerChild(request_, services_, pages_, std::move(options)))->Run(pause_ms);
    });
  }

  Error Describe(const ChildEnd& end) const {
    RunRequest request = request_.machine;
    request.job = "the job " + request_.job_name;
    if (end.culprit == nullptr) return DescribeCrash(request, end, nullptr);
    const CrashPlace place = PlaceOf(*end.culprit);
    return DescribeCrash(request, end, &place);
  }

  const WorkerRequest& request_;
  const ClusterServices& services_;
  const SharedPages pages_;
  SupervisorOptions supervision_;
  WorkerId id_;
  std::optional<FormerChild> former_;
};

}  // namespace

int RunWorker(const WorkerRequest& request, const ClusterServices& services) {
  return Supervisor(request, services).Run();
}

}  // namespace minke
