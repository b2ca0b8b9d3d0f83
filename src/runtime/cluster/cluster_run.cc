#include "runtime/cluster/cluster_run.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "adapter/http/http.h"
#include "adapter/system_clock.h"
#include "base/logging.h"
#include "base/machine.h"
#include "runtime/cluster/child_process.h"
#include "runtime/crash_search.h"
#include "runtime/get.h"
#include "runtime/journal/job_follower.h"
#include "runtime/prepare.h"
#include "runtime/publish.h"
#include "runtime/put.h"
#include "runtime/standard_output.h"
#include "runtime/stop_signals.h"
#include "runtime/supervisor.h"
#include "runtime/waker.h"
#include "task/dataset/dataset.h"

namespace minke {
namespace {

constexpr int64_t kProgressMs = 200;
constexpr int64_t kLookMs = 20;          // between two looks at the processes
constexpr int64_t kStopMs = 10'000;      // from a signal until the processes are killed
constexpr int64_t kFarewellMs = 15'000;  // for workers, once the master has ended
constexpr int kShortLivesMax = 10;       // in a row, then a process is given up

// What to say of a process that is over, or was started again.
std::string EndText(const ChildProcess& process, const ChildProcess::End& end) {
  return end.signal != 0
             ? fmt::format("the {} was ended by {}", process.name(), SignalText(end.signal))
             : fmt::format("the {} ended with exit code {}", process.name(), end.exit_code);
}

// A port for the master that nobody has now, below those that the kernel gives to clients.
Result<std::string> FindAddress() {
  const HttpLibrary* http = MINKE_TRY(LoadHttpLibrary());
  constexpr uint64_t kFirst = 15'000;
  constexpr uint64_t kPorts = 17'000;
  for (int tries = 0;; ++tries) {
    HttpServerOptions options;
    options.address = fmt::format("127.0.0.1:{}", kFirst + RandomBits() % kPorts);
    const auto server = http->Listen(options, [](const HttpRequest&) { return HttpResponse{}; });
    if (server) return options.address;
    if (tries == 100) return server.error();
  }
}

// The work of the child.
class ClusterRun {
 public:
  ClusterRun(const ClusterRunRequest& request, const ClusterServices& services,
             RunObserver& observer, const SharedPages& pages, Incarnation incarnation)
      : request_(request),
        services_(services),
        observer_(observer),
        pages_(pages),
        incarnation_(incarnation),
        job_name_("run-" + incarnation.Hex()) {}

  int Run() {
    unsetenv("MINKE_CONFIG");  // its flags are ours; those of the processes are told one by one
    Status status = ToTheEnd();
    EndProcesses();
    DropTemporary();
    const int signal = stop_.signal();
    if (signal != 0 && !is_published_) {
      return Failed(ExitCodeOfSignal(signal), StopText(signal));
    }
    if (!status) return Failed(ExitCodeOf(status.error().code), status.error().text);
    if (exit_.code != 0) return Failed(exit_.code, exit_.text);
    JobView view = follower_->View();
    view.elapsed_ms = clock_.NowMs() - begun_ms_;
    observer_.OnDone(view);
    return 0;
  }

 private:
  int Failed(int code, const std::string& text) {
    const JobView view = follower_ ? follower_->View() : JobView{};
    observer_.OnFailed(code, text, follower_ ? &view : nullptr);
    return code;
  }

  Status ToTheEnd() {
    DeclaredRun declared = MINKE_TRY(DeclareRun(request_.run, &pages_.control()));
    store_ = MINKE_TRY(WaitForStore(services_, {&clock_, &waker_, &stop_}, {}));
    const RunPlace place{request_.mappers, incarnation_, store_.get()};
    run_ = MINKE_TRY(PrepareRun(request_.run, std::move(declared), place));
    if (!run_->inputs.spooled.empty()) pages_.child().has_used_up_input.store(1);
    MINKE_TRY_STATUS(CheckOneFile());
    MINKE_TRY_STATUS(PutInputs());
    MINKE_TRY_STATUS(PutSideFiles());
    MINKE_TRY_STATUS(StartProcesses());
    MINKE_TRY_STATUS(Follow());
    if (exit_.code == 0) MINKE_TRY_STATUS(GetOutput());
    return {};
  }

