// The sorter: takes what a map emits, gives each partition's records in (key, map task, emit
// order).
//
// Map side: Add … Finish. Records lie in an arena {sizes, key, value}, with 16-byte entries {8 key
// bytes, partition, place} beside it. When the grant is gone, the entries are sorted by (partition,
// key), combined, and written as a run. Finish hands over a Segment: the arena and entries,
// unsorted, or one run if anything was spilled. Reduce side: OpenPartition sorts the entries of all
// segments of one partition once, merges runs where there are any.
//
// Shapes: values are stored as bytes; scalars of a minke_pair in their 8-byte stored form.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include <minke/abi.h>

#include "base/memory_accountant.h"
#include "base/result.h"
#include "shuffle/run.h"

namespace minke {

// A map attempt's output, kept where it was made: in memory or as a run. Immutable once handed
// over, read by many.
class SortedSegment {
 public:
  virtual ~SortedSegment() = default;
  virtual uint64_t records() const = 0;
  virtual uint64_t bytes() const = 0;  // as shuffled: keys and values
  virtual bool has_partition(uint32_t partition) const = 0;
};

// Combines one sorted batch of groups; the key is kept. Runs user code; see minke_job.combine.
class Combiner {
 public:
  virtual ~Combiner() = default;
  // Reads all of `in`, calls `out` with combined pairs in key order.
  virtual Status Combine(RecordStream& in, const std::function<Status(const minke_pair&)>& out) = 0;
};

struct SorterOptions {
  uint32_t partitions = 1;
  minke_type value_type = MINKE_BYTES;
  bool sort_values = false;      // equal keys order by value bytes, then emit order
  Combiner* combiner = nullptr;  // may be null
  BlockOptions block;
};

class Sorter {
 public:
  // `grant` bounds the arena and entries; `spill` takes the runs. Both outlive the sorter.
  Sorter(SorterOptions options, MemoryGrant* grant, SpillSpace* spill);
  ~Sorter();

  // partitions[i] is the partition of pairs[i]. The bytes are copied.
  Status Add(std::span<const minke_pair> pairs, std::span<const uint32_t> partitions);

  // Ends the input. With `keep_in_memory` false a run is written at any rate. A kept segment splits
  // its memory off the grant.
  Result<std::shared_ptr<const SortedSegment>> Finish(bool keep_in_memory);

  // Ends the input by writing everything, merged, to `sink` as one run. How many records that is.
  Result<uint64_t> FinishInto(RunSink* sink);

  uint64_t spills() const;
  uint64_t spilled_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The records of `partition` from all segments, given in map task order. The grant holds the
// entries that are sorted.
Result<std::unique_ptr<RecordStream>> OpenPartition(
    std::vector<std::shared_ptr<const SortedSegment>> segments, uint32_t partition,
    const SorterOptions& options, MemoryGrant* grant, SpillSpace* scratch);

}  // namespace minke
