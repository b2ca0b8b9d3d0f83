// The keyspace and the tables that every job shares: made once, by `minke setup`, and looked for
// whenever a store is opened. docs/FORMATS.md has the schema.
#pragma once

#include <cstdint>

#include "adapter/cassandra/cassandra_options.h"
#include "base/result.h"

namespace minke {

class Connection;

struct CassandraSetup {
  // Copies of every row, in the data center of the node at hand or the one that is named. 0: three,
  // or as many as there are nodes.
  uint32_t replicas = 0;
};

// Makes what is missing. What is there stays as it is, its replicas too; of another version:
// kConfiguration. Needs the right to make keyspaces and tables.
Status SetUpCassandra(const CassandraOptions& options, const CassandraSetup& setup);

struct CassandraFacts {
  std::string version;  // of the node that was asked
  uint32_t nodes = 0;   // in its data center
  int64_t unix_ms = 0;  // its clock
};
Result<CassandraFacts> LookAtCassandra(const CassandraOptions& options);

// kConfiguration, naming `minke setup`: not all is there.
Status CheckCassandraSetup(Connection& connection);

}  // namespace minke
