#include "adapter/cassandra/user_tables.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <tuple>
#include <utility>

#include "adapter/cassandra/pager.h"
#include "adapter/cassandra/write_queue.h"

namespace minke {
namespace {

constexpr char kColumns[] =
    "SELECT column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = ? "
    "AND table_name = ?";
constexpr char kEstimates[] =
    "SELECT range_start, range_end, partitions_count, mean_partition_size FROM "
    "system.size_estimates WHERE keyspace_name = ? AND table_name = ?";
constexpr char kPartitioner[] = "SELECT partitioner FROM system.local";

constexpr size_t kPageRowsMax = 10'000;

// As an identifier of CQL, whatever it holds.
std::string Quoted(Bytes name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}

std::string Quoted(const TableName& name) {
  return fmt::format("{}.{}", Quoted(name.keyspace), Quoted(name.table));
}

std::string Joined(std::span<const std::string> columns) {
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "" : ", ") + Quoted(column);
  return text;
}

ColumnRole RoleOf(Bytes kind) {
  if (kind == "partition_key") return ColumnRole::kPartitionKey;
  if (kind == "clustering") return ColumnRole::kClustering;
  return kind == "static" ? ColumnRole::kStatic : ColumnRole::kRegular;
}

Error Gone(const TableName& name, const Error& error) {
  if (error.code != ErrorCode::kNotFound) return error;
  return Error{ErrorCode::kNotFound,
               fmt::format("there is no table {} in Cassandra, or not with the columns that it had "
                           "({})",
                           name.Text(), error.text)};
}

class Scanning final : public RowScan {
 public:
  Scanning(TableName name, std::unique_ptr<Pager> pager, size_t columns)
      : name_(std::move(name)), pager_(std::move(pager)), cells_(columns) {}

  Result<std::optional<std::span<const Cell>>> Next() override {
    const auto more = pager_->Next();
    if (!more) return Gone(name_, more.error());
    if (!*more) return std::optional<std::span<const Cell>>();
    const CqlResult& rows = pager_->rows();
    const size_t row = pager_->row();
    for (size_t i = 0; i < cells_.size(); ++i) {
      cells_[i] = rows.has_cell(row, i) ? Cell(rows.bytes(row, i)) : Cell();
    }
    return std::optional<std::span<const Cell>>(cells_);
  }

 private:
  TableName name_;
  std::unique_ptr<Pager> pager_;
  std::vector<Cell> cells_;
};

class Writing final : public RowWriter {
 public:
  Writing(TableName name, Dispatcher* dispatcher, Connection::StatementPtr statement,
          int64_t timestamp_us)
      : name_(std::move(name)),
        queue_(dispatcher),
        statement_(std::move(statement)),
        timestamp_us_(timestamp_us) {}

  Status Put(std::span<const Cell> cells) override {
    CqlValues values;
    size_t bytes = 0;
    for (const Cell& cell : cells) {
      cell ? values.Text(*cell) : values.Null();
      if (cell) bytes += cell->size();
    }
    values.Int64(static_cast<uint64_t>(timestamp_us_));
    return Named(queue_.Put(statement_->Bind(values), bytes));
  }

  Status Finish() override { return Named(queue_.Finish()); }

 private:
  Status Named(const Status& status) const {
    return status ? Status() : Status(Gone(name_, status.error()));
  }

  TableName name_;
  WriteQueue queue_;
  Connection::StatementPtr statement_;
  int64_t timestamp_us_;
};

// Of a ring of 2^64 tokens.
double ShareOf(Bytes begin, Bytes end) {
  int64_t first = 0;
  int64_t last = 0;
  std::from_chars(begin.data(), begin.data() + begin.size(), first);
  std::from_chars(end.data(), end.data() + end.size(), last);
  const uint64_t width = static_cast<uint64_t>(last) - static_cast<uint64_t>(first);
  constexpr double kRing = 0x1p64;
  return width == 0 ? 1 : static_cast<double>(width) / kRing;
}

}  // namespace

Status UserTables::CheckPartitioner() {
  const auto statement = MINKE_TRY(connection_->Statement(kPartitioner, Consistency::kLocalOne));
  const CqlResult local = MINKE_TRY(connection_->dispatcher().Execute(statement->Bind({})));
  const Bytes partitioner = local.rows() == 1 ? local.bytes(0, 0) : Bytes();
  if (partitioner.ends_with("Murmur3Partitioner")) return {};
  return Error{ErrorCode::kConfiguration,
               fmt::format("Cassandra at {} uses the partitioner '{}': tables are read by the "
                           "tokens of Murmur3Partitioner only",
                           connection_->addresses(), partitioner)};
}

