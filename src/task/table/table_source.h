// The rows of a table whose tokens lie in one range, as lines: a JSON object each, of the table's
// columns (see table.h, cql_value.h), null where there is nothing. In the order of their
// tokens, which is always the same. Used by one thread.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "port/store.h"
#include "task/input/input_source.h"
#include "task/output/line_buffer.h"
#include "task/table/table.h"

#include "proto/minke.pb.h"

namespace minke {

// kInvalidArgument: a column's type is none that can be read, named.
Status CheckReadable(const Table& table);

class TableSource final : public InputSource {
 public:
  // kInput: the table has gone, or has changed so that it can be read no more.
  static Result<std::unique_ptr<InputSource>> Open(const proto::InputFile& planned,
                                                   const proto::SplitPiece& piece, Store* store);

  Result<size_t> Read(char* to, size_t size) override;
  uint64_t stored_bytes_read() const override { return bytes_read_; }

 private:
  TableSource(Table table, std::unique_ptr<RowScan> rows);
  // False: there are no more rows.
  Result<bool> NextLine();

  Table table_;
  std::unique_ptr<RowScan> rows_;
  std::vector<std::string> names_;  // of columns, as they stand in a line
  LineBuffer line_;
  size_t taken_ = 0;  // of the line at hand
  uint64_t bytes_read_ = 0;
};

}  // namespace minke