  bool to_store() const { return !request_.run.output.empty() && !IsPath(request_.run.output); }
  bool to_one_file() const { return request_.run.output.empty(); }
  bool merges_by_key() const { return run_->context.merge_by_key; }

  // One file in key order comes from one partition, or from several whose order is that of keys.
  Status CheckOneFile() const {
    if (!to_one_file() || !merges_by_key() || run_->declared.job->partitions <= 1) return {};
    return Error{ErrorCode::kInvalidArgument,
                 "the job needs several partitions, which a cluster does not merge into one file: "
                 "name an output folder with -o"};
  }

  // ---- what goes in

  std::string NewDataset(const std::string& name) {
    return *temporary_.insert(fmt::format("run/{}/{}", incarnation_.Hex(), name)).first;
  }

  PutOptions OptionsOfPut() {
    PutOptions options;
    options.threads = ThreadsOf(request_.run);
    options.stop = &StopSignals::flag();
    options.on_progress = [this](const PutProgress& progress) {
      JobView view;
      view.name = job_name_;
      view.state = "putting";
      view.bytes_s = static_cast<double>(progress.bytes_done) * 1000 /
                     static_cast<double>(std::max<int64_t>(1, clock_.NowMs() - begun_ms_));
      observer_.OnProgress(view);
    };
    return options;
  }

  // Neighbouring files of one tag are one dataset; what is in the store already stays as it is.
  Status PutInputs() {
    const std::vector<proto::InputFile>& files = run_->inputs.files;
    const std::vector<uint32_t>& arguments = run_->inputs.arguments;
    const std::vector<std::string>& named = request_.run.inputs;
    for (size_t begin = 0; begin < files.size();) {
      const auto is_stored = [&](size_t at) {
        return files[at].version() != 0 || files[at].is_table();
      };
      const bool is_put = !is_stored(begin);
      size_t end = begin;
      while (end < files.size() && is_stored(end) != is_put &&
             files[end].tag() == files[begin].tag() &&
             (is_put || arguments[end] == arguments[begin])) {
        ++end;
      }
      if (!is_put) {
        inputs_.push_back(named[arguments[begin]]);
      } else {
        MINKE_TRY_STATUS(PutGroup(std::span(files).subspan(begin, end - begin)));
      }
      begin = end;
    }
    if (inputs_.empty()) return PutGroup({});  // no file at all is no error
    return {};
  }

  Status PutGroup(std::span<const proto::InputFile> files) {
    const std::string name = NewDataset(fmt::format("in-{}", inputs_.size()));
    PutOptions options = OptionsOfPut();
    if (run_->declared.job->input_kind == MINKE_FIXED) {
      options.record_bytes = run_->declared.job->record_size;
    }
    MINKE_TRY(PutFiles(*store_, name, files, options));
    const std::string tag = files.empty() ? "" : files[0].tag();
    inputs_.push_back((tag.empty() ? "" : tag + "=") + "dataset:" + name);
    return {};
  }

  // As they are, packed or not.
  Status PutSideFiles() {
    for (const auto& [name, path] : request_.run.side_files) {
      if (DatasetNameIn(path)) {
        side_files_.emplace_back(name, path);
        continue;
      }
      const std::vector<std::string> named = {path};
      InputFiles found = MINKE_TRY(FindInputFiles(named, {}));
      if (found.files.size() != 1) {
        return Error{ErrorCode::kInput, fmt::format("the side file {} is no single file", path)};
      }
      found.files[0].set_compression(0);
      const std::string dataset = NewDataset(fmt::format("file-{}", side_files_.size()));
      MINKE_TRY(PutFiles(*store_, dataset, found.files, OptionsOfPut()));
      side_files_.emplace_back(name, "dataset:" + dataset);
    }
    return {};
  }

