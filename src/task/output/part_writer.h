// Writes the parts of an output: formats records (see line_formatter.h) into a buffer, and the
// buffer into a new file, or a file of a dataset. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <minke/abi.h>

#include "base/bytes.h"
#include "base/result.h"
#include "task/output/line_formatter.h"

namespace minke {

struct PartTotals {
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t fingerprint = 0;
  bool is_raw = false;
  uint64_t record_bytes = 0;  // raw: of each record; 0: they differ, or there are none
  bool operator==(const PartTotals&) const = default;
};

// Where the bytes of a part go. What is not finished goes with the object.
class PartFile {
 public:
  virtual ~PartFile() = default;
  virtual Status Write(Bytes bytes) = 0;
  virtual Status Finish(bool sync) = 0;
};

class PartWriter {
 public:
  // Makes a new file. Errors of this and of all other calls: kOutput with path and reason; or
  // kUserCode, as of LineFormatter.
  static Result<std::unique_ptr<PartWriter>> Create(const std::string& path,
                                                    const LineOptions& options);
  PartWriter(std::unique_ptr<PartFile> file, const LineOptions& options);
  ~PartWriter();
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;

  Status Write(std::span<const minke_pair> pairs);
  Status Write(std::span<const minke_record> records);
  // Writes what is buffered, syncs if asked, closes.
  Result<PartTotals> Finish(bool sync);

 private:
  template <typename Record>
  Status WriteBatch(std::span<const Record> batch);
  Status WriteOut();

  std::unique_ptr<PartFile> file_;
  LineFormatter formatter_;
  bool is_raw_;
  uint64_t bytes_ = 0;
};

}  // namespace minke
