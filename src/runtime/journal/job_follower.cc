#include "runtime/journal/job_follower.h"

#include <utility>

#include "runtime/job_blocks.h"
#include "task/attempt.h"

namespace minke {
namespace {

constexpr size_t kPollBytes = size_t{1} << 20;
constexpr int64_t kLeaseMs = 30'000;  // who is silent for longer is not counted as at work
constexpr int64_t kGivenMs = 30'000;  // in which the log gives what it holds

// What is at hand. A topic that is gone has nothing, and its reader goes: it is no state.
Result<std::vector<LogMessage>> PollIfThere(std::unique_ptr<LogReader>& reader) {
  if (reader == nullptr) return std::vector<LogMessage>();
  auto messages = reader->Poll(kPollBytes);
  if (messages || !IsGone(messages.error())) return messages;
  reader.reset();
  return std::vector<LogMessage>();
}

}  // namespace

JobFollower::JobFollower(FollowerPorts ports, std::string job_name, FollowerOptions options)
    : ports_(std::move(ports)), job_name_(std::move(job_name)), options_(std::move(options)) {}

JobFollower::~JobFollower() = default;

// The job's row, then its log. kNotFound: nothing is there yet.
Status JobFollower::Open() {
  if (!row_) row_ = MINKE_TRY(ports_.store->GetJob(job_name_));
  if (!row_) return Error{ErrorCode::kNotFound, "there is no job " + job_name_};
  if (log_ == nullptr) log_ = MINKE_TRY(ports_.open_log(row_->incarnation));
  const auto [first, end] = MINKE_TRY(log_->Range(Topic::kJournal));
  if (first == end) return Error{ErrorCode::kNotFound, "its journal is empty"};
  journal_ = MINKE_TRY(log_->Read(Topic::kJournal, first));
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
  MINKE_TRY_STATUS(ReadFacts(went_on));
  MINKE_TRY_STATUS(ReadHeartbeats(went_on));
  if (options_.reads_reports) MINKE_TRY_STATUS(ReadReports());
  fleet_.Settle(job());
  return went_on;
}

Status JobFollower::ReadJournal(bool& went_on) {
  for (const LogMessage& message : MINKE_TRY(journal_->Poll(kPollBytes))) {
    const bool counts = MINKE_TRY(fold_.Take(message));
    went_on = true;
    for (const proto::JournalRecord& record : fold_.message().records()) {
      if (!counts) break;
      if (record.has_master_claimed()) MINKE_TRY_STATUS(BeginFleet());
      Note(message, record);
    }
    if (options_.on_message) options_.on_message(message, fold_, counts);
  }
  if (job().accepted() != nullptr && !has_plan_) return ReadPlan();
  return {};
}

void JobFollower::Note(const LogMessage& message, const proto::JournalRecord& record) {
  last_ms_ = message.append_unix_ms;
  if (record.has_job_accepted()) {
    accepted_ms_ = last_ms_;
  } else if (record.has_phase_opened()) {
    phase_ms_ = last_ms_;
  } else if (record.has_task_committed()) {
    const AttemptId attempt = FromProto(record.task_committed().attempt());
    unread_[job().TaskOf(attempt)] = attempt;
  } else if (record.has_output_lost()) {
    for (const uint32_t index : record.output_lost().tasks()) {
      unread_.erase({record.output_lost().step(), index});
      tally_.Remove({record.output_lost().step(), index});
    }
  } else if (record.has_job_finished()) {
    inbox_.reset();
    heartbeat_.reset();
  }
}

// A plan that is gone makes the view poorer, no more: it is not ours to run by.
Status JobFollower::ReadPlan() {
  has_plan_ = true;
  const auto plan = LoadPlan(*ports_.store, row_->incarnation, job().accepted()->plan_checksum());
  if (!plan) return IsGone(plan.error()) ? Status() : Status(plan.error());
  for (const proto::InputFile& file : plan->files()) input_bytes_ += file.size();
  return {};
}

// Of a new master: everybody joins again, and it reads the inbox from its start.
Status JobFollower::BeginFleet() {
  fleet_ = Fleet(job().epoch());
  inbox_ = MINKE_TRY(ReadFromFirst(Topic::kInbox));
  heartbeat_ = MINKE_TRY(ReadFromFirst(Topic::kHeartbeat));
  return {};
}

Result<std::unique_ptr<LogReader>> JobFollower::ReadFromFirst(Topic topic) {
  const auto range = log_->Range(topic);
  if (!range && range.error().code == ErrorCode::kNotFound) return std::unique_ptr<LogReader>();
  return log_->Read(topic, MINKE_TRY(range).first);
}

Status JobFollower::ReadFacts(bool& went_on) {
  for (const LogMessage& read : MINKE_TRY(PollIfThere(inbox_))) {
    proto::InboxMessage message;
    went_on = true;
    if (!message.ParseFromString(read.bytes)) continue;
    for (const proto::Fact& fact : message.facts()) fleet_.Note(fact, read.append_unix_ms);
  }
  return {};
}

Status JobFollower::ReadHeartbeats(bool& went_on) {
  for (const LogMessage& read : MINKE_TRY(PollIfThere(heartbeat_))) {
    proto::Heartbeat heartbeat;
    went_on = true;
    if (heartbeat.ParseFromString(read.bytes)) fleet_.Note(heartbeat, read.append_unix_ms);
  }
  return {};
}

Status JobFollower::ReadReports() {
  while (!unread_.empty()) {
    const auto [task, attempt] = *unread_.begin();
    const auto bytes = ports_.store->GetBlock(row_->incarnation, ReportName(attempt));
    if (!bytes && !IsGone(bytes.error())) return bytes.error();
    proto::Report report;
    if (bytes && report.ParseFromString(*bytes)) {
      tally_.Add(task, job().step(task.step).kind, attempt, report);
    }
    unread_.erase(unread_.begin());
  }
  return {};
}

bool JobFollower::is_at_end() const {
  if (journal_ == nullptr) return true;
  for (const auto* reader : {&journal_, &inbox_, &heartbeat_}) {
    if (*reader != nullptr && !(*reader)->is_at_end()) return false;
  }
  return true;
}

Status JobFollower::ReadToEnd(Waker& waker) {
  const int64_t until_ms = ports_.clock->NowMs() + kGivenMs;
  for (;;) {
    if (MINKE_TRY(RunOnce())) continue;
    if (is_at_end()) return {};
    const int64_t left_ms = until_ms - ports_.clock->NowMs();
    if (left_ms <= 0) {
      return Error{ErrorCode::kUnavailable,
                   "the log of the job " + job_name_ + " does not give what it holds"};
    }
    waker.Wait(left_ms);
  }
}

JobView JobFollower::View() const {
  ViewContext context;
  context.name = job_name_;
  if (row_) context.incarnation = row_->incarnation;
  context.input_bytes = input_bytes_;
  context.now_ms = job().finished() != nullptr ? last_ms_ : ports_.clock->UnixMs();
  context.begun_ms = accepted_ms_ != 0 ? accepted_ms_ : context.now_ms;
  context.phase_begun_ms = phase_ms_;
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
