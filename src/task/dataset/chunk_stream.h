// A file of a dataset's version, as a stream of bytes: it hides chunks.
//
//   chunk    kChunkBytes of the file, fewer only at its end: a sealed block of one record, without
//            a key, and behind it u64 XXH3 over version, attempt, name, sequence number and the
//            block's size and first 64 bytes (its header, which holds the checksum of the rest)
//
// So byte B of a file lies in chunk B / kChunkBytes, and a split of a dataset is a range of bytes,
// as that of a file is. Used by one thread.
//
// Errors: those of the store; kCorruption: a chunk is missing, or not what was written.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "port/store.h"
#include "shuffle/block.h"

namespace minke {

inline constexpr size_t kChunkBytes = 256 << 10;

struct ChunkOptions {
  Codec codec = Codec::kLz4;
  uint32_t first =
      0;  // sequence number of the first chunk: several may write stretches of one file
};

class ChunkOutput {
 public:
  static Result<std::unique_ptr<ChunkOutput>> Open(Store& store, DatasetFile file,
                                                   const ChunkOptions& options);

  Status Write(Bytes bytes);
  // Returns when every chunk is acknowledged. Without it, what was written is garbage.
  Status Finish();

 private:
  ChunkOutput(std::unique_ptr<ChunkWriter> writer, DatasetFile file, const ChunkOptions& options);
  Status PutChunk(Bytes chunk);

  std::unique_ptr<ChunkWriter> writer_;
  DatasetFile file_;
  BlockBuilder builder_;
  std::string pending_;  // less than a chunk
  uint32_t sequence_;
};

class ChunkInput {
 public:
  // Reads from byte `begin` on, of `size` in all.
  ChunkInput(Store* store, DatasetFile file, uint64_t size, uint64_t begin);

  // Fewer than `size` bytes only at the end of the file.
  Result<size_t> Read(char* to, size_t size);

 private:
  Status NextChunk();

  Store* store_;
  DatasetFile file_;
  uint64_t size_;
  uint64_t at_;
  uint32_t sequence_;
  std::unique_ptr<ChunkScan> scan_;
  std::string stored_;
  BlockDecoder decoder_;
  Bytes left_;  // of the chunk at hand
};

}  // namespace minke
