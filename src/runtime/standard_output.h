// Standard output, for records. Whoever reads it may go: that is no error, and ends what writes.
#pragma once

#include "base/bytes.h"
#include "base/result.h"

namespace minke {

class StandardOutput {
 public:
  // kOutput: cannot be written. Once it is closed, nothing more is written.
  Status Write(Bytes bytes);
  bool is_closed() const { return closed_; }

 private:
  bool closed_ = false;
};

}  // namespace minke
