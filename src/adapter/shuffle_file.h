// One file of shuffle blocks, all of one bucket, and its index. It is there whole or not at all,
// and never changes: written under another name, synced, then renamed. docs/FORMATS.md draws it.
//
//   blocks   one after the other, as they came
//   index    pages of up to 85 entries of 48 bytes, sorted by (partition, map task, attempt,
//            sequence), each page followed by u64 XXH3 of its entries + its number
//     0 u32 partition   4 u32 map task   8 u64 epoch   16 u64 n   24 u32 sequence   28 u32 size
//     32 u64 position   40 u64 XXH3 of the block
//   footer, 40 bytes
//     0 "minkeshf"   8 u32 version = 1   12 u32 bucket   16 u64 position of the index
//     24 u64 entries   32 u64 XXH3 of the 32 bytes before
//   All numbers are little-endian. A reader looks at the footer and about log2 of the pages.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/result.h"
#include "port/store.h"

namespace minke {

struct ShuffleEntry {
  ShuffleKey key;
  uint32_t size = 0;
  uint64_t position = 0;
  uint64_t check = 0;
};

// Used by one thread. What is not finished goes with the object.
class ShuffleFileWriter {
 public:
  // Written to FOLDER/NAME.tmp until it is finished. kNotFound: there is no such folder.
  static Result<std::unique_ptr<ShuffleFileWriter>> Create(const std::string& folder,
                                                           const std::string& name);
  ~ShuffleFileWriter();
  ShuffleFileWriter(const ShuffleFileWriter&) = delete;
  ShuffleFileWriter& operator=(const ShuffleFileWriter&) = delete;

  Status Add(const ShuffleKey& key, Bytes block);
  // Now it is on the disk, as FOLDER/NAME. kNotFound: the folder has been removed.
  Status Finish();

 private:
  ShuffleFileWriter(std::string folder, const std::string& name);
  Status Flush();
  Status WriteIndex();

  std::string folder_;
  std::string path_;
  std::string aside_;
  File file_;
  std::string buffer_;
  uint64_t written_ = 0;
  std::vector<ShuffleEntry> entries_;
  uint32_t bucket_ = 0;
};

// The entries of `partition`, sorted. kCorruption: footer or index are damaged, the text says
// where.
Result<std::vector<ShuffleEntry>> FindEntries(const File& file, uint32_t partition);

// kCorruption: not the bytes that were written.
Result<std::string> ReadBlock(const File& file, const ShuffleEntry& entry);

}  // namespace minke
