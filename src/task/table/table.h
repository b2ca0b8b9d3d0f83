// A table that the user names as table:KEYSPACE.TABLE, or table:KEYSPACE.TABLE(COLUMN,…), as input
// or output. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "port/store.h"
#include "task/table/cql_type.h"

namespace minke {

struct Column {
  std::string name;
  std::string type_name;
  std::optional<CqlType> type;  // nothing: minke neither reads nor writes it
  ColumnRole role = ColumnRole::kRegular;

  bool is_key() const { return role <= ColumnRole::kClustering; }  // part of the primary key
};

struct Table {
  TableName name;
  std::vector<Column> columns;  // those that are named, in this order; else all, as in SELECT *
  std::vector<Column> others;
  uint64_t bytes = 0;  // about so much is stored; 0: nothing is known
};

// What stands behind "table:"; nothing if the argument does not begin so, and is a path.
std::optional<std::string> TableIn(std::string_view argument);

// `named` is what stands behind "table:". kInvalidArgument: it names no table, or a column that the
// table does not have, or `store` has no tables; kInput: there is no such table.
Result<Table> OpenTable(Store* store, const std::string& named);

// Names column and type, and says what is wrong. kInvalidArgument.
Error WrongColumn(const Table& table, const Column& column, std::string_view what);

}  // namespace minke
