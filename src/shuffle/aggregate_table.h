// The aggregate table: folds values while they are emitted; one state per distinct key.
//
// An open-addressing index of 8-byte slots {hash bits, entry place} ordered by hash, over an arena
// of entries {state, key size, key}. Keys are looked up in batches with prefetch. When the grant is
// gone the table writes itself out as a run sorted by (partition, key), with states as values, and
// starts anew.
//
// Map side: Fold … Finish gives a Segment (states of each partition, unsorted; or one run if
// anything was spilled). Reduce side: FoldSegment of every map task, then Sorted() gives the
// distinct keys in order, with finished values.
#pragma once

#include <memory>
#include <span>

#include <minke/abi.h>

#include "base/memory_accountant.h"
#include "base/processor.h"
#include "base/result.h"
#include "shuffle/run.h"

namespace minke {

// Partition of each key, called once per distinct key; see minke_job.partition. Null: PartitionOf.
class KeyPartitioner {
 public:
  virtual ~KeyPartitioner() = default;
  virtual Status Partition(std::span<const minke_pair> keys, std::span<uint32_t> partitions) = 0;
};

struct AggregateOptions {
  minke_aggregate aggregate{};         // kind, and the user's functions
  void* self = nullptr;                // first argument of the user's functions
  minke_type value_type = MINKE_NONE;  // of emitted values
  uint32_t partitions = 1;
  KeyPartitioner* partitioner = nullptr;
  BlockOptions block;
  // Of the table's own hash, which no result depends on.
  Processor processor = ThisProcessor();
  uint64_t hash_seed = 0x9e3779b97f4a7c15u;
};

class AggregateSegment {
 public:
  virtual ~AggregateSegment() = default;
  virtual uint64_t records() const = 0;  // distinct keys
  virtual uint64_t bytes() const = 0;
  virtual bool has_partition(uint32_t partition) const = 0;
};

// Type of the finished value: MINKE_U64 for a count, the value type for sum, min, max, else as
// declared.
minke_type FinishedType(const minke_aggregate& aggregate, minke_type value_type);

class AggregateTable {
 public:
  AggregateTable(const AggregateOptions& options, MemoryGrant* grant, SpillSpace* spill);
  ~AggregateTable();

  // Folds a batch of emitted pairs. 64 bytes behind every key are readable. kInput: an integer sum
  // overflows.
  Status Fold(std::span<const minke_pair> pairs);
  // Merges the states of `partition` of a map attempt's segment.
  Status FoldSegment(const AggregateSegment& segment, uint32_t partition);
  // Merges states read from blocks: keys with states as values.
  Status FoldStates(RecordStream& states);

  Result<std::shared_ptr<const AggregateSegment>> Finish(bool keep_in_memory);
  // How many distinct keys were written.
  Result<uint64_t> FinishInto(RunSink* sink);

  // Ends the input; every distinct key in order with its finished value in stored form. The table
  // must outlive it.
  Result<std::unique_ptr<RecordStream>> Sorted();

  uint64_t spills() const;
  uint64_t spilled_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
