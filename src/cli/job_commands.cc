// `minke status`, `watch`, `logs`, `cancel`, `pause`, `resume`: a job, seen and asked from outside.
// They talk to Kafka and Cassandra alone, so they work while no master lives, and after the end.
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <string>
#include <unistd.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "adapter/system_clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "cli/commands.h"
#include "cli/open_job.h"
#include "cli/run_display.h"
#include "control/record_view.h"
#include "runtime/http/json.h"
#include "runtime/journal/job_follower.h"
#include "runtime/journal/job_request.h"
#include "runtime/journal/journal_fold.h"
#include "runtime/journal/record_json.h"
#include "runtime/stop_signals.h"
#include "runtime/waker.h"

namespace minke {
namespace {

constexpr int64_t kWatchMs = 1'000;

struct JobCommandFlags {
  JobFlags job;
  std::string reason = "cancelled";
  uint32_t timeout_s = 60;
  bool json = false, no_reports = false, follow = false;
};

using Flags = std::shared_ptr<JobCommandFlags>;
// What a command does, once its flags are read; the exit code.
using Body = std::function<Result<int>(const JobCommandFlags& flags)>;

// ---- a job from outside

// The job with all that it stands on.
struct Seen {
  OpenedJob job;
  SystemClock clock;
  Waker waker;
  std::unique_ptr<JobFollower> follower;
};

Result<std::unique_ptr<Seen>> See(const JobFlags& flags, FollowerOptions options) {
  auto seen = std::make_unique<Seen>(MINKE_TRY(OpenJob(flags)));
  FollowerPorts ports;
  ports.open_log = [seen = seen.get()](Incarnation) -> Result<std::unique_ptr<Log>> {
    seen->job.log->OnReady([seen] { seen->waker.Wake(); });
    return std::move(seen->job.log);
  };
  ports.store = seen->job.store.get();
  ports.clock = &seen->clock;
  seen->follower = std::make_unique<JobFollower>(ports, flags.name, std::move(options));
  return seen;
}

// Reads all that there is. False: there is no journal any more, or not yet.
Result<bool> HasRead(Seen& seen) {
  Status read = seen.follower->ReadToEnd(seen.waker);
  const bool is_gone = !read && read.error().code == ErrorCode::kCorruption &&
                       seen.job.row.state == JobState::kFinished;
  if (is_gone) return false;
  MINKE_TRY_STATUS(std::move(read));
  return seen.follower->has_journal();
}

// ---- status

void PrintStatus(const JobView& view) {
  const auto print = [](const char* name, const std::string& value) {
    fmt::print("{:<12} {}\n", name, value);
  };
  print("job", fmt::format("{} ({})", view.name, view.incarnation.Hex()));
  print("state", view.exit_code ? fmt::format("{} with {}", view.state, *view.exit_code)
                                : ProgressLine(view));
  if (!view.text.empty()) print(view.exit_code ? "why" : "last failure", view.text);
  for (const PhaseView& phase : view.phases) {
    print(NameOf(phase.kind), fmt::format("{} tasks: {} waiting, {} running, {} done", phase.tasks,
                                          phase.waiting, phase.running, phase.done));
  }
  print("attempts",
        fmt::format("{}, {} failed, {} lost", view.attempts, view.failures, view.losses));
  if (!view.exit_code && !view.workers.empty()) print("workers", WorkersText(view));
  print("in", fmt::format("{} records, {} bytes", view.records_in, view.bytes_in));
  print("out", fmt::format("{} records, {} bytes", view.output_records, view.output_bytes));
  for (const auto& [name, value] : view.counters) print(name.c_str(), std::to_string(value));
  print("time", fmt::format("{:.1f} s", static_cast<double>(view.elapsed_ms) / 1e3));
}

// All that is left of a job whose journal is gone, or not yet there.
JobView ViewOfRow(const JobFlags& flags, const JobRow& row) {
  JobView view;
  view.name = flags.name;
  view.incarnation = row.incarnation;
  view.state = row.state == JobState::kFinished ? "finished" : "starting";
  if (row.state == JobState::kFinished) view.exit_code = row.exit_code;
  if (row.state == JobState::kFinished) view.text = "its journal was kept for some days only";
  return view;
}

Result<int> ShowStatus(const JobCommandFlags& flags) {
  const auto seen = MINKE_TRY(See(flags.job, {.reads_reports = !flags.no_reports}));
  const bool has_journal = MINKE_TRY(HasRead(*seen));
  const JobRow& row = seen->job.row;
  if (!has_journal && row.state == JobState::kAccepted) return NoJournal(flags.job, row);
  const JobView view = has_journal ? seen->follower->View() : ViewOfRow(flags.job, row);
  if (flags.json) {
    fmt::print("{}\n", JsonText(ToJson(view)));
  } else {
    PrintStatus(view);
  }
  return 0;
}

// ---- watch

// A line that is written over on a terminal; elsewhere one line for each new state.
class WatchLine {
 public:
  explicit WatchLine(bool json) : json_(json), is_terminal_(isatty(STDERR_FILENO) == 1) {}