  // ---- processes

  Status StartProcesses() {
    follower_.emplace(FollowerPorts{.open_log = [this](Incarnation job) { return OpenLog(job); },
                                    .store = store_.get(),
                                    .clock = &clock_},
                      job_name_);
    const std::string address = MINKE_TRY(FindAddress());
    master_.emplace("master", MasterWords(address));
    for (uint32_t i = 0; i < request_.mappers; ++i) {
      workers_.push_back(std::make_unique<ChildProcess>(
          "mapper", WorkerWords("mapper", request_.mappers, address)));
    }
    for (uint32_t i = 0; i < request_.reducers; ++i) {
      workers_.push_back(std::make_unique<ChildProcess>(
          "reducer", WorkerWords("reducer", request_.reducers, address)));
    }
    return {};
  }

  Result<std::unique_ptr<Log>> OpenLog(Incarnation job) {
    auto log = services_.open_log(job);
    if (log) (*log)->OnReady([this] { waker_.Wake(); });
    return log;
  }

  std::vector<std::string> WordsOf(const char* command) const {
    std::vector<std::string> words = {command, "--job-id=" + job_name_, "--log-level=warning"};
    words.insert(words.end(), request_.service_words.begin(), request_.service_words.end());
    return words;
  }

  std::vector<std::string> MasterWords(const std::string& address) {
    const RunRequest& run = request_.run;
    std::vector<std::string> words = WordsOf("master");
    words.push_back("--listen=" + address);
    words.push_back(fmt::format("--mappers={}", request_.mappers));
    words.push_back(fmt::format("--reducers={}", request_.reducers));
    // Of the files as they were named, packed or not, so that it is as on one machine.
    const bool is_one = to_one_file() && merges_by_key();
    words.push_back(fmt::format("--partitions={}", is_one ? 1 : run_->plan.partitions()));
    words.push_back(fmt::format("--attempts={}", run.attempts));
    words.push_back(fmt::format("--skip-bad={}", run.skip_bad));
    if (run.split_bytes != 0) words.push_back(fmt::format("--split-bytes={}", run.split_bytes));
    if (run.json_records) words.emplace_back("--format=json");
    for (const auto& [name, value] : run.arguments) words.push_back("--arg=" + name + "=" + value);
    for (const auto& [name, path] : side_files_) words.push_back("--file=" + name + "=" + path);
    output_ = to_store() ? run.output : "dataset:" + NewDataset("out");
    words.push_back("--output=" + output_);
    words.push_back(run.job);
    words.insert(words.end(), inputs_.begin(), inputs_.end());
    return words;
  }

  // Threads and memory, if the user names none: those of the machine, shared.
  std::vector<std::string> WorkerWords(const char* role, uint32_t count,
                                       const std::string& address) const {
    const RunRequest& run = request_.run;
    const uint64_t cpus = UsableCpus();
    const uint64_t all = request_.mappers + request_.reducers;
    const uint64_t threads = run.threads != 0 ? run.threads : std::max<uint64_t>(1, cpus / count);
    const uint64_t memory =
        run.memory_bytes != 0 ? run.memory_bytes : UsableMemoryBytes() / 2 / all;
    std::vector<std::string> words = WordsOf(role);
    words.push_back("--master=http://" + address);
    words.push_back(fmt::format("--threads={}", threads));
    words.push_back(fmt::format("--memory={}", memory));
    words.push_back(fmt::format("--task-timeout={}", run.task_timeout_s));
    if (!run.spill_folder.empty()) words.push_back("--spill=" + run.spill_folder);
    if (run.spill_bytes != 0) words.push_back(fmt::format("--spill-bytes={}", run.spill_bytes));
    if (run.block_bytes != 0) words.push_back(fmt::format("--block-bytes={}", run.block_bytes));
    return words;
  }

  // ---- while it runs

