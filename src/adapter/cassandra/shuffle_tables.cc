#include "adapter/cassandra/shuffle_tables.h"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "adapter/cassandra/key_text.h"
#include "base/hash.h"

namespace minke {
namespace {

constexpr char kFind[] = "SELECT span FROM @.shuffle_tables WHERE incarnation = ? AND name = ?";
constexpr char kAdd[] = "INSERT INTO @.shuffle_tables (incarnation, name, span) VALUES (?, ?, ?)";
constexpr char kRemove[] = "DELETE FROM @.shuffle_tables WHERE incarnation = ? AND name = ?";
constexpr char kList[] = "SELECT name FROM @.shuffle_tables WHERE incarnation = ?";

constexpr int64_t kMarginMs = int64_t{7} * 24 * 3600 * 1000;  // beyond a job's greatest age
constexpr int64_t kTtlMaxSeconds = 20LL * 365 * 24 * 3600;    // Cassandra's

// Cassandra's names are short, and the same for small and large letters.
std::string CqlNameOf(Incarnation job, const std::string& name) {
  return fmt::format("shuffle_{}_{:016x}", job.Hex(), Hash64(name));
}

int64_t TtlSecondsOf(const ShuffleShape& shape) {
  if (shape.max_age_ms <= 0) return 0;
  return std::min((shape.max_age_ms + kMarginMs) / 1000, kTtlMaxSeconds);
}

// Blocks are compressed and checked already; rows are never deleted one by one.
std::string CreateText(const std::string& keyspace, const std::string& cql_name,
                       const ShuffleShape& shape) {
  return fmt::format(
      "CREATE TABLE IF NOT EXISTS {}.{} (partition int, bucket int, slice int, map_task int, "
      "epoch bigint, n bigint, sequence int, block blob, "
      "PRIMARY KEY ((partition, bucket, slice), map_task, epoch, n, sequence)) "
      "WITH compression = {{'enabled': false}} AND gc_grace_seconds = 0 "
      "AND default_time_to_live = {} "
      "AND caching = {{'keys': 'NONE', 'rows_per_partition': 'NONE'}} "
      "AND compaction = {{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'T8'}}",
      keyspace, cql_name, TtlSecondsOf(shape));
}

}  // namespace

Error ShuffleTables::Gone(Incarnation job, const std::string& name) {
  Forget(job, name);
  return Error{ErrorCode::kNotFound, fmt::format("there is no shuffle table {}", name)};
}

void ShuffleTables::Forget(Incarnation job, const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    known_.erase({job, name});
  }
  connection_->ForgetStatements(CqlNameOf(job, name));
}

Result<ShuffleTable> ShuffleTables::Find(Incarnation job, const std::string& name) {
  const auto statement = MINKE_TRY(connection_->Statement(kFind));
  const std::string incarnation = job.Hex();
  const std::string key = KeyTextOf(name);
  CqlValues values;
  values.Text(incarnation).Text(key);
  const CqlResult rows = MINKE_TRY(connection_->dispatcher().Execute(statement->Bind(values)));
  if (rows.rows() == 0) return Gone(job, name);
  ShuffleTable table{name, CqlNameOf(job, name), static_cast<uint32_t>(rows.int32(0, 0))};
  if (table.span == 0) {
    return Error{ErrorCode::kCorruption, fmt::format("the row of shuffle table {} in {}."
                                                     "shuffle_tables has no span",
                                                     name, connection_->keyspace())};
  }
  const std::lock_guard lock(mutex_);
  known_[{job, name}] = table;
  return table;
}

Result<ShuffleTable> ShuffleTables::FindKnown(Incarnation job, const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find({job, name});
    if (found != known_.end()) return found->second;
  }
  return Find(job, name);
}

Status ShuffleTables::Make(Incarnation job, const std::string& name, const ShuffleShape& shape) {
  auto found = Find(job, name);
  if (!found && found.error().code != ErrorCode::kNotFound) return std::move(found).error();
  if (!found) {
    const auto statement = MINKE_TRY(connection_->Statement(kAdd));
    const std::string incarnation = job.Hex();
    const std::string key = KeyTextOf(name);
    CqlValues values;
    values.Text(incarnation).Text(key).Int32(std::max(shape.span, 1u));
    auto added = connection_->dispatcher().Execute(statement->Bind(values));
    if (!added) return std::move(added).error();
  }
  return connection_->dispatcher().ChangeSchema(
      CreateText(connection_->keyspace(), CqlNameOf(job, name), shape));
}

Status ShuffleTables::Drop(Incarnation job, const std::string& name) {
  auto found = Find(job, name);
  if (!found && found.error().code == ErrorCode::kNotFound) return {};
  if (!found) return std::move(found).error();
  Forget(job, name);
  MINKE_TRY_STATUS(connection_->dispatcher().ChangeSchema(
      fmt::format("DROP TABLE IF EXISTS {}.{}", connection_->keyspace(), CqlNameOf(job, name))));
  const auto statement = MINKE_TRY(connection_->Statement(kRemove));
  const std::string incarnation = job.Hex();
  const std::string key = KeyTextOf(name);
  CqlValues values;
  values.Text(incarnation).Text(key);
  auto removed = connection_->dispatcher().Execute(statement->Bind(values));
  return removed ? Status() : Status(std::move(removed).error());
}

Status ShuffleTables::DropAll(Incarnation job) {
  const auto statement = MINKE_TRY(connection_->Statement(kList));
  const std::string incarnation = job.Hex();
  CqlValues values;
  values.Text(incarnation);
  // A job has a table an epoch: few.
  const CqlResult rows = MINKE_TRY(connection_->dispatcher().Execute(statement->Bind(values)));
  for (size_t row = 0; row < rows.rows(); ++row) {
    MINKE_TRY_STATUS(Drop(job, NameOfKeyText(rows.bytes(row, 0))));
  }
  return {};
}

}  // namespace minke
