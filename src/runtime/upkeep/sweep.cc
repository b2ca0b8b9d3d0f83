#include "runtime/upkeep/sweep.h"

#include <fmt/format.h>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "control/job.h"
#include "runtime/job_blocks.h"
#include "runtime/journal/journal_fold.h"
#include "runtime/put.h"
#include "task/dataset/dataset.h"

namespace minke {
namespace {

constexpr int64_t kMarginMs = 3'600'000;  // behind a job's age: clocks differ, masters end first
constexpr int kTooOld = 78;               // what the master of such a job ends it with

class Sweeper {
 public:
  Sweeper(Store& store, const JobLogs& logs, const Clock& clock, const SweepOptions& options)
      : store_(store), logs_(logs), clock_(clock), options_(options) {}

  Result<Swept> Run() {
    const auto stored = MINKE_TRY(store_.ListStored());
    // Before the jobs: what one pins from now on is what a name stands for now or later. And behind
    // them: a put that was not over then may be.
    MINKE_TRY_STATUS(KeepNamed());
    for (const std::string& name : MINKE_TRY(store_.ListJobs())) {
      const auto row = MINKE_TRY(store_.GetJob(name));
      if (row) MINKE_TRY_STATUS(LookAtJob(name, *row));
    }
    MINKE_TRY_STATUS(KeepNamed());
    for (const Incarnation one : stored) {
      if (!kept_.contains(one)) MINKE_TRY_STATUS(RemoveStored(one));
    }
    return swept_;
  }

 private:
  Status KeepNamed() {
    for (const std::string& name : MINKE_TRY(store_.ListDatasets())) {
      const auto row = MINKE_TRY(store_.GetDataset(name));
      if (row) kept_.insert(row->version);
    }
    return {};
  }

  Status LookAtJob(const std::string& name, const JobRow& row) {
    if (row.state == JobState::kFinished) return IsPutRow(name) ? Status() : SweepLog(name, row);
    kept_.insert(row.incarnation);
    if (IsPutRow(name)) return {};
    if (row.state == JobState::kOpen) {
      if (!options_.also_unbegun) has_unbegun_ = name;
      return {};
    }
    return LookAtAccepted(name, row);
  }

  Status LookAtAccepted(const std::string& name, const JobRow& row) {
    const auto log = MINKE_TRY(logs_.open(row.incarnation));
    JournalFold fold;
    Status read = ReadJournal(*log, [&fold](const LogMessage& message) -> Status {
      MINKE_TRY(fold.Take(message));
      return {};
    });
    if (!read && !IsGone(read.error())) return read;
    const proto::JobAccepted* accepted = fold.job().accepted();
    if (!read || accepted == nullptr) {
      options_.on_line(
          fmt::format("job {0}: its journal is gone; minke rerun {0} begins anew", name));
      return {};
    }
    const bool is_too_old = accepted->max_age_ms() != 0 && clock_.UnixMs() - accepted->unix_ms() >
                                                               accepted->max_age_ms() + kMarginMs;
    if (is_too_old) return CloseJob(name, row);
    return Pin(row.incarnation, *accepted);
  }

  // Its inputs stay, whatever their names stand for now.
  Status Pin(Incarnation job, const proto::JobAccepted& accepted) {
    const auto plan = LoadPlan(store_, job, accepted.plan_checksum());
    if (!plan && !IsGone(plan.error())) return plan.error();
    if (!plan) return {};
    for (const proto::InputFile& file : plan->files()) kept_.insert({file.version()});
    return {};
  }

  Status CloseJob(const std::string& name, const JobRow& row) {
    options_.on_line(fmt::format("job {}: past its age, and over now", name));
    ++swept_.jobs_closed;
    if (options_.is_dry) return {};
    JobRow finished = row;
    finished.state = JobState::kFinished;
    finished.exit_code = kTooOld;
    if (MINKE_TRY(store_.CompareAndSetJob(name, row, finished)) != finished) return {};
    kept_.erase(row.incarnation);
    return SweepLog(name, finished);
  }

  // Of a job that is over. Its master closes the log; where it could not, that is done here. When
  // the last message is past its retention, the topic goes, too.
  Status SweepLog(const std::string& name, const JobRow& row) {
    const auto log = MINKE_TRY(logs_.open(row.incarnation));
    const auto journal = log->Range(Topic::kJournal);
    if (!journal && IsGone(journal.error())) return {};
    const auto [first, end] = MINKE_TRY(journal);
    const bool is_empty = first == end;
    const auto inbox = log->Range(Topic::kInbox);
    if (!inbox && !IsGone(inbox.error())) return inbox.error();
    if (!is_empty && !inbox) return {};
    options_.on_line(is_empty ? fmt::format("job {}: its topics, whose messages are gone", name)
                              : fmt::format("job {}: inbox and heartbeats", name));
    ++swept_.logs;
    if (options_.is_dry) return {};
    return is_empty ? logs_.remove(row.incarnation) : log->Close();
  }

  Status RemoveStored(Incarnation one) {
    if (has_unbegun_) {
      options_.on_line(fmt::format("version {}: stays, as the job {} may be about to read it",
                                   one.Hex(), *has_unbegun_));
      return {};
    }
    options_.on_line(fmt::format("version {}: all that is stored of it", one.Hex()));
    ++swept_.versions;
    return options_.is_dry ? Status() : RemoveVersion(store_, one);
  }

  Store& store_;
  const JobLogs& logs_;
  const Clock& clock_;
  const SweepOptions& options_;
  std::set<Incarnation> kept_;
  std::optional<std::string> has_unbegun_;
  Swept swept_;
};

}  // namespace

Result<Swept> Sweep(Store& store, const JobLogs& logs, const Clock& clock,
                    const SweepOptions& options) {
  return Sweeper(store, logs, clock, options).Run();
}

}  // namespace minke
