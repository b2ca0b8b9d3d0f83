// The Store port in the memory of one process. It keeps segments, so that embedded tasks hand their
// output over as it is. Nothing outlives the object. Thread-safe.
#pragma once

#include <memory>

#include "port/store.h"

namespace minke {

class MemoryStore : public Store {
 public:
  MemoryStore();
  ~MemoryStore() override;

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
  bool keeps_segments() const override { return true; }
  Status PutSegment(Incarnation job, AttemptId attempt,
                    std::shared_ptr<const void> segment) override;
  Result<std::shared_ptr<const void>> GetSegment(Incarnation job, AttemptId attempt) override;
  void DropSegment(Incarnation job, AttemptId attempt) override;
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
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace minke
