#include "control/tally.h"

#include <utility>

#include "base/check.h"

namespace minke {
namespace {

void Move(uint64_t& sum, uint64_t value, bool add) { sum += add ? value : uint64_t{0} - value; }

bool IsSet(const std::string& bitmap, uint32_t bit) {
  return bit / 8 < bitmap.size() && (static_cast<uint8_t>(bitmap[bit / 8]) >> (bit % 8) & 1) != 0;
}

}  // namespace

bool HoldsPartition(const proto::Report& report, uint32_t partition) {
  return IsSet(report.partitions(), partition);
}

void Tally::Count(TaskId task, const proto::Report& report, bool add) {
  reports_[task.step] += add ? 1 : uint32_t(-1);
  ReportSums& sums = sums_[task.step];
  Move(sums.records_in, report.records_in(), add);
  Move(sums.bytes_in, report.bytes_in(), add);
  Move(sums.records_out, report.records_out(), add);
  Move(sums.bytes_out, report.bytes_out(), add);
  Move(sums.spills, report.spills(), add);
  Move(sums.spilled_bytes, report.spilled_bytes(), add);
  Move(sums.skipped, report.skipped(), add);
  Move(sums.cpu_us, report.cpu_us(), add);
  for (const proto::OutputFile& file : report.outputs()) {
    if (!file.name().empty()) continue;
    Move(sums.output_records, file.records(), add);
    Move(sums.output_bytes, file.bytes(), add);
    Move(sums.fingerprint, file.fingerprint(), add);
  }
  for (const proto::Counter& counter : report.counters()) {
    Move(counters_[counter.name()], counter.value(), add);
  }
}

void Tally::Add(TaskId task, proto::PhaseKind kind, AttemptId attempt,
                const proto::Report& report) {
  Remove(task);
  Entry& entry = entries_[task];
  entry.attempt = attempt;
  entry.partitions = report.partitions();
  proto::Report kept = report;
  kept.clear_partitions();
  kept.clear_samples();
  if (kind == proto::PHASE_SAMPLE) kept.clear_counters();
  kept.SerializeToString(&entry.report);
  Count(task, kept, true);
}

void Tally::Remove(TaskId task) {
  const auto found = entries_.find(task);
  if (found == entries_.end()) return;
  Count(task, report(task), false);
  entries_.erase(found);
}

bool Tally::Has(TaskId task, AttemptId attempt) const {
  const auto found = entries_.find(task);
  return found != entries_.end() && found->second.attempt == attempt;
}

proto::Report Tally::report(TaskId task) const {
  const auto found = entries_.find(task);
  MINKE_CHECK(found != entries_.end());
  proto::Report report;
  MINKE_CHECK(report.ParseFromString(found->second.report));
  return report;
}

ReportSums Tally::sums(uint32_t step) const {
  const auto found = sums_.find(step);
  return found == sums_.end() ? ReportSums{} : found->second;
}

uint32_t Tally::reports(uint32_t step) const {
  const auto found = reports_.find(step);
  return found == reports_.end() ? 0 : found->second;
}

bool Tally::Holds(TaskId map_task, uint32_t partition) const {
  const auto found = entries_.find(map_task);
  return found != entries_.end() && IsSet(found->second.partitions, partition);
}

std::string Tally::WinnersBlock(uint32_t map_step, uint32_t partition) const {
  proto::Winners winners;
  for (auto at = entries_.lower_bound({map_step, 0});
       at != entries_.end() && at->first.step == map_step; ++at) {
    if (!IsSet(at->second.partitions, partition)) continue;
    winners.add_map_tasks(at->first.index);
    proto::AttemptId* attempt = winners.add_attempts();
    attempt->set_epoch(at->second.attempt.epoch);
    attempt->set_n(at->second.attempt.n);
  }
  return winners.SerializeAsString();
}

}  // namespace minke
