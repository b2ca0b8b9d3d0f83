#include "adapter/file_lock.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <sys/file.h>

namespace minke {

Result<FileLock> FileLock::Take(const std::string& path) {
  File file = MINKE_TRY(File::Open(path, File::Mode::kAppend));
  while (flock(file.fd(), LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    return Error{ErrorCode::kConfiguration,
                 fmt::format("cannot lock {}: {}; the folder must lie in a file system with locks",
                             path, std::strerror(errno))};
  }
  return FileLock(std::move(file));
}

Error OfOurFile(Error error) {
  if (error.code != ErrorCode::kInput) return error;
  error.code = ErrorCode::kConfiguration;
  error.text += "; check the folder's permissions, the limit on open files, and the disk";
  return error;
}

}  // namespace minke
