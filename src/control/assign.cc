// The rules about slots. Tasks go to workers in order of load, so that slots fill evenly; a worker
// whose slots are full may hold as many attempts again that wait, to hide the round trip.
#include <algorithm>
#include <optional>
#include <set>
#include <span>

#include "control/gate.h"
#include "control/pass.h"

namespace minke {
namespace {

constexpr size_t kRatesMin = 3;  // fewer tell nothing about what is slow

// Those in quarantine only where there are no others.
std::vector<Candidate> FindCandidates(const Pass& pass) {
  std::vector<Candidate> found;
  std::vector<Candidate> quarantined;
  for (const auto& [worker, seen] : pass.fleet.workers()) {
    if (!pass.IsAtWork(worker)) continue;
    (pass.job.IsQuarantined(worker) ? quarantined : found)
        .push_back(
            {.id = worker, .role = seen.role, .slots = seen.slots, .load = pass.LoadOf(worker)});
  }
  return found.empty() ? quarantined : found;
}

// Those whose role is this kind of task; all, where there are none.
std::vector<Candidate*> Preferring(std::vector<Candidate>& all, proto::PhaseKind kind) {
  std::vector<Candidate*> found;
  for (Candidate& worker : all) {
    if (Serves(worker.role, kind)) found.push_back(&worker);
  }
  if (found.empty()) {
    for (Candidate& worker : all) found.push_back(&worker);
  }
  return found;
}

bool HasFailedOn(const Job& job, TaskId task, WorkerId worker) {
  const auto workers = job.FailedOn(task);
  return std::ranges::find(workers, worker) != workers.end();
}

bool MayRun(const Pass& pass, uint32_t step) {
  switch (pass.job.step(step).kind) {
    case proto::PHASE_REDUCE:
      return pass.job.HasCurrentWinners() && !pass.has_lost_output();
    case proto::PHASE_EXPORT: {
      const StepState& source = pass.job.step(step - 1);
      return source.committed == source.tasks && !pass.has_lost_output();
    }
    default:
      return true;
  }
}

// The waiting tasks of one step, in order, for whichever worker asks next.
class WaitingTasks {
 public:
  WaitingTasks(const Pass& pass, uint32_t step, std::span<Candidate* const> workers)
      : pass_(pass), step_(step), workers_(workers) {}

  bool is_empty() const { return next_ == kNoTask && held_back_.empty(); }

  std::optional<TaskId> NextFor(WorkerId worker) {
    for (auto at = held_back_.begin(); at != held_back_.end(); ++at) {
      if (HasFailedOn(pass_.job, *at, worker)) continue;
      const TaskId task = *at;
      held_back_.erase(at);
      return task;
    }
    for (;;) {
      next_ = pass_.job.NextWaiting(step_, next_);
      if (next_ == kNoTask) return std::nullopt;
      const TaskId task{step_, next_++};
      // What has failed just now is assigned when that was read back: it may have been the last
      // time.
      if (pass_.IsCommitted(task) || pass_.HasFailed(task)) continue;
      if (!HasFailedOn(pass_.job, task, worker) || HasFailedOnAll(task)) return task;
      held_back_.push_back(task);
    }
  }

 private:
  bool HasFailedOnAll(TaskId task) const {
    return std::ranges::all_of(workers_, [&](const Candidate* worker) {
      return HasFailedOn(pass_.job, task, worker->id);
    });
  }

