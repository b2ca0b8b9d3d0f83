// The rows of a range of a table as lines, for jobs that map text: a JSON object each, of the
// table's columns (see table.h, cql_value.h), null where there is nothing. Where one column alone
// is named, its values as they are: texts, or JSON; none where there is nothing. Used by one
// thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "port/store.h"
#include "task/input/input_source.h"
#include "task/output/line_buffer.h"
#include "task/table/table_rows.h"

#include "proto/minke.pb.h"

namespace minke {

class TableSource final : public InputSource {
 public:
  // Errors as those of TableRows.
  static Result<std::unique_ptr<InputSource>> Open(const proto::InputFile& planned,
                                                   const proto::SplitPiece& piece, Store* store);

  Result<size_t> Read(char* to, size_t size) override;
  uint64_t stored_bytes_read() const override { return bytes_read_; }

 private:
  explicit TableSource(TableRows rows);
  // False: there are no more rows.
  Result<bool> NextLine();
  Status AppendRow(std::span<const Cell> cells);
  Status AppendValue(size_t column, Bytes cell);

  TableRows rows_;
  std::vector<std::string> names_;  // of columns, as they stand in a line; none: one column alone
  LineBuffer line_;
  size_t taken_ = 0;  // of the line at hand
  uint64_t bytes_read_ = 0;
};

}  // namespace minke
