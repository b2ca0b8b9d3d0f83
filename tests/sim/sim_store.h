// The Store port on a simulated database, which every process reaches by a link of its own: calls
// take time, are refused, or are carried out and not answered, at once or much later. The test
// loses and damages rows.
//
// It keeps no segments, as the stores that outlive a process. Without faults it keeps the port's
// contract (sim_store_test), also from several threads.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "port/store.h"

namespace minke::sim {

enum class StoreFate : uint8_t {
  kDone,
  kRefused,     // not carried out, and the caller is told that it may have been
  kUnanswered,  // carried out, and the caller is told that it may have been
  kLate,        // the same, but it is carried out later (where the call is a plain write)
  kDead,        // the caller is no more: nothing happens
};

// Between one process and the database.
class StoreLink {
 public:
  virtual ~StoreLink() = default;
  // Asked at each call, by its name, on its way there; it may let time pass.
  virtual StoreFate FateOf(const std::string& /*call*/) { return StoreFate::kDone; }
  // On the way back. False: the caller died meanwhile.
  virtual bool Returns() { return true; }
  virtual int64_t late_ms() { return 0; }
  // Asked for each block of a scan that is not sure: whether it is missed.
  virtual bool Misses() { return false; }
};

class Database {
 public:
  // Rows of shuffle blocks: (partition, bucket) → (map task, attempt, sequence) → bytes.
  struct Stored {
    std::string bytes;
    bool is_damaged = false;  // and the database knows
  };
  using BlockKey = std::tuple<uint32_t, AttemptId, uint32_t>;
  using Bucket = std::map<BlockKey, Stored>;
  using Table = std::map<std::pair<uint32_t, uint32_t>, Bucket>;

  // Without it everything happens at once.
  std::function<void(int64_t delay_ms, std::function<void()>)> schedule;
  // A named block is about to be written; `before` is what stands there, if anything.
  std::function<void(Incarnation, const std::string& name, Bytes, const std::string* before)>
      on_block;
  std::function<void(const std::string& name, const JobRow&)> on_row;
  std::function<void(Incarnation, const std::string& table)> on_table;  // it is made

  std::optional<JobRow> RowOf(const std::string& name);
  std::optional<std::string> BlockOf(Incarnation job, const std::string& name);
  void RemoveBlock(Incarnation job, const std::string& name);
  // How many blocks it left.
  size_t ShuffleBlocksOf(Incarnation job, AttemptId attempt);
  // Removes or damages the attempt's block of that number, in the order of their keys. `is_known`:
  // the database finds the damage itself.
  void RemoveShuffleBlock(Incarnation job, AttemptId attempt, size_t number);
  void DamageShuffleBlock(Incarnation job, AttemptId attempt, size_t number, bool is_known);

 private:
  friend class SimStore;
  struct JobRows {
    std::map<std::string, std::string> blocks;
    std::map<std::string, Table> shuffle;
  };
  Table* FindTable(Incarnation job, const std::string& table);
  void PutBlock(Incarnation job, const std::string& name, const std::string& block);
  template <typename Change>
  void ForBlock(Incarnation job, AttemptId attempt, size_t number, Change change);

  std::recursive_mutex mutex_;  // guards what follows; what is told of changes may look at them
  std::map<std::string, JobRow> jobs_;
  std::map<Incarnation, JobRows> rows_;
  std::map<std::string, DatasetRow> datasets_;
  std::map<DatasetFile, std::map<uint32_t, std::string>> files_;  // chunks by sequence
};

class SimStore final : public Store {
 public:
  // Both outlive it.
  SimStore(Database* database, StoreLink* link) : database_(database), link_(link) {}

  Result<std::optional<JobRow>> GetJob(const std::string& name) override;
  Result<JobRow> CompareAndSetJob(const std::string& name, const std::optional<JobRow>& expected,
                                  const JobRow& desired) override;
  Result<std::vector<std::string>> ListJobs() override;
  Status PutBlock(Incarnation job, const std::string& name, Bytes block) override;
  Result<std::string> GetBlock(Incarnation job, const std::string& name) override;
  Status MakeShuffleTable(Incarnation job, const std::string& table,
                          const ShuffleShape& shape) override;
  Status DropShuffleTable(Incarnation job, const std::string& table) override;
  Result<std::unique_ptr<ShuffleWriter>> WriteShuffle(Incarnation job,
                                                      const std::string& table) override;
  Result<std::unique_ptr<ShuffleScan>> ScanShuffle(Incarnation job, const std::string& table,
                                                   const ShuffleRange& range) override;
  bool keeps_segments() const override { return false; }
  Status PutSegment(Incarnation job, AttemptId attempt,
                    std::shared_ptr<const void> segment) override;
  Result<std::shared_ptr<const void>> GetSegment(Incarnation job, AttemptId attempt) override;
  void DropSegment(Incarnation, AttemptId) override {}
  Result<std::optional<DatasetRow>> GetDataset(const std::string& name) override;
  Result<DatasetRow> CompareAndSetDataset(const std::string& name,
                                          const std::optional<DatasetRow>& expected,
                                          const DatasetRow& desired) override;
  Result<std::vector<std::string>> ListDatasets() override;
  Result<std::unique_ptr<ChunkWriter>> WriteDataset(const DatasetFile& file) override;
  Result<std::unique_ptr<ChunkScan>> ScanDataset(const DatasetFile& file, uint32_t first) override;
  Status DropDataset(Incarnation version) override;
  Status DropJob(Incarnation job) override;
  Result<std::vector<Incarnation>> ListStored() override;

 private:
  class Writer;
  class Scan;
  class DatasetWriter;
  class DatasetScan;

  Database* database_;
  StoreLink* link_;
};

}  // namespace minke::sim
