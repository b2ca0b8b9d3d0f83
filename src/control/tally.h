// Tally: what the winners' reports add up to, and who wrote what for which partition.
//
// A report counts once, as long as its attempt is its task's winner, so retries and backups never
// count twice. Out of the map tasks' reports it builds the blocks that tell a reduce task what to
// read. Memory: a report's bytes per task, and a bit per map task and partition. Pure; used by one
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"

#include "proto/minke.pb.h"

namespace minke {

struct ReportSums {
  uint64_t records_in = 0;
  uint64_t bytes_in = 0;
  uint64_t records_out = 0;
  uint64_t bytes_out = 0;
  uint64_t spills = 0;
  uint64_t spilled_bytes = 0;
  uint64_t skipped = 0;
  uint64_t cpu_us = 0;
  uint64_t output_records = 0;  // of the main output
  uint64_t output_bytes = 0;
  uint64_t fingerprint = 0;  // order-free: the sum of the files'
  bool operator==(const ReportSums&) const = default;
};

// Whether a map attempt with this report left anything for the partition.
bool HoldsPartition(const proto::Report& report, uint32_t partition);

class Tally {
 public:
  // The report of the task's winner; one that was there before is taken off.
  void Add(TaskId task, proto::PhaseKind kind, AttemptId attempt, const proto::Report& report);
  void Remove(TaskId task);

  bool Has(TaskId task, AttemptId attempt) const;
  // What the task's winner has reported, but for samples and partitions; it is in.
  proto::Report report(TaskId task) const;
  ReportSums sums(uint32_t step) const;
  uint32_t reports(uint32_t step) const;  // how many are in
  // Counters of all steps but sampling, by name.
  const std::map<std::string, uint64_t>& counters() const { return counters_; }

  // Whether the winner of this map task left anything for the partition.
  bool Holds(TaskId map_task, uint32_t partition) const;
  // The block of one partition: its map tasks in ascending order with their winners.
  std::string WinnersBlock(uint32_t map_step, uint32_t partition) const;

 private:
  struct Entry {
    AttemptId attempt;
    std::string report;      // without what is held elsewhere
    std::string partitions;  // bitmap
  };
  void Count(TaskId task, const proto::Report& report, bool add);

  std::map<TaskId, Entry> entries_;
  std::map<uint32_t, ReportSums> sums_;
  std::map<uint32_t, uint32_t> reports_;
  std::map<std::string, uint64_t> counters_;
};

}  // namespace minke
