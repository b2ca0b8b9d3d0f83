// Jobs' rows, in the table `jobs`: changed by lightweight transactions and read at SERIAL, so that
// all who ask agree. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapter/cassandra/connection.h"
#include "base/result.h"
#include "port/store.h"

namespace minke {

class JobRows {
 public:
  explicit JobRows(Connection* connection) : connection_(connection) {}

  Result<std::optional<JobRow>> Get(const std::string& name);
  // As the port has it. Where the outcome is unknown, the row is read and, if it is still as
  // expected, set again, until the deadline.
  Result<JobRow> CompareAndSet(const std::string& name, const std::optional<JobRow>& expected,
                               const JobRow& desired);
  Result<std::vector<std::string>> List();

 private:
  // True: this request has set it. kUnavailable: perhaps it has, or will.
  Result<bool> TrySet(const std::string& name, const std::optional<JobRow>& expected,
                      const JobRow& desired);

  Connection* connection_;
};

}  // namespace minke
