#include "runtime/cluster/master_process.h"

#include <algorithm>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "adapter/system_clock.h"
#include "base/logging.h"
#include "runtime/crash_search.h"
#include "runtime/http/job_pages.h"
#include "runtime/master.h"
#include "runtime/prepare.h"
#include "runtime/publish.h"
#include "runtime/stop_signals.h"
#include "runtime/supervisor.h"
#include "runtime/waker.h"
#include "task/dataset/dataset.h"
#include "task/table/table.h"

namespace minke {
namespace {

constexpr int64_t kFarewellMs = 10'000;
constexpr int64_t kCountsMs = 5'000;  // between two log lines that only say how far it is

// Says why this process ends; its exit code.
int Say(int code, const std::string& text) {
  LogFormatted(code == 0 ? LogLevel::kInfo : LogLevel::kError, "{}", text);
  return code;
}

int Say(const Error& error) { return Say(ExitCodeOf(error.code), error.text); }

// Whether it is a dataset or a table, behind a tag or without one.
bool IsInStore(std::string_view input) {
  if (DatasetNameIn(input) || TableIn(input)) return true;
  const size_t equals = input.find('=');
  return equals != std::string_view::npos && IsInStore(input.substr(equals + 1));
}

Error PathRefused(const std::string& what, const std::string& path) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("the {} {} is a path: a master touches no files; put files into a "
                           "dataset first (minke put NAME {}) and name dataset:NAME, or let minke "
                           "run --kafka … --cassandra … do both",
                           what, path, path)};
}

Status RefusePaths(const RunRequest& request) {
  for (const std::string& input : request.inputs) {
    if (!IsInStore(input)) return PathRefused("input", input);
  }
  for (const auto& [name, path] : request.side_files) {
    if (!DatasetNameIn(path)) return PathRefused("side file", path);
  }
  if (TableIn(request.output)) return {};
  const auto output = DatasetNameIn(request.output);
  if (!output) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the output of a job on a cluster is a dataset or a table: -o "
                             "dataset:NAME or -o table:KEYSPACE.TABLE, not '{}'; minke get NAME "
                             "fetches a dataset",
                             request.output)};
  }
  return CheckDatasetName(*output);
}

// User code declares the job: first in a child, whose crash or hang can be told. 0: it went well,
// or what was wrong will be found again.
int TryDeclaration(const RunRequest& request) {
  const SharedPages pages(1);
  SupervisorOptions options;
  options.task_timeout_ms = int64_t{request.task_timeout_s} * 1000;
  const ChildEnd end = Supervise(options, pages, [&] {
    (void)DeclareRun(request, &pages.control());
    return 0;
  });
  if (end.stop_signal != 0) return ExitCodeOfSignal(end.stop_signal);
  return end.is_own_end() ? 0 : Say(DescribeCrash(request, end, nullptr));
}

class MasterProcess {
 public:
  MasterProcess(const MasterRequest& request, const ClusterServices& services)
      : request_(request), services_(services) {}

  int Run() {
    const auto end = ToTheEnd();
    if (stop_.signal() != 0) return Say(ExitCodeOfSignal(stop_.signal()), StopText(stop_.signal()));
    if (!end) return Say(end.error());
    return Say(end->code, end->text.empty() ? "the job has finished" : end->text);
  }

 private:
  Result<Exit> ToTheEnd() {
    SlotPage page;
    declared_.emplace(MINKE_TRY(DeclareRun(request_.run, &page)));
    begun_ms_ = clock_.NowMs();
    store_ = MINKE_TRY(WaitForStore(services_, {&clock_, &waker_, &stop_},
                                    {.setup_ms = request_.input_timeout_ms}));
    pages_ = MINKE_TRY(JobPages::Serve(PagesOptions()));
    LogFormatted(LogLevel::kInfo, "serves the job {} at {}", request_.job_name, pages_->url());
    MakeMaster();
    Loop();
    return master_->exit() ? *master_->exit() : Exit{};
  }

  JobPagesOptions PagesOptions() const {
    JobPagesOptions options;
    options.listen = request_.listen;
    options.job_name = request_.job_name;
    options.job_hash = declared_->file.hash();
    options.mappers = request_.mappers;
    options.reducers = request_.reducers;
    options.clock = &clock_;
    options.seed = RandomBits();
    return options;
  }

