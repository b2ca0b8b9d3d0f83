// The scratch file of one task: where runs go when memory is gone.
//
// One unnamed file in the spill folder, made at the first spill and gone when the task and the
// readers of its runs are. Runs lie in it one behind the other, the blocks of a partition together,
// indexed in memory; a run that nobody holds any more gives its disk space back.
//
// Errors are kConfiguration (the environment is wrong, not the job): the folder is missing, full or
// unreadable, or the bound on spilled bytes is reached; the text names --spill or --spill-bytes.
// A ScratchFile is used by one thread; its runs may be read from several.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "shuffle/run.h"

namespace minke {

// The bound on bytes that all tasks of the process have spilled at one time. Thread-safe.
class SpillBudget {
 public:
  explicit SpillBudget(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  SpillBudget(const SpillBudget&) = delete;
  SpillBudget& operator=(const SpillBudget&) = delete;

  bool TryTake(uint64_t bytes);
  void GiveBack(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  uint64_t bytes_max() const { return bytes_max_; }
  uint64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }

 private:
  const uint64_t bytes_max_;
  std::atomic<uint64_t> used_{0};
};

class ScratchFile final : public SpillSpace {
 public:
  // `budget` outlives the file and its runs.
  ScratchFile(std::string folder, SpillBudget* budget);
  ~ScratchFile() override;
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  Result<RunSink*> Begin() override;
  Result<std::shared_ptr<const Run>> Seal() override;

  // Over its life.
  uint64_t runs() const;
  uint64_t spilled_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
