// Hashes that are part of a format or a guarantee. The aggregate table's own hash is its own.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace minke {

// XXH3_64, seed 0: the partition hash and every checksum. Golden vectors are in hash_test.cc.
uint64_t Hash64(Bytes bytes);

inline uint32_t PartitionOf(Bytes key, uint32_t partitions) {
  return static_cast<uint32_t>(Hash64(key) % partitions);
}

}  // namespace minke
