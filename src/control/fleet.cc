#include "control/fleet.h"

#include <algorithm>

namespace minke {
namespace {

constexpr size_t kRatesMax = 1000;
constexpr uint32_t kSlotsMax = 4096;  // of one worker: more is no number of slots

// 0: not a request.
uint64_t RequestId(const proto::Fact& fact) {
  switch (fact.fact_case()) {
    case proto::Fact::kCancelRequested:
      return fact.cancel_requested().id();
    case proto::Fact::kPauseRequested:
      return fact.pause_requested().id();
    case proto::Fact::kResumeRequested:
      return fact.resume_requested().id();
    default:
      return 0;
  }
}

// Something that is said of this attempt can still change the job.
bool IsOpen(const Job& job, AttemptId attempt) {
  const AttemptState state = job.StateOf(attempt);
  return state == AttemptState::kLive || state == AttemptState::kLost;
}

double RateOf(const AttemptSeen& seen) {
  const int64_t ms = std::max<int64_t>(1, seen.heard_ms - seen.begun_ms);
  return static_cast<double>(seen.bytes) * 1000 / static_cast<double>(ms);
}

}  // namespace

AttemptId FromProto(const proto::AttemptId& id) { return {id.epoch(), id.n()}; }

void ToProto(AttemptId id, proto::AttemptId* to) {
  to->set_epoch(id.epoch);
  to->set_n(id.n);
}

void Fleet::Note(const proto::Fact& fact, int64_t now_ms) {
  switch (fact.fact_case()) {
    case proto::Fact::kWorkerJoined:
      NoteJoined(fact.worker_joined(), now_ms);
      break;
    case proto::Fact::kTaskDone: {
      const AttemptId attempt = FromProto(fact.task_done().attempt());
      if (ended_.insert(attempt).second) done_.push_back(attempt);
      break;
    }
    case proto::Fact::kTaskFailed:
      if (ended_.insert(FromProto(fact.task_failed().attempt())).second) {
        failed_.push_back(fact.task_failed());
      }
      break;
    case proto::Fact::kMapOutputMissing:
      if (ended_.insert(FromProto(fact.map_output_missing().attempt())).second) {
        missing_.push_back(fact.map_output_missing());
      }
      break;
    case proto::Fact::kWorkerLeaving: {
      const WorkerId id{fact.worker_leaving().worker_id()};
      WorkerSeen& worker = workers_[id];
      const auto former = former_roles_.find(id);
      if (former != former_roles_.end()) worker.role = former->second;
      worker.heard_ms = now_ms;
      if (!worker.leaving) worker.leaving = fact.worker_leaving();
      break;
    }
    default: {
      const uint64_t id = RequestId(fact);
      const bool is_known =
          id == 0 || std::ranges::any_of(requests_, [id](const proto::Fact& request) {
            return RequestId(request) == id;
          });
      if (!is_known) requests_.push_back(fact);
    }
  }
}

void Fleet::NoteJoined(const proto::WorkerJoined& joined, int64_t now_ms) {
  const WorkerId id{joined.worker_id()};
  const auto as_of = static_cast<int64_t>(joined.as_of());
  if (as_of < epoch_) {
    former_roles_[id] = joined.role();
    return;
  }
  former_roles_.erase(id);
  WorkerSeen& worker = workers_[id];
  worker.slots = std::min(joined.slots(), kSlotsMax);
  worker.role = joined.role();
  worker.job_hash = joined.job_hash();
  worker.heard_ms = now_ms;
  JoinSeen& join = joins_[id];
  if (as_of < join.as_of) return;
  join.as_of = as_of;
  join.live.clear();
  for (const proto::AttemptId& attempt : joined.live()) join.live.insert(FromProto(attempt));
}

void Fleet::Note(const proto::Heartbeat& heartbeat, int64_t now_ms) {
  WorkerSeen& worker = workers_[{heartbeat.worker_id()}];
  worker.heard_ms = now_ms;
  worker.slots = std::min(heartbeat.slots(), kSlotsMax);
  worker.role = heartbeat.role();
  worker.job_hash = heartbeat.job_hash();
  for (const proto::AttemptProgress& progress : heartbeat.attempts()) {
    const auto [seen, is_new] = progress_.emplace(FromProto(progress.attempt()), AttemptSeen{});
    if (is_new) seen->second.begun_ms = now_ms;
    seen->second.heard_ms = now_ms;
    seen->second.bytes = progress.bytes();
    seen->second.records = progress.records();
  }
}

void Fleet::NoteLeasesAnew(int64_t now_ms) { leases_from_ms_ = std::max(leases_from_ms_, now_ms); }

void Fleet::Settle(const Job& job) {
  std::erase_if(done_, [&](AttemptId attempt) { return !IsOpen(job, attempt); });
  const auto is_answered = [&](const auto& fact) {
    return !IsOpen(job, FromProto(fact.attempt()));
  };
  std::erase_if(failed_, is_answered);
  std::erase_if(missing_, is_answered);
  std::erase_if(ended_, [&](AttemptId attempt) { return !IsOpen(job, attempt); });
  std::erase_if(requests_,
                [&](const proto::Fact& fact) { return job.HasAnswered(RequestId(fact)); });
  std::erase_if(joins_, [&](const auto& entry) {
    const auto live = job.live_by_worker().find(entry.first);
    if (live == job.live_by_worker().end()) return true;
    return std::ranges::all_of(live->second, [&](AttemptId attempt) {
      return entry.second.live.contains(attempt) ||
             job.live().at(attempt).offset > entry.second.as_of;
    });
  });
  SettleProgress(job);
}

void Fleet::SettleProgress(const Job& job) {
  for (auto at = progress_.begin(); at != progress_.end();) {
    const AttemptState state = job.StateOf(at->first);
    if (state == AttemptState::kLive) {
      ++at;
      continue;
    }
    if (state == AttemptState::kCommitted && at->second.heard_ms > at->second.begun_ms) {
      std::vector<double>& rates = rates_[job.TaskOf(at->first).step];
      if (rates.size() == kRatesMax) rates.erase(rates.begin());
      rates.push_back(RateOf(at->second));
    }
    at = progress_.erase(at);
  }
}

int64_t Fleet::SilenceMs(WorkerId worker, int64_t now_ms) const {
  const auto found = workers_.find(worker);
  const int64_t heard_ms = found == workers_.end() ? leases_from_ms_ : found->second.heard_ms;
  return now_ms - std::max(heard_ms, leases_from_ms_);
}

bool Fleet::IsAtWork(WorkerId worker, const Job& job, int64_t now_ms, int64_t lease_ms) const {
  const auto found = workers_.find(worker);
  if (found == workers_.end() || found->second.slots == 0 || found->second.leaving) return false;
  const proto::JobAccepted* accepted = job.accepted();
  if (accepted == nullptr) return false;
  if (accepted->job_hash() != 0 && found->second.job_hash != accepted->job_hash()) return false;
  return lease_ms == 0 || SilenceMs(worker, now_ms) <= lease_ms;
}

std::span<const double> Fleet::rates(uint32_t step) const {
  const auto found = rates_.find(step);
  return found == rates_.end() ? std::span<const double>() : std::span(found->second);
}

}  // namespace minke
