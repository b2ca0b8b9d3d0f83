// A lock between processes, and between all that takes it within one: flock on a file of its own,
// which is made if absent and never removed. Given back when the object goes, or its process dies.
#pragma once

#include <string>
#include <utility>

#include "base/file.h"
#include "base/result.h"

namespace minke {

class FileLock {
 public:
  // Waits for whoever holds it; holders keep it for moments only.
  static Result<FileLock> Take(const std::string& path);

 private:
  explicit FileLock(File file) : file_(std::move(file)) {}
  File file_;
};

// An error of a call on a file of ours (not of a user's): one that was to be read and cannot be, is
// a matter of the machine or its rights.
Error OfOurFile(Error error);

}  // namespace minke