Result<std::vector<TableColumn>> UserTables::Columns(const TableName& name) {
  const auto statement = MINKE_TRY(connection_->Statement(kColumns, Consistency::kLocalOne));
  CqlValues values;
  values.Text(name.keyspace).Text(name.table);
  const CqlResult rows = MINKE_TRY(connection_->dispatcher().Execute(statement->Bind(values)));
  std::vector<std::pair<int32_t, TableColumn>> found;  // with its position in the key
  for (size_t row = 0; row < rows.rows(); ++row) {
    found.emplace_back(rows.int32(row, 3),
                       TableColumn{std::string(rows.bytes(row, 0)), std::string(rows.bytes(row, 1)),
                                   RoleOf(rows.bytes(row, 2))});
  }
  std::ranges::sort(found, {}, [](const auto& entry) {
    return std::tie(entry.second.role, entry.first, entry.second.name);
  });
  if (found.empty()) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no table {} in Cassandra at {}: check the name, capitals "
                             "count",
                             name.Text(), connection_->addresses())};
  }
  std::vector<TableColumn> columns;
  for (auto& entry : found) columns.push_back(std::move(entry.second));
  return columns;
}

// A node knows of its own ranges only, which stand for the others.
Result<uint64_t> UserTables::EstimatedBytes(const TableName& name) {
  const auto statement = MINKE_TRY(connection_->Statement(kEstimates, Consistency::kLocalOne));
  CqlValues values;
  values.Text(name.keyspace).Text(name.table);
  const CqlResult rows = MINKE_TRY(connection_->dispatcher().Execute(statement->Bind(values)));
  double bytes = 0;
  double share = 0;
  for (size_t row = 0; row < rows.rows(); ++row) {
    share += ShareOf(rows.bytes(row, 0), rows.bytes(row, 1));
    bytes += static_cast<double>(rows.int64(row, 2)) * static_cast<double>(rows.int64(row, 3));
  }
  return share > 0 ? static_cast<uint64_t>(bytes / share) : 0;
}

Result<Connection::StatementPtr> UserTables::Prepare(const std::string& cql) {
  return std::make_shared<const CqlStatement>(
      MINKE_TRY(connection_->dispatcher().Prepare(cql, Consistency::kLocalQuorum)));
}

Result<TableShape> UserTables::Describe(const TableName& name) {
  MINKE_TRY_STATUS(CheckPartitioner());
  auto columns = MINKE_TRY(Columns(name));
  return TableShape{std::move(columns), MINKE_TRY(EstimatedBytes(name))};
}

Result<std::unique_ptr<RowScan>> UserTables::Scan(const TableName& name,
                                                  std::span<const std::string> columns,
                                                  TokenRange range) {
  std::vector<std::string> partition_key;
  for (const TableColumn& column : MINKE_TRY(Columns(name))) {
    if (column.role == ColumnRole::kPartitionKey) partition_key.push_back(column.name);
  }
  const std::string token = fmt::format("token({})", Joined(partition_key));
  auto statement = Prepare(fmt::format("SELECT {} FROM {} WHERE {} >= ? AND {} <= ?",
                                       Joined(columns), Quoted(name), token, token));
  if (!statement) return Gone(name, statement.error());
  CqlValues values;
  values.Int64(static_cast<uint64_t>(range.first)).Int64(static_cast<uint64_t>(range.last));
  auto pager =
      std::make_unique<Pager>(&connection_->dispatcher(), *std::move(statement), std::move(values),
                              Pager::Bulk{0, columns.size(), kPageRowsMax});
  return std::unique_ptr<RowScan>(
      std::make_unique<Scanning>(name, std::move(pager), columns.size()));
}

Result<std::unique_ptr<RowWriter>> UserTables::Write(const TableName& name,
                                                     std::span<const std::string> columns,
                                                     int64_t timestamp_us) {
  std::string marks;
  for (size_t i = 0; i < columns.size(); ++i) marks += i == 0 ? "?" : ", ?";
  auto statement = Prepare(fmt::format("INSERT INTO {} ({}) VALUES ({}) USING TIMESTAMP ?",
                                       Quoted(name), Joined(columns), marks));
  if (!statement) return Gone(name, statement.error());
  return std::unique_ptr<RowWriter>(std::make_unique<Writing>(name, &connection_->dispatcher(),
                                                              *std::move(statement), timestamp_us));
}

}  // namespace minke
