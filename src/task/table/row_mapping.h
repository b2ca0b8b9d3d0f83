// How the records that a job puts out become rows of a table.
//
//   a record that is one text     a JSON object: its members are columns by name; what it does not
//                                 name stays as it is, null is removed
//   any other                     the fields of its key, then those of its value, become the
//                                 columns that are named with the table, or those of SELECT *, in
//                                 their order; the last may be missing
//
// A field that is a number goes into columns of numbers (an integer into a timestamp too, as its
// milliseconds); one that is bytes into any column, read as cql_value.h says, and into a blob as it
// is. Records come as the lines that `--format json` writes. Used by one thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <minke/abi.h>

#include "base/result.h"
#include "task/table/table.h"

namespace minke {

struct TableRow {
  std::vector<std::string> columns;
  std::vector<std::optional<std::string>> cells;  // in CQL's own encoding; nothing: null
};

class RowMapping {
 public:
  // kInvalidArgument: records of these types fit no rows of the table, column and type named.
  static Result<RowMapping> Make(Table table, minke_type key, minke_type value);

  // kInput: what stands there is no row of the table, column, value and type named.
  Result<TableRow> RowOf(Bytes line) const;

 private:
  explicit RowMapping(Table table) : table_(std::move(table)) {}

  Table table_;
  std::vector<unsigned> fields_;  // their types; none: objects
};

}  // namespace minke
