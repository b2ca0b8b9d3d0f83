// For tests: a job on a small input, in a folder of its own, whose attempts are run one by one on
// the calling thread. Not part of the library.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "control/tally.h"
#include "task/attempt.h"
#include "task/input/input_files.h"
#include "task/job/job_file.h"

namespace minke {

struct OneJobOptions {
  std::vector<std::string> files = {};  // what they hold; they are in-0, in-1, …
  uint64_t split_bytes = 0;             // 0: each file is one split
  uint32_t partitions = 1;
  size_t memory_bytes = 16 << 20;  // of a slot
  size_t kept_bytes = 16 << 20;    // of all finished map tasks
  size_t block_bytes = 64 << 10;
  bool keeps_segments = true;  // false: map tasks write blocks
};

class OneJob {
 public:
  OneJob(const std::string& job, const OneJobOptions& options);
  ~OneJob();
  OneJob(const OneJob&) = delete;
  OneJob& operator=(const OneJob&) = delete;

  // A new attempt; the last one that succeeds is its task's winner.
  Result<proto::Report> Run(proto::PhaseKind kind, uint32_t index, bool careful = false);
  Result<proto::Report> Map(uint32_t index = 0, bool careful = false);
  void MapAll(bool careful = false);
  // Writes the winners block, from what the map tasks reported, first.
  Result<proto::Report> Reduce(uint32_t partition = 0, bool careful = false);
  // The partition's part, or what went wrong.
  std::string Reduced(uint32_t partition = 0, bool careful = false);

  // What the last attempt wrote aside.
  std::string Part(uint32_t index, const std::string& name = "") const;
  // Names of what there is of the last attempt: in the output folder, in the store, and of memory
  // and disk.
  std::string Left() const;
  uint32_t map_tasks() const { return static_cast<uint32_t>(plan.splits_size()); }
  std::string InputPath(size_t file) const;

  static constexpr Incarnation kIncarnation{0xabc};
  static constexpr const char* kTable = "shuffle_abc_5";

  // For tests to change before they run an attempt.
  proto::Plan plan;
  JobContext context;
  SlotPage page;
  Slot slot;
  Tally tally;
  std::vector<std::string> splitters;
  AttemptId last{.epoch = 5, .n = 0};
  uint32_t winners = 0;  // number of the last winners block

 private:
  void MakePlan(const OneJobOptions& options);
  uint32_t StepOf(proto::PhaseKind kind) const;

  const std::string folder_;
  DeclaredJob declared_;
  MemoryAccountant memory_;
  MemoryAccountant kept_;
  ScratchFolder spill_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<OutputFolder> output_;
};

}  // namespace minke
