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
#include "port/store_rows.h"
#include "port/tables.h"

namespace minke {

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

  // ---- tables of users; null: this store has none. They live as long as the store.
  virtual Tables* tables() { return nullptr; }

  // Removes everything but the job's row and the version of that incarnation.
  virtual Status DropJob(Incarnation job) = 0;
  // Every job and version of which anything but a row is stored, in ascending order. Of what is
  // written or dropped meanwhile, some or none.
  virtual Result<std::vector<Incarnation>> ListStored() = 0;
};

}  // namespace minke