  // Until the master has ended for good.
  Status Follow() {
    for (;;) {
      const int64_t now_ms = clock_.NowMs();
      if (MINKE_TRY(LookAtMaster(now_ms))) return {};
      for (const auto& worker : workers_) MINKE_TRY_STATUS(LookAtWorker(*worker, now_ms));
      MINKE_TRY(Read());
      MINKE_TRY_STATUS(LookAtSignals(now_ms));
      if (now_ms >= next_progress_ms_) {
        if (next_progress_ms_ != 0) observer_.OnProgress(follower_->View());
        next_progress_ms_ = now_ms + kProgressMs;
      }
      waker_.Wait(kLookMs);
    }
  }

  // A service that is away is the master's business.
  Result<bool> Read() {
    auto read = follower_->RunOnce();
    if (!read && read.error().code == ErrorCode::kUnavailable) return false;
    return read;
  }

  // True: it has ended, and will not be started again.
  Result<bool> LookAtMaster(int64_t now_ms) {
    if (const auto end = master_->TakeEnd(now_ms)) {
      if (end->signal == 0 && (end->exit_code != 75 || follower_->job().accepted() == nullptr)) {
        MINKE_TRY_STATUS(TakeResult(*end));
        return true;
      }
      if (stop_.signal() != 0) return true;
      MINKE_TRY_STATUS(StartAgain(*master_, *end));
    }
    master_->Run(now_ms);
    return false;
  }

  Status TakeResult(const ChildProcess::End& end) {
    Status read = follower_->ReadToEnd(waker_);
    if (!read && read.error().code != ErrorCode::kUnavailable) return read;
    const proto::JobFinished* finished = follower_->job().finished();
    exit_.code = end.exit_code;
    exit_.text = finished != nullptr ? finished->text()
                                     : EndText(*master_, end) + ", see what it said above";
    return {};
  }

  Status LookAtWorker(ChildProcess& worker, int64_t now_ms) {
    if (finished_.contains(&worker)) return {};
    if (const auto end = worker.TakeEnd(now_ms)) {
      if (end->ended_with(0)) {
        finished_.insert(&worker);
        return {};
      }
      if (end->ended_with(64) || end->ended_with(78)) {
        return Error{ErrorCode::kConfiguration, EndText(worker, *end) + ", see what it said above"};
      }
      MINKE_TRY_STATUS(StartAgain(worker, *end));
    }
    worker.Run(now_ms);
    return {};
  }

  static Status StartAgain(const ChildProcess& process, const ChildProcess::End& end) {
    if (process.short_lives() >= kShortLivesMax) {
      return Error{ErrorCode::kInternal,
                   fmt::format("{}, {} times in a row", EndText(process, end), kShortLivesMax)};
    }
    LogFormatted(LogLevel::kWarning, "{}: it is started again", EndText(process, end));
    return {};
  }

  // A signal asks the master to cancel the job; if that takes too long, the run just ends.
  Status LookAtSignals(int64_t now_ms) {
    const int signal = stop_.signal();
    if (signal == 0) return {};
    if (stop_at_ms_ == 0) {
      stop_at_ms_ = now_ms + kStopMs;
      proto::Fact fact;
      fact.mutable_cancel_requested()->set_id(RandomBits());
      fact.mutable_cancel_requested()->set_reason(StopText(signal));
      if (!follower_->Say(fact)) master_->Signal(SIGTERM);
    }
    if (now_ms >= stop_at_ms_) return Error{ErrorCode::kCancelled, "stopped"};
    return {};
  }

  // Those that do not end by themselves are asked to, and then killed.
  void EndProcesses() {
    const bool is_over = follower_ && follower_->job().finished() != nullptr;
    if (!is_over) {
      if (master_) master_->Signal(SIGTERM);
      for (const auto& worker : workers_) worker->Signal(SIGTERM);
    }
    const int64_t until_ms = clock_.NowMs() + kFarewellMs;
    const auto is_running = [this] {
      const int64_t now_ms = clock_.NowMs();
      if (master_) master_->TakeEnd(now_ms);
      for (const auto& worker : workers_) worker->TakeEnd(now_ms);
      return (master_ && master_->is_running()) ||
             std::ranges::any_of(workers_, [](const auto& one) { return one->is_running(); });
    };
    while (is_running() && clock_.NowMs() < until_ms) waker_.Wait(kLookMs);
    workers_.clear();
    master_.reset();
  }

