#include "runtime/cluster/job_follower.h"

#include <utility>

#include "runtime/job_blocks.h"
#include "task/attempt.h"

namespace minke {
namespace {

constexpr size_t kPollBytes = 1 << 20;
constexpr int64_t kLeaseMs = 30'000;  // who is silent for longer is not counted as at work

}  // namespace

JobFollower::JobFollower(FollowerPorts ports, std::string job_name)
    : ports_(std::move(ports)), job_name_(std::move(job_name)) {
  begun_ms_ = phase_begun_ms_ = ports_.clock->NowMs();
}

JobFollower::~JobFollower() = default;

// The job's row, then its log. Nothing is there yet: kNotFound.
Status JobFollower::Open() {
  if (incarnation_ == Incarnation{}) {
    const auto row = MINKE_TRY(ports_.store->GetJob(job_name_));
    if (!row) return Error{ErrorCode::kNotFound, "there is no job " + job_name_};
    incarnation_ = row->incarnation;
  }
  auto log = MINKE_TRY(ports_.open_log(incarnation_));
  const auto range = MINKE_TRY(log->Range(Topic::kJournal));
  journal_ = MINKE_TRY(log->Read(Topic::kJournal, range.first));
  log_ = std::move(log);
  return {};
}

Result<bool> JobFollower::RunOnce() {
  if (journal_ == nullptr) {
    Status opened = Open();
    if (!opened && opened.error().code == ErrorCode::kNotFound) return false;
    MINKE_TRY_STATUS(std::move(opened));
  }
  bool went_on = false;
  MINKE_TRY_STATUS(ReadJournal(went_on));
  MINKE_TRY_STATUS(ReadHeartbeats(went_on));
  MINKE_TRY_STATUS(ReadReports());
  fleet_.Settle(job());
  return went_on;
}

Status JobFollower::ReadJournal(bool& went_on) {
  for (const LogMessage& message : MINKE_TRY(journal_->Poll(kPollBytes))) {
    MINKE_TRY_STATUS(Apply(message));
    went_on = true;
  }
  return {};
}

Status JobFollower::Apply(const LogMessage& message) {
  if (!MINKE_TRY(fold_.Take(message))) return {};
  for (const proto::JournalRecord& record : fold_.message().records()) {
    if (record.has_task_committed()) {
      const AttemptId attempt = FromProto(record.task_committed().attempt());
      unread_[job().TaskOf(attempt)] = attempt;
    } else if (record.has_output_lost()) {
      for (const uint32_t index : record.output_lost().tasks()) {
        unread_.erase({record.output_lost().step(), index});
        tally_.Remove({record.output_lost().step(), index});
      }
    } else if (record.has_phase_opened()) {
      phase_begun_ms_ = ports_.clock->NowMs();
    }
  }
  return {};
}

// They go when the job is over, and are of no use then.
Status JobFollower::ReadHeartbeats(bool& went_on) {
  if (heartbeat_ == nullptr) {
    if (job().accepted() == nullptr || job().finished() != nullptr) return {};
    const auto range = log_->Range(Topic::kHeartbeat);
    if (!range && range.error().code == ErrorCode::kNotFound) return {};
    const auto [first, end] = MINKE_TRY(range);
    heartbeat_ = MINKE_TRY(log_->Read(Topic::kHeartbeat, end));
  }
  auto batch = heartbeat_->Poll(kPollBytes);
  if (!batch && batch.error().code == ErrorCode::kCorruption) {
    heartbeat_.reset();
    return {};
  }
  for (const LogMessage& message : MINKE_TRY(std::move(batch))) {
    proto::Heartbeat heartbeat;
    if (!heartbeat.ParseFromString(message.bytes)) continue;
    fleet_.Note(heartbeat, ports_.clock->NowMs());
    went_on = true;
  }
  return {};
}

Status JobFollower::ReadReports() {
  if (!has_plan_ && job().accepted() != nullptr) {
    const proto::Plan plan =
        MINKE_TRY(LoadPlan(*ports_.store, incarnation_, job().accepted()->plan_checksum()));
    for (const proto::InputFile& file : plan.files()) input_bytes_ += file.size();
    has_plan_ = true;
  }
  while (!unread_.empty()) {
    const auto [task, attempt] = *unread_.begin();
    auto bytes = ports_.store->GetBlock(incarnation_, ReportName(attempt));
    if (!bytes && bytes.error().code == ErrorCode::kUnavailable) return std::move(bytes).error();
    proto::Report report;
    if (bytes && report.ParseFromString(*bytes)) {
      tally_.Add(task, job().step(task.step).kind, attempt, report);
    }
    unread_.erase(unread_.begin());
  }
  return {};
}

JobView JobFollower::View() const {
  ViewContext context;
  context.name = job_name_;
  context.incarnation = incarnation_;
  context.input_bytes = input_bytes_;
  context.begun_ms = begun_ms_;
  context.phase_begun_ms = phase_begun_ms_;
  context.now_ms = ports_.clock->NowMs();
  context.lease_ms = kLeaseMs;
  return MakeJobView(job(), fleet_, tally_, context);
}

Status JobFollower::Say(const proto::Fact& fact) {
  if (log_ == nullptr) return Error{ErrorCode::kNotFound, "the job has no inbox yet"};
  proto::InboxMessage message;
  *message.add_facts() = fact;
  return log_->Append(Topic::kInbox, message.SerializeAsString());
}

}  // namespace minke
