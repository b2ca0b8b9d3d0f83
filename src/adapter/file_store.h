// The Store port over a folder, for several processes of one machine at once.
//
// It hides names that no file could have, writing aside, syncing and locks: what a call has done is
// on the disk when it returns, and a file is there whole or not at all, whatever was killed when.
// It keeps no segments, so that tasks build blocks. The files are drawn in docs/FORMATS.md and at
// the top of file_store.cc. Thread-safe.
//
// Errors, beside the port's: kOutput (cannot be written), kConfiguration (cannot be read, or is of
// another version), kCorruption (not the bytes that were written); path and reason in the text.
#pragma once

#include <memory>
#include <string>

#include "port/store.h"

namespace minke {

class FileStore final : public Store {
 public:
  // Makes the folder, or goes on with what is there.
  static Result<std::unique_ptr<FileStore>> Open(const std::string& folder);

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
  explicit FileStore(std::string folder) : folder_(std::move(folder)) {}
  std::string TablePath(Incarnation job, const std::string& table) const;
  std::string VersionPath(Incarnation version) const;
  Status Remove(const std::string& path);

  const std::string folder_;
};

}  // namespace minke
