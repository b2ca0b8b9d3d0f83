// The shuffle through the store: a map attempt's run as shuffle blocks, and the winners' runs of
// one partition back.
//
// What is stored is a block of shuffle/block.h and a trailer of 12 bytes:
//   u32 blocks of this run in this partition, in its last block, else 0
//   u64 XXH3 of {incarnation, map task, epoch and n of the attempt, partition, sequence, the u32
//   above, bytes of the block}, as eight u64, and the block's first 64 bytes, its header among them
// so that a block in the wrong place, or a run that lacks its end, is noticed. Used by the
// attempt's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "port/store.h"
#include "shuffle/run.h"
#include "task/attempt.h"

namespace minke {

// The bucket of a map task: neighbours share one, so that buckets in order are map tasks in order.
uint32_t BucketOf(uint32_t map_task, uint32_t map_tasks, uint32_t buckets);

class ShuffleRunSink final : public RunSink {
 public:
  ShuffleRunSink(const JobContext& context, const AttemptSpec& spec, ShuffleWriter* writer);
  Status Put(uint32_t partition, Bytes block, bool last) override;

  bool has_partition(uint32_t partition) const { return written_[partition]; }
  uint64_t stored_bytes() const { return stored_bytes_; }

 private:
  Incarnation incarnation_;
  ShuffleWriter* writer_;
  ShuffleKey key_;
  std::string stored_;
  uint64_t stored_bytes_ = 0;
  std::vector<bool> written_;
};

struct Winner {
  uint32_t map_task = 0;
  AttemptId attempt;
};

struct WinnerRuns {
  std::vector<std::shared_ptr<const Run>> runs;  // of the winners, in their order
  std::vector<uint32_t> missing;                 // map tasks without a whole, sound run
};

// Copies the blocks that `winners` (in map task order) wrote for the task's partition into runs in
// `scratch`.
Result<WinnerRuns> FetchWinners(const JobContext& context, const AttemptSpec& spec,
                                const std::vector<Winner>& winners, SpillSpace* scratch);

}  // namespace minke