  const Pass& pass_;
  uint32_t step_;
  std::span<Candidate* const> workers_;
  uint32_t next_ = 0;
  std::vector<TaskId> held_back_;  // failed on the worker that asked first
};

// One attempt each for workers of the least load, then of the next; first into free slots, then to
// wait behind full ones. False: the pass is over.
bool AssignStep(Pass& pass, uint32_t step, std::span<Candidate* const> workers) {
  WaitingTasks tasks(pass, step, workers);
  uint32_t slots_max = 0;
  for (const Candidate* worker : workers) slots_max = std::max(slots_max, worker->slots);
  for (const bool waits : {false, true}) {
    for (uint32_t level = 0; level < slots_max; ++level) {
      for (Candidate* worker : workers) {
        if (worker->load != level + (waits ? worker->slots : 0) || level >= worker->slots) continue;
        const auto task = tasks.NextFor(worker->id);
        if (!task) continue;
        if (!pass.Assign(*task, worker->id, false)) return false;
        ++worker->load;
      }
      if (tasks.is_empty()) return true;
    }
  }
  return true;
}

bool AssignWaiting(Pass& pass, std::vector<Candidate>& candidates) {
  for (uint32_t step = 0; step <= *pass.job.open_step(); ++step) {
    if (pass.job.step(step).waiting == 0 || !MayRun(pass, step)) continue;
    const auto workers = Preferring(candidates, pass.job.step(step).kind);
    if (!AssignStep(pass, step, workers)) return false;
  }
  return true;
}

// A worker's attempts that wait behind its full slots: it begins them in the order of assignment.
std::vector<AttemptId> WaitingOn(const Pass& pass, const Candidate& worker) {
  std::vector<AttemptId> waiting;
  const auto live = pass.job.live_by_worker().find(worker.id);
  if (worker.load <= worker.slots || live == pass.job.live_by_worker().end()) return waiting;
  uint32_t place = 0;
  for (const AttemptId attempt : live->second) {
    if (pass.HasEnded(attempt) || pass.fleet.HasEnded(attempt)) continue;
    if (place++ < worker.slots || pass.fleet.progress().contains(attempt)) continue;
    waiting.push_back(attempt);
  }
  return waiting;
}

// An idle slot is given an attempt that waits behind a full one.
void MoveWaiting(Pass& pass, std::vector<Candidate>& candidates) {
  uint64_t idle_slots = 0;
  for (const Candidate& worker : candidates) {
    idle_slots += worker.slots - std::min(worker.slots, worker.load);
  }
  for (Candidate& from : candidates) {
    if (idle_slots == 0) return;
    for (const AttemptId attempt : WaitingOn(pass, from)) {
      const TaskId task = pass.job.TaskOf(attempt);
      if (pass.IsCommitted(task) || !MayRun(pass, task.step)) continue;
      const auto idle = std::ranges::find_if(candidates, [&](const Candidate& worker) {
        return worker.load < worker.slots && !HasFailedOn(pass.job, task, worker.id) &&
               (Serves(worker.role, pass.job.step(task.step).kind) || worker.role == from.role);
      });
      if (idle == candidates.end()) continue;
      if (!pass.Cancel(attempt) || !pass.Assign(task, idle->id, false)) return;
      --from.load;
      ++idle->load;
      --idle_slots;
    }
  }
}

double RateOf(const AttemptSeen& seen, int64_t now_ms) {
  const int64_t ms = std::max<int64_t>(1, now_ms - seen.begun_ms);
  return static_cast<double>(seen.bytes) * 1000 / static_cast<double>(ms);
}

struct SlowAttempt {
  double rate = 0;
  AttemptId attempt;
  TaskId task;
  WorkerId worker;
  auto operator<=>(const SlowAttempt&) const = default;
};

uint32_t BackedUpTasks(const Pass& pass, uint32_t step) {
  std::set<uint32_t> tasks;
  for (const auto& [attempt, seen] : pass.fleet.progress()) {
    const auto live = pass.job.live().find(attempt);
    if (live == pass.job.live().end() || live->second.task.step != step) continue;
    if (pass.job.task(live->second.task).live > 1) tasks.insert(live->second.task.index);
  }
  return static_cast<uint32_t>(tasks.size());
}

// The only attempts of their tasks that fall well behind the median, slowest first.
std::vector<SlowAttempt> FindSlow(const Pass& pass, uint32_t step) {
  std::vector<SlowAttempt> attempts;
  const auto done = pass.fleet.rates(step);
  std::vector<double> rates(done.begin(), done.end());
  for (const auto& [attempt, seen] : pass.fleet.progress()) {
    const auto live = pass.job.live().find(attempt);
    if (live == pass.job.live().end() || live->second.task.step != step) continue;
    const double rate = RateOf(seen, pass.now_ms);
    rates.push_back(rate);
    const bool is_old = pass.now_ms - seen.begun_ms >= pass.options.backup_after_ms;
    const TaskId task = live->second.task;
    if (!is_old || pass.job.task(task).live > 1 || pass.HasEnded(attempt)) continue;
    attempts.push_back({rate, attempt, task, live->second.worker});
  }
  if (rates.size() < kRatesMin) return {};
  const auto middle = rates.begin() + static_cast<ptrdiff_t>(rates.size() / 2);
  std::ranges::nth_element(rates, middle);
  std::erase_if(attempts, [&](const SlowAttempt& slow) {
    return slow.rate * pass.options.backup_slowness >= *middle;
  });
  std::ranges::sort(attempts);
  return attempts;
}

void StartBackups(Pass& pass, std::vector<Candidate>& candidates) {
  const uint32_t step = *pass.job.open_step();
  if (!pass.job.accepted()->backups() || pass.job.step(step).waiting > 0 || !MayRun(pass, step)) {
    return;
  }
  const auto workers = Preferring(candidates, pass.job.step(step).kind);
  const uint32_t backups_max = std::max(1u, pass.job.step(step).tasks / 10);
  uint32_t left = backups_max - std::min(backups_max, BackedUpTasks(pass, step));
  for (const SlowAttempt& slow : FindSlow(pass, step)) {
    const auto idle = std::ranges::find_if(workers, [&](const Candidate* worker) {
      return worker->load < worker->slots && worker->id != slow.worker &&
             !HasFailedOn(pass.job, slow.task, worker->id);
    });
    if (idle == workers.end() || left-- == 0) return;
    if (pass.IsCommitted(slow.task)) continue;
    if (!pass.Assign(slow.task, (*idle)->id, true)) return;
    ++(*idle)->load;
  }
}

}  // namespace

void AssignSlots(Pass& pass) {
  if (!pass.job.open_step() || pass.job.is_paused() || pass.job.cancelled() != nullptr ||
      pass.job.publish() != nullptr || pass.is_full()) {
    return;
  }
  std::vector<Candidate> candidates = FindCandidates(pass);
  if (!AssignWaiting(pass, candidates)) return;
  MoveWaiting(pass, candidates);
  StartBackups(pass, candidates);
}

}  // namespace minke
