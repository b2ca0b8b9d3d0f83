// The Store port: rows of jobs and datasets, named blocks, shuffle blocks, segments and the chunks
// of datasets. Bytes in, bytes out: what a block holds is the callers' business. Every call may be
// made from any thread and blocks until done; kUnavailable means that the outcome is unknown or the
// service away: all writes are idempotent, so the caller tries again.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace minke {

enum class JobState : uint8_t { kOpen, kAccepted, kFinished };

struct JobRow {
  Incarnation incarnation;
  uint64_t spec_hash = 0;
  JobState state = JobState::kOpen;
  int exit_code = 0;  // kFinished
  bool operator==(const JobRow&) const = default;
};

// Where a map attempt's blocks of one partition lie.
struct ShuffleKey {
  uint32_t partition = 0;
  uint32_t bucket = 0;
  uint32_t map_task = 0;
  AttemptId attempt;
  uint32_t sequence = 0;
};

struct ShuffleBlock {
  ShuffleKey key;
  std::string bytes;
};

// What a shuffle table is told of its job's plan when it is made.
struct ShuffleShape {
  uint32_t span = 1;       // blocks of one run that may lie together: sequence / span is a slice
  int64_t max_age_ms = 0;  // blocks may go once they are older; 0: only when the table is dropped
};

// What a scan reads.
struct ShuffleRange {
  uint32_t partition = 0;
  uint32_t bucket = 0;
  // Finds every block that was acknowledged. Without it a store of many nodes may miss some, and is
  // faster: for whoever can tell what is missing, and asks again.
  bool is_sure = false;
};

// Writes one attempt's shuffle blocks; in-flight bytes are bounded. Scans that begin after Finish
// see them all; before, and without it, they may see some or none. Used by one thread.
class ShuffleWriter {
 public:
  virtual ~ShuffleWriter() = default;
  virtual Status Put(const ShuffleKey& key, Bytes block) = 0;
  // Returns when every block is acknowledged. kNotFound, here or before: the table was dropped.
  virtual Status Finish() = 0;
};

// All blocks of one (partition, bucket), ordered by (map task, attempt, sequence), whoever wrote
// them; a block that was written twice comes once. Behind a gap in its sequence an attempt's blocks
// may be left out.
class ShuffleScan {
 public:
  virtual ~ShuffleScan() = default;
  // kCorruption: stored bytes were found damaged; the scan goes on, without the blocks that are.
  virtual Result<std::optional<ShuffleBlock>> Next() = 0;
};

// Which version a dataset's name stands for.
struct DatasetRow {
  Incarnation version;    // 0: none, it was removed
  uint64_t manifest = 0;  // checksum of the version's manifest
  bool operator==(const DatasetRow&) const = default;
};

// What one attempt has put into a version under one name: a sequence of chunks.
struct DatasetFile {
  Incarnation version;
  AttemptId attempt;
  std::string name;
  auto operator<=>(const DatasetFile&) const = default;
};

// As ShuffleWriter, of one DatasetFile. Several writers may write one file, the same bytes.
class ChunkWriter {
 public:
  virtual ~ChunkWriter() = default;
  virtual Status Put(uint32_t sequence, Bytes chunk) = 0;
  virtual Status Finish() = 0;
};

// The chunks of one DatasetFile in their sequence.
class ChunkScan {
 public:
  virtual ~ChunkScan() = default;
  // kCorruption: the next one is damaged, or missing before others. Nothing: this was the last.
  virtual Result<std::optional<std::string>> Next() = 0;
};

class Store {
 public:
  virtual ~Store() = default;

  // ---- jobs: rows changed by compare-and-set
  virtual Result<std::optional<JobRow>> GetJob(const std::string& name) = 0;
  // Sets the row if it is now `expected` (nullopt: absent); returns the row that stands afterwards.
  virtual Result<JobRow> CompareAndSetJob(const std::string& name,
                                          const std::optional<JobRow>& expected,
                                          const JobRow& desired) = 0;
  virtual Result<std::vector<std::string>> ListJobs() = 0;

  // ---- immutable blocks by name (plan, splitters, reports, winners, manifests, snapshots); to put
  // one again is fine if the bytes are the same, and is a fault of the caller if not
  virtual Status PutBlock(Incarnation job, const std::string& name, Bytes block) = 0;
  virtual Result<std::string> GetBlock(Incarnation job, const std::string& name) = 0;

  // ---- shuffle blocks
  // There already is fine: it keeps its shape.
  virtual Status MakeShuffleTable(Incarnation job, const std::string& table,
                                  const ShuffleShape& shape) = 0;
  virtual Status DropShuffleTable(Incarnation job, const std::string& table) = 0;
  virtual Result<std::unique_ptr<ShuffleWriter>> WriteShuffle(Incarnation job,
                                                              const std::string& table) = 0;
  virtual Result<std::unique_ptr<ShuffleScan>> ScanShuffle(Incarnation job,
                                                           const std::string& table,
                                                           const ShuffleRange& range) = 0;

  // ---- segments: a map attempt's output handed over inside one process, opaque here
  virtual bool keeps_segments() const = 0;  // false: the task builds blocks instead
  virtual Status PutSegment(Incarnation job, AttemptId attempt,
                            std::shared_ptr<const void> segment) = 0;
  // kNotFound when no such attempt put one here.
  virtual Result<std::shared_ptr<const void>> GetSegment(Incarnation job, AttemptId attempt) = 0;
  virtual void DropSegment(Incarnation job, AttemptId attempt) = 0;

  // ---- datasets: names changed by compare-and-set, and versions whose files never change
  virtual Result<std::optional<DatasetRow>> GetDataset(const std::string& name) = 0;
  // As CompareAndSetJob.
  virtual Result<DatasetRow> CompareAndSetDataset(const std::string& name,
                                                  const std::optional<DatasetRow>& expected,
                                                  const DatasetRow& desired) = 0;
  virtual Result<std::vector<std::string>> ListDatasets() = 0;  // removed ones too
  virtual Result<std::unique_ptr<ChunkWriter>> WriteDataset(const DatasetFile& file) = 0;
  // From the chunk of this sequence on. A file that nobody wrote has no chunks.
  virtual Result<std::unique_ptr<ChunkScan>> ScanDataset(const DatasetFile& file,
                                                         uint32_t first) = 0;
  virtual Status DropDataset(Incarnation version) = 0;

  // Removes everything but the job's row and the version of that incarnation.
  virtual Status DropJob(Incarnation job) = 0;
};

}  // namespace minke
