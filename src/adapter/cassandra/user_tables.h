// Tables of users on Cassandra: it hides the schema's own tables, estimates of size, quoting and
// pages. Reads and writes at LOCAL_QUORUM. Thread-safe.
#pragma once

#include "adapter/cassandra/connection.h"
#include "port/tables.h"

namespace minke {

class UserTables final : public Tables {
 public:
  explicit UserTables(Connection* connection) : connection_(connection) {}

  // kConfiguration, beside the port's errors: the cluster's tokens are no 64-bit numbers.
  Result<TableShape> Describe(const TableName& name) override;
  Result<std::unique_ptr<RowScan>> Scan(const TableName& name, std::span<const std::string> columns,
                                        TokenRange range) override;
  Result<std::unique_ptr<RowWriter>> Write(const TableName& name,
                                           std::span<const std::string> columns,
                                           int64_t timestamp_us) override;

 private:
  Status CheckPartitioner();
  Result<std::vector<TableColumn>> Columns(const TableName& name);
  Result<uint64_t> EstimatedBytes(const TableName& name);
  // Prepares a statement of a user's table, which may change under way: not kept.
  Result<Connection::StatementPtr> Prepare(const std::string& cql);

  Connection* connection_;
};

}  // namespace minke
