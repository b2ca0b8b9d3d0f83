// Immutable blocks by name, in the table `blocks`: a block is cut into rows of kPartBytes, and its
// first row, which is written last, says how many there are and holds the checksum of all: so a
// block is there whole or not at all. Blocks of a job lie in kShards partitions of the table, by
// the hash of their name, so that they can be dropped without a list of names. Thread-safe.
#pragma once

#include <string>

#include "adapter/cassandra/connection.h"
#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"

namespace minke {

class NamedBlocks {
 public:
  static constexpr size_t kPartBytes = size_t{512} << 10;
  static constexpr uint32_t kShards = 64;

  explicit NamedBlocks(Connection* connection) : connection_(connection) {}

  Status Put(Incarnation job, const std::string& name, Bytes block);
  // kNotFound: nobody put it. kCorruption: not the bytes that were put.
  Result<std::string> Get(Incarnation job, const std::string& name);
  Status Drop(Incarnation job);

 private:
  Connection* connection_;
};

}  // namespace minke