  // ---- what comes out

  Status GetOutput() {
    if (to_store()) return {};
    const std::string dataset = *DatasetNameIn(output_);
    GetOptions options;
    options.threads = ThreadsOf(request_.run);
    options.sync = request_.run.sync;
    if (run_->output != nullptr) {
      MINKE_TRY(GetIntoFolder(*store_, dataset, *run_->output, options));
    } else if (!request_.run.single_file.empty()) {
      const SingleFile to{request_.run.single_file, request_.run.overwrite, request_.run.sync};
      MINKE_TRY_STATUS(PublishFile(to, incarnation_, [&](File& file) -> Status {
        MINKE_TRY(GetInOrder(*store_, dataset, [&](Bytes bytes) { return file.Write(bytes); }));
        return {};
      }));
    } else {
      StandardOutput out;
      MINKE_TRY(GetInOrder(*store_, dataset, [&](Bytes bytes) { return out.Write(bytes); }));
    }
    is_published_ = true;
    return {};
  }

  // Nobody else knows of these; of a job that failed, the journal stays for who looks into that.
  // What cannot be removed now is for minke sweep.
  void DropTemporary() {
    if (is_published_) (void)services_.remove_log(follower_->View().incarnation);
    for (const std::string& name : temporary_) {
      const auto dataset = OpenDataset(*store_, name);
      if (!dataset) continue;
      if (RetireVersion(*store_, name, dataset->row.version)) {
        (void)RemoveVersion(*store_, dataset->row.version);
      }
    }
  }

  const ClusterRunRequest& request_;
  const ClusterServices& services_;
  RunObserver& observer_;
  const SharedPages& pages_;
  const Incarnation incarnation_;
  const std::string job_name_;
  SystemClock clock_;
  Waker waker_;
  StopSignals stop_{&waker_};
  std::unique_ptr<Store> store_;
  std::unique_ptr<PreparedRun> run_;
  std::optional<JobFollower> follower_;
  std::set<std::string> temporary_;  // datasets of this run
  std::vector<std::string> inputs_;  // as the master is told
  std::vector<std::pair<std::string, std::string>> side_files_;
  std::string output_;
  std::optional<ChildProcess> master_;
  std::vector<std::unique_ptr<ChildProcess>> workers_;
  std::set<const ChildProcess*> finished_;
  Exit exit_;
  bool is_published_ = false;
  int64_t begun_ms_ = clock_.NowMs();
  int64_t next_progress_ms_ = 0;
  int64_t stop_at_ms_ = 0;
};

}  // namespace

int RunOnCluster(const ClusterRunRequest& request, const ClusterServices& services,
                 RunObserver& observer) {
  const SharedPages pages(1);
  SupervisorOptions options;
  options.task_timeout_ms = int64_t{request.run.task_timeout_s} * 1000;
  options.stop_timeout_ms = kStopMs + kFarewellMs + 5'000;
  const Incarnation incarnation = FreshIncarnation();
  const ChildEnd end = Supervise(options, pages, [&] {
    return ClusterRun(request, services, observer, pages, incarnation).Run();
  });
  if (!end.is_own_end() || end.exit_code != 0) RemoveAside(request.run, incarnation);
  if (end.is_own_end()) return end.exit_code;
  const Error error = end.stop_signal != 0 ? Error{ErrorCode::kCancelled, StopText(end.stop_signal)}
                                           : DescribeCrash(request.run, end, nullptr);
  const int code =
      end.stop_signal != 0 ? ExitCodeOfSignal(end.stop_signal) : ExitCodeOf(error.code);
  observer.OnFailed(code, error.text, nullptr);
  return code;
}

}  // namespace minke
