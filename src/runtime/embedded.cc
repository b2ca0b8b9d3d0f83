#include "runtime/embedded.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

#include "adapter/memory_log.h"
#include "adapter/memory_store.h"
#include "adapter/system_clock.h"
#include "base/machine.h"
#include "runtime/crash_mark.h"
#include "runtime/crash_search.h"
#include "runtime/job_blocks.h"
#include "runtime/master.h"
#include "runtime/prepare.h"
#include "runtime/publish.h"
#include "runtime/slot_pool.h"
#include "runtime/stop_signals.h"
#include "runtime/supervisor.h"
#include "runtime/waker.h"
#include "runtime/worker.h"
#include "task/output/output_folder.h"

namespace minke {
namespace {

constexpr int64_t kProgressMs = 200;
constexpr int64_t kStopMs = 600;  // from a signal to the end, whatever user code does

// The work of the child.
class EmbeddedRun {
 public:
  struct Life {
    Incarnation incarnation;
    KnownCrashes crashes;  // of the children before it
  };
  EmbeddedRun(const RunRequest& request, RunObserver& observer, const SharedPages& pages, Life life)
      : request_(request),
        observer_(observer),
        pages_(pages),
        incarnation_(life.incarnation),
        crashes_(std::move(life.crashes)) {}

  int Run() {
    InstallCrashMarks();
    if (Status prepared = Prepare(); !prepared) return Refuse(prepared.error());
    run_->context.crashes = crashes_;
    if (!run_->inputs.spooled.empty()) pages_.child().has_used_up_input.store(1);
    Status status = Loop();
    if (status && stopped_by_ == 0 && master_->exit()->code == 0) {
      observer_.OnDone(master_->brain().View());
      return 0;
    }
    return EndWithoutOutput(status);
  }

 private:
  Status Prepare() {
    DeclaredRun declared = MINKE_TRY(DeclareRun(request_, &pages_.control()));
    run_ = MINKE_TRY(PrepareRun(request_, std::move(declared),
                                {static_cast<uint32_t>(pages_.pages().size()), incarnation_}));
    run_->context.store = &store_;
    return {};
  }

  // Nothing had begun.
  int Refuse(const Error& error) {
    const int code = ExitCodeOf(error.code);
    observer_.OnFailed(code, error.text, nullptr);
    return code;
  }

  // Master and worker live and die together: nobody is waited for.
  MasterOptions OptionsOfMaster() const {
    MasterOptions options = FreshMasterOptions(run_->declared, run_->context.job_name);
    options.fresh_incarnation = incarnation_;
    options.decide.lease_ms = 0;
    options.loop_gap_ms = 0;
    options.no_worker_timeout_ms = 0;
    return options;
  }

  Status Loop() {
    log_.OnReady([this] { waker_.Wake(); });
    MasterDuties duties;
    duties.make_plan = [this]() -> Result<proto::Plan> { return run_->plan; };
    duties.publish = [this](const Publish& publish, const proto::Manifest& manifest) {
      return PublishWinners(publish, manifest);
    };
    MasterPorts ports;
    ports.open_log = [this](Incarnation) { return std::make_unique<MemoryLog>(log_); };
    ports.store = &store_;
    ports.clock = &clock_;
    ports.random_bits = RandomBits;
    master_ = std::make_unique<Master>(std::move(ports), std::move(duties), OptionsOfMaster());
    slots_ = std::make_unique<ThreadSlotPool>(pages_.pages(), &waker_);
    while (!master_->exit()) {
      bool went_on = master_->RunOnce();
      if (worker_ == nullptr) StartWorker();
      if (worker_ != nullptr) {
        went_on = worker_->RunOnce() || went_on;
        const auto& left = worker_->exit();
        if (left && left->code != 0) return Error{ErrorCode::kInternal, left->text};
      }
      MINKE_TRY_STATUS(LookAtSignals());
      const int64_t now_ms = clock_.NowMs();
      ShowProgress(now_ms);
      if (!went_on && !master_->exit()) waker_.Wait(WaitMs(now_ms));
    }
    return {};
  }

  void StartWorker() {
    const GateAnswer gate = master_->brain().Gate(proto::PHASE_NONE);
    if (gate.state != GateState::kOpen) return;
    WorkerOptions options;
    options.id = WorkerId{RandomBits()};
    options.slots = static_cast<uint32_t>(slots_->slots());
    options.job_hash = run_->plan.job_hash();
    options.heartbeat_ms = kProgressMs;
    worker_ = std::make_unique<Worker>(WorkerPorts{&log_, &store_, &clock_}, &run_->context,
                                       slots_.get(), options, gate);
  }

  int64_t WaitMs(int64_t now_ms) const {
    int64_t until_ms = std::min(next_progress_ms_, master_->wake_at_ms());
    if (worker_ != nullptr) until_ms = std::min(until_ms, worker_->wake_at_ms());
    if (stopped_by_ != 0) until_ms = std::min(until_ms, stop_at_ms_);
    return std::max<int64_t>(0, until_ms - now_ms);
  }

