// Rows by name that are changed by compare-and-set: jobs, datasets. Changed by lightweight
// transactions and read at SERIAL, so that all who ask agree. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "adapter/cassandra/connection.h"
#include "base/result.h"

namespace minke {

class NamedRows {
 public:
  using Cell = std::variant<std::string, int64_t, int32_t>;  // text, bigint, int
  using Row = std::vector<Cell>;
  // Name, and a cell of its type.
  using Columns = std::vector<std::pair<std::string, Cell>>;

  // The table has a column `name`, its key, and these.
  NamedRows(Connection* connection, const std::string& table, Columns columns);

  Result<std::optional<Row>> Get(const std::string& name);
  // Sets the row if it is now `expected`; the one that stands afterwards. Where the outcome is
  // unknown, the row is read and, if it is still as expected, set again, until the deadline.
  Result<std::optional<Row>> CompareAndSet(const std::string& name,
                                           const std::optional<Row>& expected, const Row& desired);
  Result<std::vector<std::string>> List();

 private:
  // True: this request has set it. kUnavailable: perhaps it has, or will.
  Result<bool> TrySet(const std::string& name, const std::optional<Row>& expected,
                      const Row& desired);

  Connection* connection_;
  Columns columns_;
  std::string get_;
  std::string add_;
  std::string set_;
  std::string list_;
};

}  // namespace minke
