#include "adapter/cassandra/cassandra_store.h"

#include <fmt/format.h>
#include <utility>

#include "adapter/cassandra/cassandra_setup.h"
#include "adapter/cassandra/connection.h"
#include "adapter/cassandra/job_rows.h"
#include "adapter/cassandra/named_blocks.h"
#include "adapter/cassandra/shuffle_blocks.h"
#include "adapter/cassandra/shuffle_tables.h"

namespace minke {

struct CassandraStore::Parts {
  explicit Parts(std::unique_ptr<Connection> opened) : connection(std::move(opened)) {}

  std::unique_ptr<Connection> connection;
  JobRows jobs{connection.get()};
  NamedBlocks blocks{connection.get()};
  ShuffleTables tables{connection.get()};
};

CassandraStore::CassandraStore(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

CassandraStore::~CassandraStore() = default;

Result<std::unique_ptr<CassandraStore>> CassandraStore::Open(const CassandraOptions& options) {
  auto connection = MINKE_TRY(Connection::Open(options));
  MINKE_TRY_STATUS(CheckCassandraSetup(*connection));
  return std::unique_ptr<CassandraStore>(
      new CassandraStore(std::make_unique<Parts>(std::move(connection))));
}

Result<std::optional<JobRow>> CassandraStore::GetJob(const std::string& name) {
  return parts_->jobs.Get(name);
}

Result<JobRow> CassandraStore::CompareAndSetJob(const std::string& name,
                                                const std::optional<JobRow>& expected,
                                                const JobRow& desired) {
  return parts_->jobs.CompareAndSet(name, expected, desired);
}

Result<std::vector<std::string>> CassandraStore::ListJobs() { return parts_->jobs.List(); }

Status CassandraStore::PutBlock(Incarnation job, const std::string& name, Bytes block) {
  return parts_->blocks.Put(job, name, block);
}

Result<std::string> CassandraStore::GetBlock(Incarnation job, const std::string& name) {
  return parts_->blocks.Get(job, name);
}

Status CassandraStore::MakeShuffleTable(Incarnation job, const std::string& table,
                                        const ShuffleShape& shape) {
  return parts_->tables.Make(job, table, shape);
}

Status CassandraStore::DropShuffleTable(Incarnation job, const std::string& table) {
  return parts_->tables.Drop(job, table);
}

Result<std::unique_ptr<ShuffleWriter>> CassandraStore::WriteShuffle(Incarnation job,
                                                                    const std::string& table) {
  return OpenShuffleWriter(
      {parts_->connection.get(), &parts_->tables, job, MINKE_TRY(parts_->tables.Find(job, table))});
}

Result<std::unique_ptr<ShuffleScan>> CassandraStore::ScanShuffle(Incarnation job,
                                                                 const std::string& table,
                                                                 const ShuffleRange& range) {
  return OpenShuffleScan({parts_->connection.get(), &parts_->tables, job,
                          MINKE_TRY(parts_->tables.FindKnown(job, table))},
                         range);
}

Status CassandraStore::PutSegment(Incarnation, AttemptId attempt, std::shared_ptr<const void>) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("a store in Cassandra keeps no segments, and attempt {} brings one",
                           attempt.Text())};
}

Result<std::shared_ptr<const void>> CassandraStore::GetSegment(Incarnation, AttemptId attempt) {
  return Error{ErrorCode::kNotFound,
               fmt::format("attempt {} left no segment here", attempt.Text())};
}

void CassandraStore::DropSegment(Incarnation, AttemptId) {}

Status CassandraStore::DropJob(Incarnation job) {
  MINKE_TRY_STATUS(parts_->tables.DropAll(job));
  return parts_->blocks.Drop(job);
}

CassandraLoad CassandraStore::load() const { return parts_->connection->dispatcher().load(); }

}  // namespace minke
