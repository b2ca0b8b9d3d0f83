#include "adapter/cassandra/cassandra_setup.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <string>

#include "adapter/cassandra/connection.h"

namespace minke {
namespace {

constexpr int32_t kVersion = 1;

// The row of the version is written last: where it is, all is.
constexpr std::array kTables = {
    "CREATE TABLE IF NOT EXISTS {}.jobs (name text PRIMARY KEY, incarnation text, "
    "spec_hash bigint, state int, exit_code int)",
    "CREATE TABLE IF NOT EXISTS {}.blocks (incarnation text, shard int, name text, part int, "
    "parts int, checksum bigint, bytes blob, PRIMARY KEY ((incarnation, shard), name, part))",
    "CREATE TABLE IF NOT EXISTS {}.shuffle_tables (incarnation text, name text, span int, "
    "PRIMARY KEY (incarnation, name))",
    "CREATE TABLE IF NOT EXISTS {}.datasets (name text PRIMARY KEY, version text, "
    "manifest bigint)",
    "CREATE TABLE IF NOT EXISTS {}.dataset_files (version text, epoch bigint, n bigint, name text, "
    "slice int, PRIMARY KEY (version, epoch, n, name, slice))",
    "CREATE TABLE IF NOT EXISTS {}.dataset_chunks (version text, epoch bigint, n bigint, "
    "name text, slice int, sequence int, piece int, pieces int, checksum bigint, bytes blob, "
    "PRIMARY KEY ((version, epoch, n, name, slice), sequence, piece)) "
    "WITH compression = {{'enabled': false}} "
    "AND caching = {{'keys': 'NONE', 'rows_per_partition': 'NONE'}} "
    "AND compaction = {{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'T8'}}",
    "CREATE TABLE IF NOT EXISTS {}.format (id int PRIMARY KEY, version int)",
};
constexpr char kSetVersion[] = "INSERT INTO @.format (id, version) VALUES (0, ?)";
constexpr char kGetVersion[] = "SELECT version FROM @.format WHERE id = 0";

constexpr char kGetFacts[] = "SELECT release_version, toUnixTimestamp(now()) FROM system.local";

constexpr uint32_t kReplicas = 3;

struct Nodes {
  std::string datacenter;
  uint32_t count = 0;  // in it
};

Result<CqlResult> Ask(Connection& connection, const char* cql, Consistency consistency) {
  const auto statement = MINKE_TRY(connection.Statement(cql, consistency));
  return connection.dispatcher().Execute(statement->Bind({}));
}

Result<Nodes> NodesOf(Connection& connection, const std::string& wanted) {
  Nodes nodes{wanted, 0};
  const CqlResult local =
      MINKE_TRY(Ask(connection, "SELECT data_center FROM system.local", Consistency::kLocalOne));
  if (local.rows() == 1 && nodes.datacenter.empty()) nodes.datacenter = local.bytes(0, 0);
  const CqlResult peers =
      MINKE_TRY(Ask(connection, "SELECT data_center FROM system.peers", Consistency::kLocalOne));
  for (const CqlResult* found : {&local, &peers}) {
    for (size_t row = 0; row < found->rows(); ++row) {
      if (found->bytes(row, 0) == nodes.datacenter) ++nodes.count;
    }
  }
  if (nodes.count > 0 && nodes.datacenter.find('\'') == std::string::npos) return nodes;
  return Error{ErrorCode::kConfiguration, fmt::format("Cassandra at {} has no data center '{}'",
                                                      connection.addresses(), nodes.datacenter)};
}

Status CheckVersion(Connection& connection, int32_t version) {
  if (version == kVersion) return {};
  return Error{
      ErrorCode::kConfiguration,
      fmt::format("keyspace {} of Cassandra at {} is of another version of minke ({}, this "
                  "is {}): use that one, or another keyspace",
                  connection.keyspace(), connection.addresses(), version, kVersion)};
}

}  // namespace

Status SetUpCassandra(const CassandraOptions& options, const CassandraSetup& setup) {
  const auto connection = MINKE_TRY(Connection::Open(options));
  const Nodes nodes = MINKE_TRY(NodesOf(*connection, options.datacenter));
  const uint32_t replicas = setup.replicas != 0 ? setup.replicas : std::min(kReplicas, nodes.count);
  Dispatcher& dispatcher = connection->dispatcher();
  MINKE_TRY_STATUS(
      dispatcher.ChangeSchema(fmt::format("CREATE KEYSPACE IF NOT EXISTS {} WITH replication = "
                                          "{{'class': 'NetworkTopologyStrategy', '{}': {}}}",
                                          options.keyspace, nodes.datacenter, replicas)));
  for (const char* table : kTables) {
    MINKE_TRY_STATUS(dispatcher.ChangeSchema(fmt::format(fmt::runtime(table), options.keyspace)));
  }
  const CqlResult found = MINKE_TRY(Ask(*connection, kGetVersion, Consistency::kLocalQuorum));
  if (found.rows() == 1) return CheckVersion(*connection, found.int32(0, 0));
  CqlValues values;
  values.Int32(kVersion);
  const auto statement = MINKE_TRY(connection->Statement(kSetVersion));
  auto set = dispatcher.Execute(statement->Bind(values));
  return set ? Status() : Status(std::move(set).error());
}

Result<CassandraFacts> LookAtCassandra(const CassandraOptions& options) {
  const auto connection = MINKE_TRY(Connection::Open(options));
  const Nodes nodes = MINKE_TRY(NodesOf(*connection, options.datacenter));
  const CqlResult local = MINKE_TRY(Ask(*connection, kGetFacts, Consistency::kLocalOne));
  if (local.rows() != 1) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("what answers at {} is no Cassandra", connection->addresses())};
  }
  return CassandraFacts{std::string(local.bytes(0, 0)), nodes.count, local.int64(0, 1)};
}

Status CheckCassandraSetup(Connection& connection) {
  const Error missing{
      ErrorCode::kConfiguration,
      fmt::format("keyspace {} of Cassandra at {} does not have minke's tables: run "
                  "minke setup --cassandra {} once",
                  connection.keyspace(), connection.addresses(), connection.addresses())};
  const auto found = Ask(connection, kGetVersion, Consistency::kLocalQuorum);
  if (!found && found.error().code == ErrorCode::kNotFound) return missing;
  if (!found) return found.error();
  if (found->rows() == 0) return missing;
  return CheckVersion(connection, found->int32(0, 0));
}

}  // namespace minke