  void ShowProgress(int64_t now_ms) {
    if (now_ms < next_progress_ms_) return;
    if (next_progress_ms_ != 0) observer_.OnProgress(master_->brain().View());
    next_progress_ms_ = now_ms + kProgressMs;
  }

  // A signal asks the master to cancel; if that takes too long, the run just ends.
  Status LookAtSignals() {
    const int signal = stop_.signal();
    if (signal != 0 && stopped_by_ == 0) {
      stopped_by_ = signal;
      stop_at_ms_ = clock_.NowMs() + kStopMs;
      proto::InboxMessage message;
      proto::CancelRequested* cancel = message.add_facts()->mutable_cancel_requested();
      cancel->set_id(RandomBits());
      cancel->set_reason(StopText(signal));
      MINKE_TRY_STATUS(log_.Append(Topic::kInbox, message.SerializeAsString()));
    }
    if (stopped_by_ != 0 && clock_.NowMs() >= stop_at_ms_) {
      return Error{ErrorCode::kCancelled, "stopped"};
    }
    return {};
  }

  Result<uint64_t> PublishWinners(const Publish& publish, const proto::Manifest& manifest) {
    MINKE_TRY_STATUS(CheckSkipped(master_->brain().View().skipped, request_.skip_bad));
    Publication publication;
    publication.single_file = request_.single_file;
    publication.overwrite = request_.overwrite;
    return PublishOutput(run_->context, publication, publish, manifest);
  }

  // Says why. Attempts that still run end with the process; the parent removes what they wrote.
  int EndWithoutOutput(const Status& status) {
    int code = 0;
    std::string text;
    if (stopped_by_ != 0) {
      code = ExitCodeOfSignal(stopped_by_);
      text = StopText(stopped_by_);
    } else if (!status) {
      code = ExitCodeOf(status.error().code);
      text = status.error().text;
    } else {
      code = master_->exit()->code;
      text = master_->exit()->text;
    }
    const JobView view = master_->brain().View();
    observer_.OnFailed(code, text, &view);
    return code;
  }

  const RunRequest& request_;
  RunObserver& observer_;
  const SharedPages& pages_;
  Incarnation incarnation_;
  KnownCrashes crashes_;
  SystemClock clock_;
  MemoryLog log_{&clock_};
  MemoryStore store_;
  Waker waker_;
  StopSignals stop_{&waker_};
  std::unique_ptr<PreparedRun> run_;
  std::unique_ptr<SlotPool> slots_;
  std::unique_ptr<Master> master_;
  std::unique_ptr<Worker> worker_;
  int64_t next_progress_ms_ = 0;
  int stopped_by_ = 0;
  int64_t stop_at_ms_ = 0;
};

// The process that the user started: runs no user code, starts children until one of them ends by
// itself, or there is nothing left to try.
class Parent {
 public:
  Parent(const RunRequest& request, RunObserver& observer)
      : request_(request), observer_(observer), pages_(ThreadsOf(request)) {
    options_.task_timeout_ms = int64_t{request.task_timeout_s} * 1000;
  }

  int Run() {
    for (uint32_t failures = 0;;) {
      const ChildEnd end = RunChild();
      if (end.is_own_end()) return end.exit_code;
      if (end.stop_signal != 0) return Stopped(end.stop_signal);
      if (end.culprit == nullptr) return Fail(DescribeCrash(request_, end, nullptr));
      const CrashPlace place = PlaceOf(*end.culprit);
      const bool is_own = place.crashed == kOwnFault;
      // What came through a pipe is gone with the child.
      if (is_own || pages_.child().has_used_up_input.load() != 0) {
        return Fail(DescribeCrash(request_, end, &place));
      }
      const CrashSearch search = FindCrash(request_, options_, place, crashes_);
      if (search.is_over && search.end.stop_signal != 0) return Stopped(search.end.stop_signal);
      if (search.is_over) {
        return Fail(DescribeCrash(request_, search.end, search.has_place ? &search.place : &place));
      }
      if (search.has_learned) continue;
      if (++failures >= request_.attempts) return Fail(DescribeCrash(request_, end, &place));
    }
  }

 private:
  ChildEnd RunChild() {
    const Incarnation incarnation = FreshIncarnation();
    const ChildEnd end = Supervise(options_, pages_, [&] {
      // Never destroyed: attempts may still run when it returns, and the process ends right then.
      return (new EmbeddedRun(request_, observer_, pages_, {incarnation, crashes_}))->Run();
    });
    // Only now does no attempt write any more.
    if (!end.is_own_end() || end.exit_code != 0) RemoveAside(request_, incarnation);
    return end;
  }

  int Stopped(int signal) {
    observer_.OnFailed(ExitCodeOfSignal(signal), StopText(signal), nullptr);
    return ExitCodeOfSignal(signal);
  }

  int Fail(const Error& error) {
    observer_.OnFailed(ExitCodeOf(error.code), error.text, nullptr);
    return ExitCodeOf(error.code);
  }

  const RunRequest& request_;
  RunObserver& observer_;
  const SharedPages pages_;
  SupervisorOptions options_;
  KnownCrashes crashes_;
};

}  // namespace

int RunEmbedded(const RunRequest& request, RunObserver& observer) {
  return Parent(request, observer).Run();
}

}  // namespace minke
