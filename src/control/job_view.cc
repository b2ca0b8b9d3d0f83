#include "control/job_view.h"

#include <algorithm>
#include <fmt/format.h>
#include <set>

namespace minke {
namespace {

const char* StateOf(const Job& job) {
  if (job.finished() != nullptr) return "finished";
  if (job.publish() != nullptr) return "publishing";
  if (job.cancelled() != nullptr) return "cancelling";
  if (job.is_paused()) return "paused";
  if (!job.open_step()) return "starting";
  switch (job.step(*job.open_step()).kind) {
    case proto::PHASE_SAMPLE:
      return "sampling";
    case proto::PHASE_MAP:
      return "mapping";
    case proto::PHASE_REDUCE:
      return "reducing";
    default:
      return "exporting";
  }
}

PhaseView MakePhase(const Job& job, const Tally& tally, uint32_t step) {
  const StepState& state = job.step(step);
  PhaseView view;
  view.kind = state.kind;
  view.is_open = job.open_step() == step && job.finished() == nullptr;
  view.tasks = state.tasks;
  view.waiting = state.waiting;
  view.done = state.committed;
  view.running = state.tasks - state.waiting - state.committed;
  view.sums = tally.sums(step);
  return view;
}

void AddSums(JobView& view, const PhaseView& phase) {
  const ReportSums& sums = phase.sums;
  view.cpu_us += sums.cpu_us;
  if (phase.kind == proto::PHASE_SAMPLE) return;
  view.spills += sums.spills;
  view.spilled_bytes += sums.spilled_bytes;
  view.skipped += sums.skipped;
  view.output_records += sums.output_records;
  view.output_bytes += sums.output_bytes;
  view.fingerprint += sums.fingerprint;
  if (phase.kind == proto::PHASE_MAP) {
    view.records_in = sums.records_in;
    view.bytes_in = sums.bytes_in;
  }
}

// What has been done of the open phase, by bytes where its attempts tell them, else by tasks.
void AddPace(JobView& view, const Job& job, const Fleet& fleet, const ViewContext& context) {
  const auto step = job.open_step();
  if (!step || job.finished() != nullptr) return;
  const PhaseView& phase = view.phases[*step];
  uint64_t bytes = phase.sums.bytes_in;
  uint64_t records = phase.sums.records_in;
  for (const auto& [attempt, seen] : fleet.progress()) {
    // Heard of before the journal: a worker may read faster than we do.
    if (job.StateOf(attempt) != AttemptState::kLive) continue;
    if (job.TaskOf(attempt).step != *step) continue;
    bytes += seen.bytes;
    records += seen.records;
  }
  if (phase.kind == proto::PHASE_MAP) {
    view.bytes_in = bytes;
    view.records_in = records;
  }
  const auto ms =
      static_cast<double>(std::max<int64_t>(1, context.now_ms - context.phase_begun_ms));
  view.records_s = static_cast<double>(records) * 1000 / ms;
  view.bytes_s = static_cast<double>(bytes) * 1000 / ms;
  const bool by_bytes = phase.kind == proto::PHASE_MAP && context.input_bytes > 0;
  const double done = by_bytes
                          ? static_cast<double>(bytes) / static_cast<double>(context.input_bytes)
                          : static_cast<double>(phase.done) / std::max(1u, phase.tasks);
  if (done > 0.02 && done < 1) view.remaining_ms = static_cast<int64_t>(ms * (1 - done) / done);
}

void AddWorkers(JobView& view, const Job& job, const Fleet& fleet, const ViewContext& context) {
  for (const auto& [worker, seen] : fleet.workers()) {
    WorkerCounts& counts = view.workers[seen.role];
    if (seen.leaving && seen.leaving->asked()) {
      ++counts.finished;
    } else if (!fleet.IsAtWork(worker, job, context.now_ms, context.lease_ms)) {
      ++counts.lost;
    } else if (job.live_by_worker().contains(worker)) {
      ++counts.working;
    } else {
      ++counts.waiting;
    }
  }
}

}  // namespace

WorkerCounts& WorkerCounts::operator+=(const WorkerCounts& other) {
  waiting += other.waiting;
  working += other.working;
  finished += other.finished;
  lost += other.lost;
  return *this;
}

WorkerCounts AllWorkers(const JobView& view) {
  WorkerCounts all;
  for (const auto& [role, counts] : view.workers) all += counts;
  return all;
}

JobView MakeJobView(const Job& job, const Fleet& fleet, const Tally& tally,
                    const ViewContext& context) {
  JobView view;
  view.name = context.name;
  view.incarnation = context.incarnation;
  view.state = StateOf(job);
  view.attempts = job.attempts();
  view.failures = job.failures();
  view.losses = job.losses();
  view.input_bytes = context.input_bytes;
  for (uint32_t step = 0; step < job.steps(); ++step) {
    view.phases.push_back(MakePhase(job, tally, step));
    AddSums(view, view.phases.back());
    if (view.phases.back().kind == proto::PHASE_MAP && job.StepOf(proto::PHASE_REDUCE)) {
      view.shuffled_records = view.phases.back().sums.records_out;
      view.shuffled_bytes = view.phases.back().sums.bytes_out;
    }
  }
  AddPace(view, job, fleet, context);
  view.counters = tally.counters();
  view.elapsed_ms = context.now_ms - context.begun_ms;
  AddWorkers(view, job, fleet, context);
  view.workers_quarantined = job.quarantined();
  if (job.finished() != nullptr) {
    view.exit_code = job.finished()->exit_code();
    view.text = job.finished()->text();
  } else if (job.last_failure() != nullptr) {
    view.text = job.last_failure()->text;
  }
  return view;
}

const char* NameOf(proto::PhaseKind kind) {
  switch (kind) {
    case proto::PHASE_SAMPLE:
      return "sample";
    case proto::PHASE_MAP:
      return "map";
    case proto::PHASE_REDUCE:
      return "reduce";
    case proto::PHASE_EXPORT:
      return "export";
    default:
      return "none";
  }
}

const char* RoleName(proto::PhaseKind role) {
  switch (role) {
    case proto::PHASE_MAP:
      return "mapper";
    case proto::PHASE_REDUCE:
      return "reducer";
    default:
      return "worker";
  }
}

std::string WorkersText(const JobView& view) {
  std::string text;
  for (const auto& [role, counts] : view.workers) {
    text += fmt::format("{}{}s: {} waiting, {} working, {} finished", text.empty() ? "" : "; ",
                        RoleName(role), counts.waiting, counts.working, counts.finished);
    if (counts.lost != 0) text += fmt::format(", {} lost", counts.lost);
  }
  return text;
}

std::string NameOf(const Job& job, TaskId task) {
  return fmt::format("{} task {}", NameOf(job.step(task.step).kind), task.index);
}

}  // namespace minke
