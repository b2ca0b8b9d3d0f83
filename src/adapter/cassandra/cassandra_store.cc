#include "adapter/cassandra/cassandra_store.h"

#include <fmt/format.h>
#include <utility>

#include "adapter/cassandra/cassandra_setup.h"
#include "adapter/cassandra/connection.h"
#include "adapter/cassandra/dataset_files.h"
#include "adapter/cassandra/named_blocks.h"
#include "adapter/cassandra/named_rows.h"
#include "adapter/cassandra/shuffle_blocks.h"
#include "adapter/cassandra/shuffle_tables.h"
#include "adapter/cassandra/stored_incarnations.h"
#include "adapter/cassandra/user_tables.h"

namespace minke {
namespace {

const NamedRows::Columns kJobColumns = {{"incarnation", std::string()},
                                        {"spec_hash", int64_t{0}},
                                        {"state", int32_t{0}},
                                        {"exit_code", int32_t{0}}};
const NamedRows::Columns kDatasetColumns = {{"version", std::string()}, {"manifest", int64_t{0}}};

NamedRows::Row RowOf(const JobRow& row) {
  return {row.incarnation.Hex(), static_cast<int64_t>(row.spec_hash),
          static_cast<int32_t>(row.state), int32_t{row.exit_code}};
}

NamedRows::Row RowOf(const DatasetRow& row) {
  return {row.version.Hex(), static_cast<int64_t>(row.manifest)};
}

template <typename T>
std::optional<NamedRows::Row> RowOf(const std::optional<T>& row) {
  if (!row) return std::nullopt;
  return RowOf(*row);
}

bool ReadHex(const std::string& hex, Incarnation* incarnation) {
  const auto read = IncarnationOf(hex);
  if (read) *incarnation = *read;
  return read.has_value();
}

bool Read(const NamedRows::Row& row, JobRow* job) {
  const auto state = std::get<int32_t>(row[2]);
  job->spec_hash = static_cast<uint64_t>(std::get<int64_t>(row[1]));
  job->state = static_cast<JobState>(state);
  job->exit_code = std::get<int32_t>(row[3]);
  return ReadHex(std::get<std::string>(row[0]), &job->incarnation) && state >= 0 &&
         state <= static_cast<int32_t>(JobState::kFinished);
}

bool Read(const NamedRows::Row& row, DatasetRow* dataset) {
  dataset->manifest = static_cast<uint64_t>(std::get<int64_t>(row[1]));
  return ReadHex(std::get<std::string>(row[0]), &dataset->version);
}

template <typename T>
Result<std::optional<T>> ReadRow(Result<std::optional<NamedRows::Row>> row,
                                 const std::string& name) {
  if (!row) return std::move(row).error();
  if (!*row) return std::optional<T>();
  T value;
  if (Read(**row, &value)) return std::optional<T>(value);
  return Error{ErrorCode::kCorruption,
               fmt::format("the row of {} in Cassandra is not one that minke has written", name)};
}

template <typename T>
Result<T> CompareAndSet(NamedRows& rows, const std::string& name, const std::optional<T>& expected,
                        const T& desired) {
  const auto stands =
      MINKE_TRY(ReadRow<T>(rows.CompareAndSet(name, RowOf(expected), RowOf(desired)), name));
  return stands.value_or(T{});
}

}  // namespace

struct CassandraStore::Parts {
  explicit Parts(std::unique_ptr<Connection> opened) : connection(std::move(opened)) {}

  std::unique_ptr<Connection> connection;
  NamedRows jobs{connection.get(), "jobs", kJobColumns};
  NamedRows datasets{connection.get(), "datasets", kDatasetColumns};
  NamedBlocks blocks{connection.get()};
  ShuffleTables tables{connection.get()};
  DatasetFiles files{connection.get()};
  UserTables user_tables{connection.get()};
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
  return ReadRow<JobRow>(parts_->jobs.Get(name), name);
}

Result<JobRow> CassandraStore::CompareAndSetJob(const std::string& name,
                                                const std::optional<JobRow>& expected,
                                                const JobRow& desired) {
  return CompareAndSet(parts_->jobs, name, expected, desired);
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

Result<std::optional<DatasetRow>> CassandraStore::GetDataset(const std::string& name) {
  return ReadRow<DatasetRow>(parts_->datasets.Get(name), name);
}

Result<DatasetRow> CassandraStore::CompareAndSetDataset(const std::string& name,
                                                        const std::optional<DatasetRow>& expected,
                                                        const DatasetRow& desired) {
  return CompareAndSet(parts_->datasets, name, expected, desired);
}

Result<std::vector<std::string>> CassandraStore::ListDatasets() { return parts_->datasets.List(); }

Result<std::unique_ptr<ChunkWriter>> CassandraStore::WriteDataset(const DatasetFile& file) {
  return parts_->files.Write(file);
}

Result<std::unique_ptr<ChunkScan>> CassandraStore::ScanDataset(const DatasetFile& file,
                                                               uint32_t first) {
  return parts_->files.Scan(file, first);
}

Status CassandraStore::DropDataset(Incarnation version) { return parts_->files.Drop(version); }

Tables* CassandraStore::tables() { return &parts_->user_tables; }

Status CassandraStore::DropJob(Incarnation job) {
  MINKE_TRY_STATUS(parts_->tables.DropAll(job));
  return parts_->blocks.Drop(job);
}

Result<std::vector<Incarnation>> CassandraStore::ListStored() {
  return ListStoredIncarnations(*parts_->connection);
}

CassandraLoad CassandraStore::load() const { return parts_->connection->dispatcher().load(); }

}  // namespace minke
