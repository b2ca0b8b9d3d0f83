#include "life.h"

#include <algorithm>
#include <fmt/format.h>

#include "control/fleet.h"
#include "control/job_view.h"

namespace minke {
namespace {

constexpr size_t kAlikeMax = 6;  // more records of one kind in a row are told in short

std::string IdText(const proto::AttemptId& id) { return FromProto(id).Text(); }

template <typename Numbers>
std::string List(const Numbers& numbers) {
  std::string text;
  for (const auto number : numbers) text += fmt::format("{}{}", text.empty() ? "" : ",", number);
  return text;
}

std::string CodeName(int32_t code) { return std::string(NameOf(static_cast<ErrorCode>(code))); }

}  // namespace

void Teller::Say(const std::string& text) {
  if (told_ms != now_ms) trace(fmt::format("-- {}s", static_cast<double>(now_ms) / 1000));
  told_ms = now_ms;
  trace(text);
}

void Teller::Violation(const std::string& text) {
  ++violations;
  Say(fmt::format("!! {}", text));
}

std::string Teller::NameOf(WorkerId id) const {
  const auto found = workers.find(id);
  return found == workers.end() ? "nobody" : found->second;
}

std::string Life::TaskName(uint32_t step, uint32_t index) const {
  return fmt::format("{}/{}", minke::NameOf(job_.step(step).kind), index);
}

std::string Life::Describe(const proto::JournalRecord& record, uint64_t epoch) {
  using Record = proto::JournalRecord;
  switch (record.record_case()) {
    case Record::kMasterClaimed:
      return fmt::format("claim by {}", teller_->masters[record.master_claimed().uuid()]);
    case Record::kJobAccepted:
      return "accept the job";
    case Record::kSplittersChosen:
      return fmt::format("splitters {}", record.splitters_chosen().checksum());
    case Record::kShuffleTableMade:
      return fmt::format("table {}", record.shuffle_table_made().table());
    case Record::kPhaseOpened:
      return fmt::format("open {}", minke::NameOf(record.phase_opened().kind()));
    case Record::kAttemptAssigned:
      return DescribeAssigned(record.attempt_assigned(), epoch);
    case Record::kAttemptLost:
      return fmt::format("lost {}{}", IdText(record.attempt_lost().attempt()),
                         record.attempt_lost().counted() ? "" : ", not counted");
    case Record::kAttemptFailed:
      return fmt::format("failed {}: {} {}", IdText(record.attempt_failed().attempt()),
                         CodeName(record.attempt_failed().code()), record.attempt_failed().text());
    case Record::kTaskCommitted:
      return fmt::format("commit {}", IdText(record.task_committed().attempt()));
    case Record::kOutputLost:
      return fmt::format("output lost of {} {}",
                         minke::NameOf(job_.step(record.output_lost().step()).kind),
                         List(record.output_lost().tasks()));
    case Record::kAttemptCancelled:
      return fmt::format("cancel {}", IdText(record.attempt_cancelled().attempt()));
    default:
      return DescribeWhole(record);
  }
}

std::string Life::DescribeAssigned(const proto::AttemptAssigned& to, uint64_t epoch) {
  WorkerId& worker = numbered_[{epoch, to.worker()}];
  if (to.worker_id() != 0) worker = {to.worker_id()};
  std::string text = fmt::format("assign {}-{} {} to {}", epoch, to.n(),
                                 TaskName(to.step(), to.task()), teller_->NameOf(worker));
  if (to.winners() != 0) text += fmt::format(", winners {}", to.winners());
  if (to.has_source()) text += fmt::format(", output of {}", IdText(to.source()));
  return text + (to.backup() ? ", backup" : "") + (to.careful() ? ", careful" : "");
}

std::string Life::DescribeWhole(const proto::JournalRecord& record) const {
  using Record = proto::JournalRecord;
  switch (record.record_case()) {
    case Record::kWorkerQuarantined:
      return fmt::format("quarantine {}",
                         teller_->NameOf({record.worker_quarantined().worker_id()}));
    case Record::kPublishDecided:
      return fmt::format("publish {:x} after {:x}", record.publish_decided().mine(),
                         record.publish_decided().expected());
    case Record::kJobFinished:
      return fmt::format("finish {} {}", record.job_finished().exit_code(),
                         record.job_finished().text());
    case Record::kWinnersWritten:
      return fmt::format("winners {}{}{}", record.winners_written().number(),
                         record.winners_written().partitions().empty() ? "" : " of partitions ",
                         List(record.winners_written().partitions()));
    case Record::kJobPaused:
      return fmt::format("pause, request {}", record.job_paused().request());
    case Record::kJobResumed:
      return fmt::format("resume, request {}", record.job_resumed().request());
    case Record::kCancelAccepted:
      return fmt::format("cancel the job, request {}", record.cancel_accepted().request());
    case Record::kCancelRefused:
      return fmt::format("refuse to cancel, request {}", record.cancel_refused().request());
    default:
      return "a record that nobody knows";
  }
}

std::string Life::Describe(const proto::Fact& fact) const {
  switch (fact.fact_case()) {
    case proto::Fact::kWorkerJoined: {
      const proto::WorkerJoined& joined = fact.worker_joined();
      std::string live;
      for (const proto::AttemptId& id : joined.live()) live += fmt::format(" {}", IdText(id));
      return fmt::format("{} joined as of {}{}{}", teller_->NameOf({joined.worker_id()}),
                         joined.as_of(), live.empty() ? "" : " with", live);
    }
    case proto::Fact::kTaskDone:
      return fmt::format("done {}", IdText(fact.task_done().attempt()));
    case proto::Fact::kTaskFailed: {
      const proto::TaskFailed& failed = fact.task_failed();
      std::string text = fmt::format("failed {}: {} {}", IdText(failed.attempt()),
                                     CodeName(failed.code()), failed.text());
      if (failed.culprit()) {
        text +=
            fmt::format(", culprit by signal {} at record {}", failed.signal(), failed.record());
      }
      return text;
    }
    case proto::Fact::kMapOutputMissing:
      return fmt::format(
          "{} misses map outputs {} of winners {}", IdText(fact.map_output_missing().attempt()),
          List(fact.map_output_missing().map_tasks()), fact.map_output_missing().winners());
    case proto::Fact::kWorkerLeaving:
      return fmt::format("{} {}", teller_->NameOf({fact.worker_leaving().worker_id()}),
                         fact.worker_leaving().asked() ? "leaves, asked to" : "has died");
    case proto::Fact::kCancelRequested:
      return fmt::format("cancel requested, {}", fact.cancel_requested().id());
    case proto::Fact::kPauseRequested:
      return fmt::format("pause requested, {}", fact.pause_requested().id());
    case proto::Fact::kResumeRequested:
      return fmt::format("resume requested, {}", fact.resume_requested().id());
    default:
      return "a fact that nobody knows";
  }
}

void Life::Put(Topic topic, const std::string& bytes) {
  if (bytes.size() > message_bytes_max_) {
    teller_->Violation(fmt::format("a message of {} bytes", bytes.size()));
  }
  if (topic == Topic::kJournal) {
    journal_.push_back(bytes);
    TellMessage();
  } else {
    inbox_.push_back(bytes);
    TellFacts();
  }
}

void Life::TellMessage() {
  const size_t offset = journal_.size() - 1;
  const auto at = static_cast<int64_t>(offset);
  auto read = reader_.Read(at, journal_[offset]);
  if (!read || *read == nullptr || is_broken_) {
    is_broken_ = is_broken_ || !read;
    return teller_->Say(
        fmt::format("j{:<3} {}", offset, read ? "does not count" : read.error().text));
  }
  const proto::JournalMessage message = **read;
  std::string head = fmt::format("j{:<3} ", offset);
  for (int i = 0; i < message.records_size();) {
    const auto kind = message.records(i).record_case();
    int end = i;
    while (end < message.records_size() && message.records(end).record_case() == kind) ++end;
    const bool is_long = static_cast<size_t>(end - i) > kAlikeMax;
    for (int k = i; k < end; ++k) {
      const std::string text = Describe(message.records(k), message.epoch());
      if (!is_long || k == i || k == end - 1) teller_->Say(head + text);
      if (is_long && k == i) teller_->Say(fmt::format("     … {} like it", end - i - 2));
      head = "     ";
      Judge(message.records(k), at);
    }
    i = end;
  }
}

// What must hold of every journal, beside what Job::Apply refuses.
void Life::Judge(const proto::JournalRecord& record, int64_t offset) {
  const uint64_t epoch = *reader_.position().epoch;
  if (record.has_attempt_assigned() &&
      !assigned_.insert({epoch, record.attempt_assigned().n()}).second) {
    teller_->Violation("an attempt id was used twice");
  }
  if (record.has_task_committed()) {
    const AttemptId attempt = FromProto(record.task_committed().attempt());
    if (!ended_well.contains(attempt)) teller_->Violation("the winner has not ended well");
    if (dropped.contains(attempt)) teller_->Violation("the winner's output was dropped");
  }
  if (Status applied = job_.Apply(offset, epoch, record); !applied) {
    teller_->Violation(applied.error().text);
  }
}

void Life::TellFacts() {
  const size_t offset = inbox_.size() - 1;
  proto::InboxMessage message;
  if (!message.ParseFromString(inbox_[offset])) {
    return teller_->Say(fmt::format("i{:<3} unreadable", offset));
  }
  std::string head = fmt::format("i{:<3} ", offset);
  const bool is_long = static_cast<size_t>(message.facts_size()) > 10 * kAlikeMax;
  for (int i = 0; i < message.facts_size(); ++i) {
    if (is_long && i == 1) teller_->Say(fmt::format("     … {} facts", message.facts_size() - 2));
    if (is_long && i > 0 && i < message.facts_size() - 1) continue;
    teller_->Say(head + Describe(message.facts(i)));
    head = "     ";
  }
}

void Life::Erase(Topic topic) {
  if (topic == Topic::kInbox) {
    inbox_.clear();
  } else {
    journal_.clear();
    reader_ = JournalReader();
    job_ = Job();
  }
}

}  // namespace minke
