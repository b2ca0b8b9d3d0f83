// The Store port on Apache Cassandra, for any number of processes on any machines.
//
// It hides the driver and its threads, retries, back-off and the bound on bytes in flight, the
// schema (docs/FORMATS.md) and how blocks are cut into rows. What a call has written is on a quorum
// of replicas when it returns. It keeps no segments, so that tasks build blocks. Thread-safe.
//
// Errors, beside the port's: kUnavailable after the deadline of its options, with the addresses in
// the text; kConfiguration: no permission, or `minke setup` was never run; kCorruption: not the
// bytes that were written. No text holds a secret.
#pragma once

#include <memory>
#include <string>

#include "adapter/cassandra/cassandra_options.h"
#include "adapter/cassandra/dispatcher.h"
#include "port/store.h"

namespace minke {

class CassandraStore final : public Store {
 public:
  // One attempt to connect. kUnavailable: nobody answers there (or whoever does names nodes that do
  // not, until the deadline); kConfiguration: refused (user,
  // password, certificate), or the keyspace or its tables are missing.
  static Result<std::unique_ptr<CassandraStore>> Open(const CassandraOptions& options);
  ~CassandraStore() override;

  Result<std::optional<JobRow>> GetJob(const std::string& name) override;
  Result<JobRow> CompareAndSetJob(const std::string& name, const std::optional<JobRow>& expected,
                                  const JobRow& desired) override;
  Result<std::vector<std::string>> ListJobs() override;
  Status PutBlock(Incarnation job, const std::string& name, Bytes block) override;
  Result<std::string> GetBlock(Incarnation job, const std::string& name) override;
  Status MakeShuffleTable(Incarnation job, const std::string& table,
                          const ShuffleShape& shape) override;
  Status DropShuffleTable(Incarnation job, const std::string& table) override;
  // The writer and the scan end before the store.
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
  Tables* tables() override;
  Status DropJob(Incarnation job) override;
  Result<std::vector<Incarnation>> ListStored() override;

  CassandraLoad load() const;

 private:
  struct Parts;
  explicit CassandraStore(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace minke
