// Tables of users: what they are like, their rows by ranges of tokens, and writing rows. Cells are
// in CQL's own encoding, types as CQL writes them: what they mean is the callers' business. Calls
// as those of the Store, of which this is a part.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace minke {

// As the schema has them, capitals and all.
struct TableName {
  std::string keyspace;
  std::string table;
  std::string Text() const { return keyspace + "." + table; }
  bool operator==(const TableName&) const = default;
};

enum class ColumnRole : uint8_t { kPartitionKey, kClustering, kStatic, kRegular };

struct TableColumn {
  std::string name;
  std::string type;  // "bigint", "frozen<list<text>>"
  ColumnRole role = ColumnRole::kRegular;
  bool operator==(const TableColumn&) const = default;
};

struct TableShape {
  std::vector<TableColumn> columns;  // in the order of SELECT *: the primary key first
  uint64_t bytes = 0;                // about so much is stored; 0: nothing is known
};

// A row's token is `first` or above, and `last` or below.
struct TokenRange {
  int64_t first = INT64_MIN;
  int64_t last = INT64_MAX;
};

using Cell = std::optional<Bytes>;  // nothing: null

// Rows in the order of their tokens, those of one partition in the table's own.
class RowScan {
 public:
  virtual ~RowScan() = default;
  // Cells are valid until the next call. Nothing: that was the last. After an error the scan is
  // over.
  virtual Result<std::optional<std::span<const Cell>>> Next() = 0;
};

// Used by one thread; in-flight bytes are bounded.
class RowWriter {
 public:
  virtual ~RowWriter() = default;
  // Adds the row, or changes the writer's columns of the one that has its primary key.
  virtual Status Put(std::span<const Cell> cells) = 0;
  // Returns when every row is acknowledged.
  virtual Status Finish() = 0;
};

class Tables {
 public:
  virtual ~Tables() = default;

  // kNotFound: there is no such table.
  virtual Result<TableShape> Describe(const TableName& name) = 0;
  // Scan and Write: kNotFound, also later: the table is there no more. Columns by name.
  virtual Result<std::unique_ptr<RowScan>> Scan(const TableName& name,
                                                std::span<const std::string> columns,
                                                TokenRange range) = 0;
  // Cells are written as of `timestamp_us`: of two writes of one cell the later one stays, of two
  // of one time the larger, so to write again changes nothing.
  virtual Result<std::unique_ptr<RowWriter>> Write(const TableName& name,
                                                   std::span<const std::string> columns,
                                                   int64_t timestamp_us) = 0;
};

}  // namespace minke
