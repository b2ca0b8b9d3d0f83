#include "judge.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "control/fleet.h"
#include "describe.h"

namespace minke::sim {
namespace {

constexpr size_t kMessageBytes = 64u << 10;
constexpr size_t kViolationsMax = 20;

// The attempt of a block named report-<epoch>-<n>.
std::optional<AttemptId> AttemptOfReport(const std::string& name) {
  const std::string prefix = "report-";
  if (!name.starts_with(prefix)) return std::nullopt;
  AttemptId attempt;
  const char* const end = name.data() + name.size();
  const auto epoch = std::from_chars(name.data() + prefix.size(), end, attempt.epoch);
  std::from_chars(epoch.ptr + 1, end, attempt.n);
  return attempt;
}

std::string TextOf(TaskId task) { return fmt::format("{}/{}", task.step, task.index); }

}  // namespace

Judge::Judge(Trace* trace, std::map<std::string, uint64_t> counters)
    : trace_(trace), counters_(std::move(counters)) {}

void Judge::Violation(const std::string& text) {
  trace_->Say("!!", text);
  if (violations_.size() < kViolationsMax) violations_.push_back(text);
}

// A claim's offset is its epoch; a message counts if its epoch is the newest one and its sequence
// the next.
bool Judge::Counts(Life& life, int64_t offset, const proto::JournalMessage& message) {
  if (message.records_size() > 0 && message.records(0).has_master_claimed()) {
    if (!life.claims.insert(message.records(0).master_claimed().uuid()).second) return false;
    life.epoch = static_cast<uint64_t>(offset);
    life.sequence = 0;
    return true;
  }
  if (!life.epoch || message.epoch() > *life.epoch) {
    Violation(fmt::format("j{} is of epoch {}, which nobody has claimed", offset, message.epoch()));
    return false;
  }
  if (message.epoch() < *life.epoch || message.sequence() <= life.sequence) return false;
  if (message.sequence() != life.sequence + 1) {
    Violation(fmt::format("j{} follows message {} of its epoch, and is number {}", offset,
                          life.sequence, message.sequence()));
  }
  life.sequence = message.sequence();
  return true;
}

void Judge::OnLanded(Incarnation job, Topic topic, const LogMessage& message) {
  if (topic != Topic::kHeartbeat) trace_->Say("log", Describe(topic, message));
  auto& found = lives_[job];
  if (found == nullptr) found = std::make_unique<Life>();
  Life& life = *found;
  if (topic == Topic::kInbox) return CheckDone(life, message.bytes);
  if (topic != Topic::kJournal) return;
  life.end = message.offset + 1;
  proto::JournalMessage parsed;
  if (!parsed.ParseFromString(message.bytes)) return Violation("an unreadable message landed");
  if (message.bytes.size() > kMessageBytes) Violation("a message of more than 64 KiB landed");
  const bool counts = Counts(life, message.offset, parsed);
  const auto read = life.reader.Read(message.offset, message.bytes);
  if (!read) return Violation("a reader refuses the journal: " + read.error().text);
  if ((*read != nullptr) != counts) {
    Violation(fmt::format("j{} {}, and the reader says otherwise", message.offset,
                          counts ? "counts" : "does not count"));
  }
  if (!counts) return;
  for (const proto::JournalRecord& record : parsed.records()) {
    TakeRecord(life, record);
    if (life.is_broken) continue;
    const auto applied = life.job.Apply(message.offset, *life.epoch, record);
    if (!applied) {
      Violation(fmt::format("j{} cannot follow: {}", message.offset, applied.error().text));
      life.is_broken = true;
    }
  }
}

// Whoever says that it is done has stored everything.
void Judge::CheckDone(const Life& life, const std::string& bytes) {
  proto::InboxMessage message;
  if (!message.ParseFromString(bytes)) return Violation("an unreadable message landed");
  for (const proto::Fact& fact : message.facts()) {
    if (!fact.has_task_done()) continue;
    const AttemptId attempt = FromProto(fact.task_done().attempt());
    if (!life.reported.contains(attempt)) {
      Violation(fmt::format("{} is said to be done, and its report is not stored", attempt.Text()));
    }
  }
}

void Judge::TakeRecord(Life& life, const proto::JournalRecord& record) {
  if (life.is_finished && !record.has_master_claimed()) Violation("a record behind JobFinished");
  switch (record.record_case()) {
    case proto::JournalRecord::kJobAccepted:
      if (!life.steps.empty()) Violation("the job is accepted twice");
      for (const auto& step : record.job_accepted().steps()) life.steps.push_back(step.tasks());
      break;
    case proto::JournalRecord::kPhaseOpened:
      return TakePhase(life, record.phase_opened());
    case proto::JournalRecord::kAttemptAssigned:
      return TakeAssigned(life, record.attempt_assigned());
    case proto::JournalRecord::kTaskCommitted:
      return TakeCommitted(life, FromProto(record.task_committed().attempt()));
    case proto::JournalRecord::kAttemptLost:
      ++losses_;
      break;
    case proto::JournalRecord::kAttemptFailed:
      life.over.insert(FromProto(record.attempt_failed().attempt()));
      break;
    case proto::JournalRecord::kAttemptCancelled:
      life.over.insert(FromProto(record.attempt_cancelled().attempt()));
      break;
    case proto::JournalRecord::kOutputLost:
      return TakeLostOutput(life, record.output_lost());
    case proto::JournalRecord::kPublishDecided:
      for (uint32_t step = 0; step < life.steps.size(); ++step) {
        if (!IsComplete(life, step)) Violation("publishing is decided before all is committed");
      }
      life.is_decided = true;
      break;
    case proto::JournalRecord::kJobFinished:
      if (record.job_finished().exit_code() == 0 && !life.is_published) {
        Violation("the job ends well, and nothing was published");
      }
      life.is_finished = true;
      break;
    default:
      break;
  }
}

bool Judge::IsComplete(const Life& life, uint32_t step) const {
  for (uint32_t task = 0; task < life.steps[step]; ++task) {
    if (!life.winners.contains({step, task})) return false;
  }
  return true;
}

void Judge::TakePhase(Life& life, const proto::PhaseOpened& opened) {
  if (opened.step() != life.open.size()) Violation("phases do not open in order");
  // A sample that is lost when it has served runs again beside what comes after it.
  if (opened.step() > 0 && !IsComplete(life, opened.step() - 1)) {
    Violation("a phase opens before the one before it is complete");
  }
  life.open.emplace(opened.step(), opened.kind());
}

void Judge::TakeAssigned(Life& life, const proto::AttemptAssigned& assigned) {
  const AttemptId attempt{*life.epoch, assigned.n()};
  const TaskId task{assigned.step(), assigned.task()};
  if (!life.assigned.emplace(attempt, task).second) {
    Violation(fmt::format("attempt {} is assigned twice", attempt.Text()));
  }
  if (life.winners.contains(task)) {
    Violation(fmt::format("task {} is committed, its rows are there, and it is assigned again",
                          TextOf(task)));
  }
  if (!life.open.contains(task.step)) Violation("an attempt of a phase that is not open");
  if (life.is_decided) Violation("an attempt is assigned when publishing was decided");
  if (life.open[task.step] == proto::PHASE_REDUCE && !IsComplete(life, task.step - 1)) {
    Violation("a reduce attempt is assigned while a map task has no winner");
  }
}

void Judge::TakeCommitted(Life& life, AttemptId attempt) {
  ++commits_;
  const auto assigned = life.assigned.find(attempt);
  if (assigned == life.assigned.end()) {
    return Violation(fmt::format("{} is committed and was never assigned", attempt.Text()));
  }
  const TaskId task = assigned->second;
  if (!life.winners.emplace(task, attempt).second) {
    Violation(fmt::format("task {} has two winners, {} and {}", TextOf(task),
                          life.winners[task].Text(), attempt.Text()));
  }
  if (life.over.contains(attempt)) {
    Violation(fmt::format("{} has failed or was cancelled, and wins", attempt.Text()));
  }
  if (!life.reported.contains(attempt)) {
    Violation(fmt::format("{} wins, and its report is not stored", attempt.Text()));
  }
}

void Judge::TakeLostOutput(Life& life, const proto::OutputLost& lost) {
  for (const uint32_t index : lost.tasks()) {
    ++outputs_lost_;
    const auto winner = life.winners.find({lost.step(), index});
    if (winner == life.winners.end()) {
      Violation(fmt::format("the output of {}/{} is lost, and it has none", lost.step(), index));
      continue;
    }
    if (!life.harmed.contains(winner->second)) {
      Violation(fmt::format("the output of {}/{} by {} is called lost, and its rows are all there",
                            lost.step(), index, winner->second.Text()));
    }
    life.winners.erase(winner);
  }
}

void Judge::OnBlock(Incarnation job, const std::string& name, Bytes block,
                    const std::string* before) {
  auto& life = lives_[job];
  if (life == nullptr) life = std::make_unique<Life>();
  if (before != nullptr && *before != block) {
    Violation(fmt::format("the block {} is written again, with other bytes", name));
  }
  if (const auto attempt = AttemptOfReport(name)) life->reported.insert(*attempt);
}

void Judge::OnRow(const JobRow& row) {
  trace_->Say("row", fmt::format("{} {} exit {}", row.incarnation.Hex(),
                                 static_cast<int>(row.state), row.exit_code));
  const auto found = lives_.find(row.incarnation);
  const Life* life = found == lives_.end() ? nullptr : found->second.get();
  if (row.state == JobState::kAccepted && (life == nullptr || life->steps.empty())) {
    Violation("the row says accepted, and the journal does not");
  }
  if (row.state == JobState::kFinished && (life == nullptr || !life->is_finished)) {
    Violation("the row says finished, and the journal does not");
  }
  const bool is_same = row_ && row_->incarnation == row.incarnation;
  if (is_same && static_cast<int>(row.state) != static_cast<int>(row_->state) + 1) {
    Violation("the row leaves out a state, or goes back");
  }
  if (row_ && !is_same && row_->state != JobState::kFinished) {
    Violation("a new incarnation before the one before it has finished");
  }
  row_ = row;
}

void Judge::OnBegun(Incarnation job, AttemptId attempt, TaskId task) {
  Life& life = *lives_.at(job);
  const auto assigned = life.assigned.find(attempt);
  if (assigned == life.assigned.end() || assigned->second != task) {
    Violation(fmt::format("{} begins {}, which the journal has not assigned to it", attempt.Text(),
                          TextOf(task)));
  }
  if (!life.begun.insert(attempt).second) {
    Violation(fmt::format("{} begins twice", attempt.Text()));
  }
}

void Judge::OnHarmed(Incarnation job, AttemptId attempt) { lives_.at(job)->harmed.insert(attempt); }

void Judge::OnReportLost(Incarnation job, AttemptId attempt) {
  OnHarmed(job, attempt);
  lives_.at(job)->reports_lost.insert(attempt);
}

void Judge::OnPublish(const JobView& view) {
  const Life& life = *lives_.at(view.incarnation);
  trace_->Say("output", "is to be published");
  if (!life.is_decided) Violation("output is published, and the journal has not decided that");
  CheckCounters(life, view);
}

// A winner whose report was lost since may be left out by a master that never read it.
void Judge::CheckCounters(const Life& life, const JobView& view) {
  const bool is_partial = std::ranges::any_of(
      life.winners, [&](const auto& winner) { return life.reports_lost.contains(winner.second); });
  bool is_right = is_partial || view.counters == counters_;
  std::string text;
  for (const auto& [name, value] : view.counters) {
    const auto most = counters_.find(name);
    is_right = is_right && most != counters_.end() && value <= most->second;
    text += fmt::format(" {}={}", name, value);
  }
  if (!is_right) Violation("the counters are not those of the winners:" + text);
}

void Judge::OnPublished(Incarnation job) { lives_.at(job)->is_published = true; }

void Judge::OnMaster(Incarnation job, int64_t read_to, const Job& seen) {
  const auto life = lives_.find(job);
  if (life == lives_.end() || life->second->end != read_to) return;
  if (!life->second->is_broken && !(life->second->job == seen))
    Violation("a master has another job than the journal says");
}

void Judge::CheckReplay(Incarnation job, const std::vector<std::string>& journal) {
  JournalReader reader;
  Job replayed;
  for (size_t i = 0; i < journal.size(); ++i) {
    const auto offset = static_cast<int64_t>(i);
    const auto message = reader.Read(offset, journal[i]);
    if (!message) return Violation("a replay fails: " + message.error().text);
    if (*message == nullptr) continue;
    const proto::JournalMessage copy = **message;
    for (const proto::JournalRecord& record : copy.records()) {
      const auto applied = replayed.Apply(offset, *reader.position().epoch, record);
      if (!applied) return Violation("a replay fails: " + applied.error().text);
    }
  }
  const Job* const seen = JobOf(job);
  if (seen != nullptr && !(replayed == *seen)) Violation("a replay gives another job");
}

const Job* Judge::JobOf(Incarnation job) const {
  const auto life = lives_.find(job);
  return life == lives_.end() ? nullptr : &life->second->job;
}

bool Judge::HasBegun(Incarnation job, AttemptId attempt) const {
  const auto life = lives_.find(job);
  return life != lives_.end() && life->second->begun.contains(attempt);
}

std::vector<AttemptId> Judge::WinnersOf(Incarnation job) const {
  std::vector<AttemptId> all;
  const auto life = lives_.find(job);
  if (life == lives_.end()) return all;
  for (const auto& [task, attempt] : life->second->winners) all.push_back(attempt);
  return all;
}

}  // namespace minke::sim
