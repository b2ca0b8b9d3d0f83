// The block: minke's one format for spills, shuffle, datasets and pipes. See block.cc for the byte
// layout.
#pragma once

#include <cstddef>
#include <cstdint>

namespace minke {

enum class Codec : uint8_t { kNone = 0, kLz4 = 1, kZstd = 2 };

struct BlockOptions {
  Codec codec = Codec::kLz4;
  size_t target_bytes =
      256 << 10;                 // stored; a block is closed when its raw size suggests this much
  size_t cap_bytes = 512 << 10;  // stored, never exceeded: a larger record spans blocks
};

}  // namespace minke