  void MakeMaster() {
    MasterPorts ports;
    ports.open_log = [this](Incarnation job) { return OpenLog(job); };
    ports.store = store_.get();
    ports.clock = &clock_;
    ports.random_bits = RandomBits;
    ports.on_journal = [this](const LogMessage& message) { pages_->Read(message); };
    ports.service_timeout_ms = std::max(services_.timeout_ms, 2 * request_.input_timeout_ms);
    MasterDuties duties;
    duties.make_plan = [this] { return MakePlan(); };
    duties.publish = [this](const Publish& decided, const proto::Manifest&) {
      return PublishVersion(decided);
    };
    MasterOptions options = FreshMasterOptions(*declared_, request_.job_name);
    options.no_worker_timeout_ms = request_.no_worker_timeout_ms;
    options.decide.lease_ms = request_.lease_ms;
    options.farewell_ms = kFarewellMs;
    master_ = std::make_unique<Master>(std::move(ports), std::move(duties), options);
  }

  Result<std::unique_ptr<Log>> OpenLog(Incarnation job) {
    auto log = services_.open_log(job);
    if (log) (*log)->OnReady([this] { waker_.Wake(); });
    return log;
  }

  // Called again until nothing is missing any more, or the time is over.
  Result<proto::Plan> MakePlan() {
    const RunPlace place{request_.mappers, master_->brain().incarnation(), store_.get()};
    auto planned = PlanRun(request_.run, *declared_, place, nullptr);
    if (planned) return std::move(planned->plan);
    Error error = std::move(planned).error();
    const bool may_come =
        error.code == ErrorCode::kInput && clock_.NowMs() - begun_ms_ < request_.input_timeout_ms;
    if (may_come) error.code = ErrorCode::kUnavailable;
    return error;
  }

  Result<uint64_t> PublishVersion(const Publish& decided) {
    MINKE_TRY_STATUS(CheckSkipped(master_->brain().View().skipped, request_.run.skip_bad));
    return PublishStored(*store_, request_.run.output, master_->brain().incarnation(), decided);
  }

  void Loop() {
    while (!master_->exit() && stop_.signal() == 0) {
      const bool went_on = master_->RunOnce();
      pages_->Show(master_->brain());
      SayHowFar(clock_.NowMs());
      if (went_on || master_->exit()) continue;
      const int64_t until_ms = std::min({master_->wake_at_ms(), pages_->wake_at_ms()});
      waker_.Wait(std::max<int64_t>(0, until_ms - clock_.NowMs()));
    }
  }

  // A line when the job gets into another state, and how far it is now and then.
  void SayHowFar(int64_t now_ms) {
    if (!LogIsOn(LogLevel::kInfo) || now_ms < say_at_ms_) return;
    const JobView view = pages_->View();
    const std::string counts = CountsOf(view);
    const bool is_new = view.state != said_state_;
    if (!is_new && (now_ms < counts_at_ms_ || counts == said_counts_)) return;
    LogFormatted(LogLevel::kInfo, "{}: {}", view.state, counts);
    said_state_ = view.state;
    said_counts_ = counts;
    counts_at_ms_ = now_ms + kCountsMs;
  }

  static std::string CountsOf(const JobView& view) {
    std::string text;
    for (const PhaseView& phase : view.phases) {
      if (phase.is_open) text = fmt::format("{}/{} tasks, ", phase.done, phase.tasks);
    }
    return text + WorkersText(view);
  }

  const MasterRequest& request_;
  const ClusterServices& services_;
  SystemClock clock_;
  Waker waker_;
  StopSignals stop_{&waker_};
  std::optional<DeclaredRun> declared_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<JobPages> pages_;
  std::unique_ptr<Master> master_;
  int64_t begun_ms_ = 0;
  int64_t say_at_ms_ = 0;
  int64_t counts_at_ms_ = 0;
  std::string said_state_;
  std::string said_counts_;
};

}  // namespace

int RunMaster(const MasterRequest& request, const ClusterServices& services) {
  if (const Status refused = RefusePaths(request.run); !refused) return Say(refused.error());
  if (const int code = TryDeclaration(request.run); code != 0) return code;
  return MasterProcess(request, services).Run();
}

}  // namespace minke
