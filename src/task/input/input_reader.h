// Reads one input split, in batches of whole records.
//
// A record belongs to the split in which it begins, so the pieces of any cutting of a file give
// each record once. Text comes as whole lines of any length up to the limit; CR is left to line
// views. Compressed files are unpacked on the way: all members, nothing behind them. Bytes are
// read with pread into one buffer; 64 bytes behind every batch are readable. A batch never holds
// bytes of two files.
//
// Errors are kInput and name path and offset: unreadable, changed since the plan was made (size,
// modification time and inode are compared when a file is opened and when it is done with), cut
// off, a record over the limit, bytes that are no whole record. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>

#include <minke/abi.h>

#include "base/memory_accountant.h"
#include "base/result.h"
#include "port/store.h"

#include "proto/minke.pb.h"

namespace minke {

struct ReaderOptions {
  uint32_t kind = MINKE_TEXT;  // or MINKE_FIXED
  uint32_t record_size = 0;    // MINKE_FIXED
  uint32_t key_size = 0;       // MINKE_FIXED
  size_t batch_bytes = 512 << 10;
  uint64_t record_bytes_max = uint64_t{256} << 20;
  bool careful = false;           // batches of one record
  bool count_records = true;      // else records_done() is only right in careful mode and for FIXED
  MemoryGrant* memory = nullptr;  // told of the buffers, which are taken whatever it says
  Store* store = nullptr;         // of the datasets in the plan
};

class InputReader {
 public:
  // `plan`, `split` and the grant outlive the reader.
  InputReader(const proto::Plan* plan, const proto::Split* split, const ReaderOptions& options);
  ~InputReader();
  InputReader(const InputReader&) = delete;
  InputReader& operator=(const InputReader&) = delete;

  // The next batch, never empty, valid until the next call; nullptr at the end.
  Result<const minke_batch*> Next();
  // Passes over records until the next one is number `record` of the split (from 0), or the split
  // ends. Needs count_records.
  Status SkipTo(uint64_t record);

  // Of the batch last handed out: index into the plan's files.
  uint32_t file() const;
  // Records handed out or passed over so far.
  uint64_t records_done() const;
  // Bytes read of the files as they are stored: what progress is measured in.
  uint64_t stored_bytes_done() const;
  // Bytes handed out or passed over, after decompression.
  uint64_t bytes_done() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
