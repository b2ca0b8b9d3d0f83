// The rows of a table whose tokens lie in one range, as an input split has them: in the order of
// their tokens, which is always the same. Used by one thread.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "base/result.h"
#include "port/store.h"
#include "task/table/table.h"

#include "proto/minke.pb.h"

namespace minke {

class TableRows {
 public:
  // kInput, here and later: the table has gone, or has no longer the columns that are named.
  static Result<TableRows> Open(const proto::InputFile& planned, const proto::SplitPiece& piece,
                                Store* store);

  const Table& table() const { return table_; }
  // One cell for each column of the table, valid until the next call. Nothing: that was the last.
  Result<std::optional<std::span<const Cell>>> Next();
  // The cell does not hold what its type says.
  Error Damaged(size_t column, Bytes cell) const;

 private:
  TableRows(Table table, std::unique_ptr<RowScan> scan);

  Table table_;
  std::unique_ptr<RowScan> scan_;
};

// kInvalidArgument: a column's type is none that can be read, named.
Status CheckReadable(const Table& table);

}  // namespace minke
