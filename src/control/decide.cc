#include "control/decide.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "control/job_view.h"
#include "control/pass.h"

namespace minke {
namespace {

using Record = proto::JournalRecord;

constexpr size_t kTextBytesMax = 1000;  // of a failure, in the journal
constexpr uint32_t kLostTasksPerRecord = 4000;
constexpr size_t kHeaderBytesMax = 64;  // of a message, beside its records

size_t VarintBytes(size_t value) {
  char buffer[10];
  return StoreVarint(buffer, value);
}

// No repeat of the attempt can heal it.
bool IsFinal(int32_t code) {
  return code == static_cast<int32_t>(ErrorCode::kInput) ||
         code == static_cast<int32_t>(ErrorCode::kInvalidArgument) ||
         code == static_cast<int32_t>(ErrorCode::kOutput);
}

// The attempt gave up for reasons that are not its own.
bool IsNoFailure(int32_t code) {
  return code == static_cast<int32_t>(ErrorCode::kUnavailable) ||
         code == static_cast<int32_t>(ErrorCode::kCancelled) ||
         code == static_cast<int32_t>(ErrorCode::kFenced);
}

void AnswerRequests(Pass& pass) {
  for (const proto::Fact& fact : pass.fleet.requests()) {
    Record record;
    if (fact.has_cancel_requested() && pass.job.publish() != nullptr) {
      record.mutable_cancel_refused()->set_request(fact.cancel_requested().id());
    } else if (fact.has_cancel_requested()) {
      record.mutable_cancel_accepted()->set_request(fact.cancel_requested().id());
      record.mutable_cancel_accepted()->set_reason(
          fact.cancel_requested().reason().substr(0, kTextBytesMax));
    } else if (fact.has_pause_requested()) {
      record.mutable_job_paused()->set_request(fact.pause_requested().id());
    } else {
      record.mutable_job_resumed()->set_request(fact.resume_requested().id());
    }
    if (!pass.Add(std::move(record))) return;
  }
}

uint32_t SlotsOf(const Fleet& fleet, WorkerId worker) {
  const auto found = fleet.workers().find(worker);
  return found == fleet.workers().end() ? 1 : std::max(1u, found->second.slots);
}

// All of a worker's live attempts that `goes` names are lost; those that can not have begun do not
// count.
template <typename Goes>
void LoseAttempts(Pass& pass, WorkerId worker, bool counted, Goes goes) {
  const auto live = pass.job.live_by_worker().find(worker);
  if (live == pass.job.live_by_worker().end()) return;
  const uint32_t slots = SlotsOf(pass.fleet, worker);
  uint32_t place = 0;
  for (const AttemptId attempt : live->second) {
    const bool may_have_begun = place++ < slots;
    if (pass.HasEnded(attempt) || pass.fleet.HasEnded(attempt) || !goes(attempt)) continue;
    if (!pass.Lose(attempt, counted && may_have_begun)) return;
  }
}

void ExpireLeases(Pass& pass) {
  if (pass.options.lease_ms == 0) return;
  for (const auto& [worker, attempts] : pass.job.live_by_worker()) {
    const auto seen = pass.fleet.workers().find(worker);
    if (seen != pass.fleet.workers().end() && seen->second.leaving) continue;
    if (pass.fleet.SilenceMs(worker, pass.now_ms) <= pass.options.lease_ms) continue;
    LoseAttempts(pass, worker, true, [](AttemptId) { return true; });
    if (pass.is_full()) return;
  }
}

// Attempts of workers that leave, crashed, or do not know them.
void GiveBackWorkers(Pass& pass) {
  for (const auto& [worker, seen] : pass.fleet.workers()) {
    if (!seen.leaving) continue;
    const bool counted = !seen.leaving->asked() && seen.leaving->culprit().n() == 0;
    LoseAttempts(pass, worker, counted, [](AttemptId) { return true; });
    if (pass.is_full()) return;
  }
  for (const auto& entry : pass.fleet.joins()) {
    const JoinSeen& join = entry.second;
    LoseAttempts(pass, entry.first, true, [&](AttemptId attempt) {
      return !join.live.contains(attempt) && pass.job.live().at(attempt).offset <= join.as_of;
    });
    if (pass.is_full()) return;
  }
}

// Either way the attempt's worker has its answer.
bool EndUnblamed(Pass& pass, AttemptId attempt, bool counted) {
  return pass.job.StateOf(attempt) == AttemptState::kLive ? pass.Lose(attempt, counted)
                                                          : pass.Cancel(attempt);
}

void GiveBackFailed(Pass& pass) {
  for (const proto::TaskFailed& failed : pass.fleet.failed()) {
    const AttemptId attempt = FromProto(failed.attempt());
    if (pass.HasEnded(attempt) || pass.job.StateOf(attempt) == AttemptState::kUnknown) continue;
    bool fits = false;
    if (pass.IsCommitted(pass.job.TaskOf(attempt))) {
      fits = pass.Cancel(attempt);
    } else if (IsNoFailure(failed.code())) {
      fits = EndUnblamed(pass, attempt, true);
    } else {
      fits = pass.Fail(failed);
    }
    if (!fits) return;
  }
}

bool IsComplete(const Pass& pass, uint32_t step) {
  return !pass.has_lost_output() && pass.job.step(step).committed == pass.job.step(step).tasks;
}

void GiveBackOutputs(Pass& pass) {
  const auto step = pass.job.StepOf(proto::PHASE_MAP);
  const auto reduce = pass.job.StepOf(proto::PHASE_REDUCE);
  const bool is_needed = reduce && !IsComplete(pass, *reduce);
  std::set<uint32_t> lost;
  for (const proto::MapOutputMissing& missing : pass.fleet.missing()) {
    const AttemptId attempt = FromProto(missing.attempt());
    if (pass.HasEnded(attempt) || pass.job.StateOf(attempt) == AttemptState::kUnknown) continue;
    std::vector<uint32_t> tasks;
    for (const uint32_t task : missing.map_tasks()) {
      if (!is_needed || !pass.job.IsInWinners(task, missing.winners())) continue;
      if (!lost.insert(task).second) continue;
      tasks.push_back(task);
      if (tasks.size() < kLostTasksPerRecord) continue;
      if (!pass.LoseOutput(*step, tasks)) return;
      tasks.clear();
    }
    if (!tasks.empty() && !pass.LoseOutput(*step, tasks)) return;
    if (!EndUnblamed(pass, attempt, false)) return;
  }
  if (pass.job.publish() != nullptr) return;
  for (const AttemptId attempt : pass.fleet.outcomes().reports_missing) {
    const TaskId task = pass.job.TaskOf(attempt);
    if (pass.job.task(task).winner != attempt) continue;
    if (task.step == step && !lost.insert(task.index).second) continue;
    if (!pass.LoseOutput(task.step, {task.index})) return;
  }
}

void CommitDone(Pass& pass) {
  for (const AttemptId attempt : pass.fleet.done()) {
    const AttemptState state = pass.job.StateOf(attempt);
    if (state != AttemptState::kLive && state != AttemptState::kLost) continue;
    if (pass.IsCommitted(pass.job.TaskOf(attempt))) continue;
    if (!pass.Commit(attempt)) return;
  }
}

// What was wrong was the environment: a repeat heals it if it runs elsewhere, and no sooner.
bool IsWrongEverywhere(const Pass& pass, TaskId task, const JobFailure& failure) {
  if (failure.code != static_cast<int32_t>(ErrorCode::kConfiguration)) return false;
  if (pass.job.task(task).live > 0) return false;
  const auto failed_on = pass.job.FailedOn(task);
  uint32_t at_work = 0;
  for (const auto& entry : pass.fleet.workers()) {
    if (!pass.IsAtWork(entry.first)) continue;
    if (std::ranges::find(failed_on, entry.first) == failed_on.end()) return false;
    ++at_work;
  }
  return at_work > 0;
}

// The first task that ends the job by failing, in words.
std::optional<JobFailure> FindDoom(const Pass& pass) {
  for (const auto& [task, failure] : pass.job.troubled()) {
    const TaskState& state = pass.job.task(task);
    if (IsFinal(failure.code) || IsWrongEverywhere(pass, task, failure)) {
      return JobFailure{task, failure.code,
                        fmt::format("{}: {}", NameOf(pass.job, task), failure.text)};
    }
    if (state.failures >= pass.job.accepted()->attempts_max()) {
      const auto times = state.failures == 1 ? "once" : fmt::format("{} times", state.failures);
      return JobFailure{task, failure.code,
                        fmt::format("{} failed {} (see --attempts): {}", NameOf(pass.job, task),
                                    times, failure.text)};
    }
    if (state.losses >= pass.options.losses_max) {
      return JobFailure{
          task, static_cast<int32_t>(ErrorCode::kUserCode),
          fmt::format("{} was lost {} times: each time its worker was killed or fell silent, or "
                      "its output was gone; it may need more memory than a worker has",
                      NameOf(pass.job, task), state.losses)};
    }
  }
  return std::nullopt;
}

// What must stand before a phase of this kind is opened; adds what has been brought for it.
bool Prepare(Pass& pass, proto::PhaseKind kind) {
  const Outcomes& outcomes = pass.fleet.outcomes();
  bool has_table = !pass.job.shuffle_table().empty() || !pass.job.StepOf(proto::PHASE_REDUCE);
  bool has_splitters = pass.job.splitters() != 0 || !pass.job.StepOf(proto::PHASE_SAMPLE);
  if (kind == proto::PHASE_MAP && !has_table && !outcomes.shuffle_table.empty()) {
    Record record;
    record.mutable_shuffle_table_made()->set_table(outcomes.shuffle_table);
    has_table = pass.Add(std::move(record));
  }
  if (kind == proto::PHASE_MAP && !has_splitters && outcomes.splitters != 0) {
    Record record;
    record.mutable_splitters_chosen()->set_checksum(outcomes.splitters);
    has_splitters = pass.Add(std::move(record));
  }
  switch (kind) {
    case proto::PHASE_MAP:
      return has_table && has_splitters;
    case proto::PHASE_REDUCE:
      return outcomes.winners.has_value() || pass.job.HasCurrentWinners();
    default:
      return true;
  }
}

void OpenNext(Pass& pass) {
  const Outcomes& outcomes = pass.fleet.outcomes();
  if (pass.job.accepted() == nullptr) {
    if (!outcomes.plan) return;
    Record record;
    *record.mutable_job_accepted() = *outcomes.plan;
    pass.Add(std::move(record));
    return;
  }
  if (!outcomes.row_accepted || pass.job.cancelled() != nullptr) return;
  const auto map = pass.job.StepOf(proto::PHASE_MAP);
  if (outcomes.winners && map && IsComplete(pass, *map)) {
    Record record;
    *record.mutable_winners_written() = *outcomes.winners;
    if (!pass.Add(std::move(record))) return;
  }
  const uint32_t next = pass.job.open_step() ? *pass.job.open_step() + 1 : 0;
  if (next == pass.job.steps() || (next > 0 && !IsComplete(pass, next - 1))) return;
  const proto::PhaseKind kind = pass.job.step(next).kind;
  if (!Prepare(pass, kind)) return;
  Record record;
  record.mutable_phase_opened()->set_step(next);
  record.mutable_phase_opened()->set_kind(kind);
  pass.Add(std::move(record));
}

// Attempts whose task has another winner. This also answers a TaskDone that came too late.
void CancelLosers(Pass& pass) {
  const auto cancel_all = [&](const std::set<TaskId>& tasks) {
    for (const TaskId task : tasks) {
      if (!pass.IsCommitted(task)) continue;
      for (const AttemptId attempt : pass.job.LiveAttemptsOf(task)) {
        if (!pass.HasEnded(attempt) && !pass.Cancel(attempt)) return;
      }
    }
  };
  cancel_all(pass.job.contested());
  cancel_all(pass.committed());
  for (const AttemptId attempt : pass.fleet.done()) {
    const AttemptState state = pass.job.StateOf(attempt);
    const bool is_open = state == AttemptState::kLive || state == AttemptState::kLost;
    if (!is_open || pass.HasEnded(attempt)) continue;
    if (pass.IsCommitted(pass.job.TaskOf(attempt)) && !pass.Cancel(attempt)) return;
  }
}

void QuarantineWorkers(Pass& pass) {
  std::vector<WorkerId> bad;
  size_t usable = 0;
  for (const auto& [worker, seen] : pass.fleet.workers()) {
    if (!pass.IsAtWork(worker) || pass.job.IsQuarantined(worker)) continue;
    ++usable;
    if (pass.job.BlamedTasks(worker) >= pass.options.quarantine_tasks) bad.push_back(worker);
  }
  for (const WorkerId worker : bad) {
    if (usable-- == 1) return;  // never the last one
    Record record;
    record.mutable_worker_quarantined()->set_worker_id(worker.bits);
    if (!pass.Add(std::move(record))) return;
  }
}

void AddFinished(Pass& pass, int exit_code, const std::string& text) {
  Record record;
  record.mutable_job_finished()->set_exit_code(exit_code);
  record.mutable_job_finished()->set_text(text.substr(0, 2 * kTextBytesMax));
  pass.Add(std::move(record));
}

void DecidePublish(Pass& pass) {
  const Outcomes& outcomes = pass.fleet.outcomes();
  const proto::PublishDecided* decided = pass.job.publish();
  if (decided != nullptr ? !outcomes.publish_conflict : outcomes.manifest == 0) return;
  Record record;
  record.mutable_publish_decided()->set_expected(outcomes.publish_conflict.value_or(0));
  record.mutable_publish_decided()->set_mine(outcomes.publish_mine);
  record.mutable_publish_decided()->set_manifest(decided != nullptr ? decided->manifest()
                                                                    : outcomes.manifest);
  pass.Add(std::move(record));
}

void Finish(Pass& pass) {
  if (pass.job.accepted() == nullptr || pass.is_full()) return;
  const Outcomes& outcomes = pass.fleet.outcomes();
  if (outcomes.published) return AddFinished(pass, 0, "");
  if (outcomes.publish_failed) {
    return AddFinished(pass, ExitCodeOf(outcomes.publish_failed->code),
                       outcomes.publish_failed->text);
  }
  if (pass.job.publish() == nullptr) {
    if (outcomes.is_too_old) {
      return AddFinished(pass, ExitCodeOf(ErrorCode::kConfiguration),
                         "the job is older than its max age: what it has done so far may be gone");
    }
    if (const auto doom = FindDoom(pass)) {
      return AddFinished(pass, ExitCodeOf(static_cast<ErrorCode>(doom->code)), doom->text);
    }
    if (const proto::CancelAccepted* cancelled = pass.job.cancelled()) {
      const std::string& reason = cancelled->reason();
      return AddFinished(pass, ExitCodeOf(ErrorCode::kCancelled),
                         reason.empty() ? "the job was cancelled" : "cancelled: " + reason);
    }
    const uint32_t last = pass.job.steps() - 1;
    if (pass.job.open_step() != last || !outcomes.reports_read) return;
    for (uint32_t step = 0; step <= last; ++step) {
      if (!IsComplete(pass, step)) return;
    }
  }
  DecidePublish(pass);
}

}  // namespace

bool Pass::Add(Record record) {
  const size_t size = record.ByteSizeLong();
  const size_t bytes = 1 + VarintBytes(size) + size;
  is_full_ = is_full_ ||
             (!records_.empty() && bytes_ + bytes + kHeaderBytesMax > options.records_bytes_max);
  if (is_full_) return false;
  bytes_ += bytes;
  records_.push_back(std::move(record));
  return true;
}

bool Pass::Lose(AttemptId attempt, bool counted) {
  Record record;
  ToProto(attempt, record.mutable_attempt_lost()->mutable_attempt());
  record.mutable_attempt_lost()->set_counted(counted);
  return Add(std::move(record)) && End(attempt);
}

bool Pass::Fail(const proto::TaskFailed& failed) {
  Record record;
  auto* fields = record.mutable_attempt_failed();
  *fields->mutable_attempt() = failed.attempt();
  fields->set_text(failed.text().substr(0, kTextBytesMax));
  fields->set_code(failed.code());
  const AttemptId attempt = FromProto(failed.attempt());
  if (!Add(std::move(record))) return false;
  failed_.insert(job.TaskOf(attempt));
  return End(attempt);
}

bool Pass::Cancel(AttemptId attempt) {
  Record record;
  ToProto(attempt, record.mutable_attempt_cancelled()->mutable_attempt());
  return Add(std::move(record)) && End(attempt);
}

bool Pass::Commit(AttemptId attempt) {
  Record record;
  ToProto(attempt, record.mutable_task_committed()->mutable_attempt());
  if (!Add(std::move(record))) return false;
  committed_.insert(job.TaskOf(attempt));
  return End(attempt);
}

bool Pass::LoseOutput(uint32_t step, const std::vector<uint32_t>& tasks) {
  Record record;
  record.mutable_output_lost()->set_step(step);
  for (const uint32_t task : tasks) record.mutable_output_lost()->add_tasks(task);
  if (!Add(std::move(record))) return false;
  for (const uint32_t task : tasks) lost_.insert({step, task});
  return true;
}

bool Pass::End(AttemptId attempt) {
  const auto live = job.live().find(attempt);
  if (ended_.insert(attempt).second && live != job.live().end()) {
    ++ended_by_worker_[live->second.worker];
  }
  return true;
}

uint32_t Pass::LoadOf(WorkerId worker) const {
  const auto live = job.live_by_worker().find(worker);
  if (live == job.live_by_worker().end()) return 0;
  const auto ended = ended_by_worker_.find(worker);
  return static_cast<uint32_t>(live->second.size()) -
         (ended == ended_by_worker_.end() ? 0 : ended->second);
}

bool Pass::Assign(TaskId task, WorkerId worker, bool is_backup) {
  Record record;
  auto* fields = record.mutable_attempt_assigned();
  fields->set_step(task.step);
  fields->set_task(task.index);
  fields->set_n(job.next_attempt() + assigned_);
  const auto known = job.NumberOf(worker);
  const auto named = numbers_.find(worker);
  const bool is_new = !known && named == numbers_.end();
  if (is_new) {
    fields->set_worker(job.next_number() + static_cast<uint32_t>(numbers_.size()));
    fields->set_worker_id(worker.bits);
  } else {
    fields->set_worker(known ? *known : named->second);
  }
  const uint32_t number = fields->worker();
  if (job.step(task.step).kind == proto::PHASE_REDUCE) {
    fields->set_winners(job.WinnersOf(task.index));
  } else if (job.step(task.step).kind == proto::PHASE_EXPORT) {
    ToProto(job.task({task.step - 1, task.index}).winner, fields->mutable_source());
  }
  fields->set_backup(is_backup);
  fields->set_careful(job.task(task).failures > 0);
  if (!Add(std::move(record))) return false;
  ++assigned_;
  if (is_new) numbers_.emplace(worker, number);
  return true;
}

std::vector<Record> Decide(const Job& job, const Fleet& fleet, int64_t now_ms,
                           const DecideOptions& options) {
  if (job.finished() != nullptr) return {};
  Pass pass({job, fleet, now_ms, options});
  AnswerRequests(pass);
  ExpireLeases(pass);
  GiveBackWorkers(pass);
  GiveBackFailed(pass);
  GiveBackOutputs(pass);
  CommitDone(pass);
  OpenNext(pass);
  if (!FindDoom(pass)) AssignSlots(pass);
  CancelLosers(pass);
  QuarantineWorkers(pass);
  Finish(pass);
  return pass.TakeRecords();
}

}  // namespace minke
