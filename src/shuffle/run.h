// Runs: sorted records of many partitions, as blocks. The shuffle knows no files and no store; it
// writes runs to a RunSink and reads them from a RunSource, which `task` implements over scratch
// files and over the Store port.
//
//   RunWriter   records in (partition, key) order → blocks → RunSink
//   RunReader   RunSource → blocks → records of one partition, in batches
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <minke/abi.h>

#include "base/bytes.h"
#include "base/result.h"
#include "shuffle/block.h"

namespace minke {

// Takes the blocks of one run: partitions ascend, blocks of a partition come in order.
class RunSink {
 public:
  virtual ~RunSink() = default;
  // `last` marks the partition's last block in this run. A partition without records has no block.
  virtual Status Put(uint32_t partition, Bytes block, bool last) = 0;
};

// Hands on to another sink, and notes in `seen` which partitions have blocks. Both outlive it.
class NotingSink final : public RunSink {
 public:
  NotingSink(RunSink* sink, std::vector<bool>* seen) : sink_(sink), seen_(seen) {}
  Status Put(uint32_t partition, Bytes block, bool last) override {
    (*seen_)[partition] = true;
    return sink_->Put(partition, block, last);
  }

 private:
  RunSink* sink_;
  std::vector<bool>* seen_;
};

// Gives the blocks of one run and one partition, in order; an empty answer is the end. Valid until
// the next call.
class RunSource {
 public:
  virtual ~RunSource() = default;
  virtual Result<Bytes> Next() = 0;
};

// A run that was written, to be opened once per partition. Immutable; may be read from several
// threads.
class Run {
 public:
  virtual ~Run() = default;
  virtual std::unique_ptr<RunSource> Open(uint32_t partition) const = 0;
  virtual uint64_t stored_bytes() const = 0;
};

// Where runs are put when memory is gone.
class SpillSpace {
 public:
  virtual ~SpillSpace() = default;
  // One run is written at a time; Seal ends it.
  virtual Result<RunSink*> Begin() = 0;
  virtual Result<std::shared_ptr<const Run>> Seal() = 0;
};

// Records in key order, in batches: what runs, merges and in-memory sorts all look like. A batch is
// never empty but at the end, and is valid until the next call.
class RecordStream {
 public:
  virtual ~RecordStream() = default;
  virtual Result<std::span<const minke_record>> Next() = 0;
};

class RunWriter {
 public:
  RunWriter(BlockOptions options, RunSink* sink);
  ~RunWriter();
  // Partitions ascend; within one, keys ascend (equal keys keep the order of the calls).
  Status Add(uint32_t partition, Bytes key, Bytes value);
  // All records of a stream, in their order.
  Status AddAll(uint32_t partition, RecordStream& records);
  Status Finish();
  uint64_t records() const;
  uint64_t stored_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// One partition of a run, which lives as long as the stream.
std::unique_ptr<RecordStream> ReadRun(std::shared_ptr<const Run> run, uint32_t partition);

}  // namespace minke
