// The block: minke's one format for spills, shuffle, datasets and pipes.
//
// A block holds records in order, keys without the part that they share with the key before,
// compressed or not, under a checksum. A record too large for one block is alone in several.
// block.cc draws the bytes; docs/FORMATS.md explains them. The decoder trusts no length. Pure; each
// object is used by one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <minke/abi.h>

#include "base/bytes.h"
#include "base/result.h"

namespace minke {

enum class Codec : uint8_t { kNone = 0, kLz4 = 1, kZstd = 2 };

struct BlockOptions {
  Codec codec = Codec::kLz4;
  size_t target_bytes = 256 << 10;  // stored; a block is closed when it has about as much
  size_t cap_bytes = 512 << 10;     // raw and stored, never exceeded: a larger record spans blocks
};

// Collects records and seals them into blocks.
class BlockBuilder {
 public:
  explicit BlockBuilder(const BlockOptions& options) : options_(options) {}

  // Whether a record of that size may be added: else Seal first, or, if the builder is empty, the
  // record needs several blocks (SealLarge).
  bool Fits(size_t key_size, size_t value_size) const;
  void Add(Bytes key, Bytes value);
  bool empty() const { return records_ == 0; }
  // Has reached its target.
  bool is_full() const { return raw_.size() >= raw_target_; }
  // The block of what was added; empties the builder. Valid until the next call.
  Bytes Seal();
  // The blocks of one record that does not fit into any, handed to `put(block, is_last)` one by
  // one.
  template <typename Put>
  Status SealLarge(Bytes key, Bytes value, Put put) {
    StartLarge(key, value);
    while (!large_left_.empty()) {
      const Bytes block = SealPiece();
      MINKE_TRY_STATUS(put(block, large_left_.empty()));
    }
    return {};
  }

 private:
  void StartLarge(Bytes key, Bytes value);
  Bytes SealPiece();
  Bytes Encode(Bytes raw, uint32_t records, uint16_t flags);

  BlockOptions options_;
  std::string raw_;
  std::string last_key_;
  uint32_t records_ = 0;
  size_t raw_target_ = options_.target_bytes;
  std::string large_;
  Bytes large_left_;
  std::string stored_;
};

// Whether `block` is, byte for byte, one that a builder sealed: what a decoder checks first.
// kCorruption: no; kConfiguration: by a newer version of minke.
Status CheckBlock(Bytes block);

// Takes blocks in their order and gives their records.
class BlockDecoder {
 public:
  // The records of `block`, valid until the next call; empty where the block is only a piece of a
  // large record that goes on in the next one. kCorruption: not what a builder sealed.
  Result<std::span<const minke_record>> Decode(Bytes block);
  // Whether a large record has begun and not ended: the blocks are not all there.
  bool is_within_record() const { return !large_.empty(); }

 private:
  Status Unpack(Bytes block);
  Status Parse(uint32_t records);
  Status TakePiece(uint16_t flags);

  std::string raw_;
  std::string keys_;
  std::string large_;
  std::vector<minke_record> records_;
};

}  // namespace minke
