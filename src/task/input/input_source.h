// The bytes of one input file, front to back, unpacked if it is compressed: from the file system,
// or from a dataset in the store.
//
// gzip and zstd: all members or frames; cut-off ones, damaged ones and bytes behind the last are
// kInput with path and place. When the file is opened and when it is done with, its size,
// modification time and inode must be those of the plan. Used by one thread; for input_reader.cc.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "port/store.h"

#include "proto/minke.pb.h"

namespace minke {

class InputSource {
 public:
  // Reads from `begin` on, which is 0 for a compressed file. `planned` and `store`, which is for
  // datasets, outlive the source.
  static Result<std::unique_ptr<InputSource>> Open(const proto::InputFile& planned, uint64_t begin,
                                                   Store* store);
  virtual ~InputSource() = default;
  InputSource(const InputSource&) = delete;
  InputSource& operator=(const InputSource&) = delete;

  // Fewer than `size` bytes only at the end.
  virtual Result<size_t> Read(char* to, size_t size) = 0;
  // Of the file, as stored.
  virtual uint64_t stored_bytes_read() const = 0;
  // kInput if the file is no longer what was planned. A dataset's version never changes.
  virtual Status CheckUnchanged() const { return {}; }

 protected:
  InputSource() = default;
};

}  // namespace minke
