// Which shuffle tables there are: one Cassandra table for each, and a row of `shuffle_tables` that
// says its span, so that every process cuts runs alike. The row is written before the table is made
// and removed after it is dropped: what a dead process left is found by it. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "adapter/cassandra/connection.h"
#include "base/ids.h"
#include "base/result.h"
#include "port/store.h"

namespace minke {

struct ShuffleTable {
  std::string name;      // as the port has it
  std::string cql_name;  // in the keyspace
  uint32_t span = 1;

  uint32_t SliceOf(uint32_t sequence) const { return sequence / span; }
};

class ShuffleTables {
 public:
  explicit ShuffleTables(Connection* connection) : connection_(connection) {}

  Status Make(Incarnation job, const std::string& name, const ShuffleShape& shape);
  Status Drop(Incarnation job, const std::string& name);
  Status DropAll(Incarnation job);
  // kNotFound: there is none. Asks Cassandra, whatever is known.
  Result<ShuffleTable> Find(Incarnation job, const std::string& name);
  // As it was last found; a table that is gone since is noticed by whoever uses it.
  Result<ShuffleTable> FindKnown(Incarnation job, const std::string& name);
  // A use of the table was answered with kNotFound: says so with the port's name of it.
  Error Gone(Incarnation job, const std::string& name);

 private:
  void Forget(Incarnation job, const std::string& name);

  Connection* connection_;
  std::mutex mutex_;  // guards known_
  std::map<std::pair<Incarnation, std::string>, ShuffleTable> known_;
};

}  // namespace minke