  void Show(const JobView& view) {
    if (json_) {
      fmt::print("{}\n", JsonText(ToJson(view)));
      std::fflush(stdout);
    } else if (is_terminal_) {
      fmt::print(stderr, "\r\x1b[K{}", ProgressLine(view).substr(0, TerminalWidth() - 1));
      std::fflush(stderr);
    } else if (view.state != state_) {
      fmt::print(stderr, "{}\n", ProgressLine(view));
    }
    state_ = view.state;
  }
  void End() const {
    if (is_terminal_ && !json_) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  bool json_;
  bool is_terminal_;
  std::string state_;
};

Result<int> Watch(const JobCommandFlags& flags) {
  const auto seen = MINKE_TRY(See(flags.job, {}));
  const StopSignals signals(&seen->waker);
  if (!MINKE_TRY(HasRead(*seen))) return NoJournal(flags.job, seen->job.row);
  JobFollower& follower = *seen->follower;
  WatchLine line(flags.json);
  for (int64_t due_ms = 0; signals.signal() == 0;) {
    const bool is_over = follower.job().finished() != nullptr;
    if (is_over || seen->clock.NowMs() >= due_ms) {
      line.Show(follower.View());
      due_ms = seen->clock.NowMs() + kWatchMs;
    }
    if (is_over) break;
    if (!MINKE_TRY(follower.RunOnce())) {
      seen->waker.Wait(std::max<int64_t>(0, due_ms - seen->clock.NowMs()));
    }
  }
  line.End();
  if (signals.signal() != 0) return ExitCodeOfSignal(signals.signal());
  if (!flags.json) PrintStatus(follower.View());
  return follower.View().exit_code.value_or(0);
}

// ---- logs

void PrintRecords(const LogMessage& message, const JournalFold& fold, bool as_json) {
  const uint64_t epoch = fold.message().epoch();
  for (const proto::JournalRecord& record : fold.message().records()) {
    const RecordView view = ViewOf(record, epoch, fold.job());
    if (as_json) {
      nlohmann::json object = JsonOf(view);
      object["time"] = UtcText(message.append_unix_ms);
      fmt::print("{}\n", JsonText(object));
    } else {
      fmt::print("{}  {}\n", UtcText(message.append_unix_ms), TextOf(view));
    }
  }
}

Result<int> ShowLogs(const JobCommandFlags& flags) {
  const auto print = [&](const LogMessage& message, const JournalFold& fold, bool counts) {
    if (counts) PrintRecords(message, fold, flags.json);
  };
  const auto seen = MINKE_TRY(See(flags.job, {.on_message = print, .reads_reports = false}));
  const StopSignals signals(&seen->waker);
  if (!MINKE_TRY(HasRead(*seen))) return NoJournal(flags.job, seen->job.row);
  while (flags.follow && signals.signal() == 0 && seen->follower->job().finished() == nullptr) {
    std::fflush(stdout);
    if (!MINKE_TRY(seen->follower->RunOnce())) seen->waker.Wait(kWatchMs);
  }
  return signals.signal() == 0 ? 0 : ExitCodeOfSignal(signals.signal());
}

// ---- cancel, pause, resume

Result<int> Ask(const JobCommandFlags& flags, RequestKind kind) {
  const auto seen = MINKE_TRY(See(flags.job, {.reads_reports = false}));
  const Error over{
      ErrorCode::kAlreadyExists,
      fmt::format("the job {} is over: there is nothing to ask of it any more", flags.job.name)};
  if (seen->job.row.state == JobState::kFinished) return over;
  const JobRequest request{kind, RandomBits(), flags.reason, int64_t{flags.timeout_s} * 1000};
  const auto answer = AskJob(*seen->follower, seen->waker, seen->clock, request);
  if (!answer && answer.error().code == ErrorCode::kNotFound) {
    return NoJournal(flags.job, seen->job.row);
  }
  switch (MINKE_TRY(answer)) {
    case RequestAnswer::kGranted:
      return 0;
    case RequestAnswer::kWasOver:
      return over;
    case RequestAnswer::kRefused:
      return Error{
          ErrorCode::kAlreadyExists,
          fmt::format("too late: the output of the job {} is being published", flags.job.name)};
    case RequestAnswer::kNoneSoFar:
      break;
  }
  return Error{ErrorCode::kUnavailable,
               fmt::format("no master of the job {} has answered within {} s; the request stands, "
                           "and the next master answers it",
                           flags.job.name, flags.timeout_s)};
}

// ---- the commands

CLI::App* Add(CLI::App& app, int* exit_code, const char* name, const char* what, const Flags& flags,
              Body body) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_option("JOB", flags->job.name, "Name of the job")->required();
  AddJobFlags(*command, &flags->job);
  WhenChosen(*command, &flags->job.config, exit_code,
             [flags, body = std::move(body)] { return body(*flags); });
  return command;
}

void AddRequest(CLI::App& app, int* exit_code, const char* name, const char* what, RequestKind kind,
                const char* footer) {
  const auto flags = std::make_shared<JobCommandFlags>();
  CLI::App* command = Add(app, exit_code, name, what, flags,
                          [kind](const JobCommandFlags& given) { return Ask(given, kind); });
  command->add_option("--timeout", flags->timeout_s, "Seconds to wait for the master's answer")
      ->capture_default_str();
  if (kind == RequestKind::kCancel) {
    command->add_option("--reason", flags->reason, "What the job's end will say")
        ->capture_default_str();
  }
  command->footer(footer);
}

}  // namespace

void AddJobCommands(CLI::App& app, int* exit_code) {
  const auto status = std::make_shared<JobCommandFlags>();
  CLI::App* command =
      Add(app, exit_code, "status", "What a job is at, or how it ended", status, ShowStatus);
  command->add_flag("--json", status->json, "Print JSON");
  command->add_flag("--no-reports", status->no_reports,
                    "Leave out records, bytes and counters: faster where there are many tasks");
  command->footer("Examples:\n  minke status counts\n  minke status counts --json | jq .phases");

  const auto watch = std::make_shared<JobCommandFlags>();
  command = Add(app, exit_code, "watch", "Follow a job until it ends", watch, Watch);
  command->add_flag("--json", watch->json, "Print a JSON object a second");
  command->footer(
      "Examples:\n  minke watch counts && minke get counts -o counts/\n\n"
      "Exits with the code with which the job ends.");

  const auto logs = std::make_shared<JobCommandFlags>();
  command = Add(app, exit_code, "logs", "What has happened to a job", logs, ShowLogs);
  command->add_flag("-f,--follow", logs->follow, "Go on until the job ends");
  command->add_flag("--json", logs->json, "Print a JSON object per line");
  command->footer("Examples:\n  minke logs counts -f\n  minke logs counts | grep AttemptFailed");

  AddRequest(app, exit_code, "cancel", "End a job; it exits with 130", RequestKind::kCancel,
             "Examples:\n  minke cancel counts --reason 'wrong input'");
  AddRequest(app, exit_code, "pause", "Give out no more tasks; those that run end",
             RequestKind::kPause,
             "Examples:\n  minke pause counts\n\nAll processes of a job that is paused may end, "
             "and be started again.");
  AddRequest(app, exit_code, "resume", "Give out tasks again", RequestKind::kResume,
             "Examples:\n  minke resume counts");
}

}  // namespace minke
