#include "base/file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace minke {

Result<File> File::Open(const std::string& path, Mode mode) {
  int flags = O_CLOEXEC;
  switch (mode) {
    case Mode::kRead:
      flags |= O_RDONLY;
      break;
    case Mode::kCreate:
      flags |= O_RDWR | O_CREAT | O_EXCL;
      break;
    case Mode::kReplace:
      flags |= O_RDWR | O_CREAT | O_TRUNC;
      break;
    case Mode::kAppend:
      flags |= O_RDWR | O_CREAT | O_APPEND;
      break;
    case Mode::kUpdate:
      flags |= O_RDWR;
      break;
    case Mode::kScratch:
      flags |= O_RDWR | O_TMPFILE;
      break;
  }
  File file;
  file.path_ = path;
  file.reads_ = mode == Mode::kRead;
  file.fd_ = open(path.c_str(), flags, 0666);
  if (file.fd_ < 0 && mode == Mode::kScratch && (errno == EOPNOTSUPP || errno == EISDIR)) {
    std::string name = path + "/.minke-scratch-XXXXXX";
    file.fd_ = mkostemp(name.data(), O_CLOEXEC);
    if (file.fd_ >= 0) unlink(name.c_str());
  }
  if (file.fd_ < 0) {
    const int error_number = errno;
    Error error = file.Failed("cannot open", error_number);
    const bool must_exist = mode == Mode::kRead || mode == Mode::kUpdate;
    if (error_number == ENOENT && must_exist) error.code = ErrorCode::kNotFound;
    if (error_number == EEXIST) error.code = ErrorCode::kAlreadyExists;
    return error;
  }
  return file;
}

File::File(File&& other) noexcept { *this = std::move(other); }

File& File::operator=(File&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(reads_, other.reads_);
  std::swap(path_, other.path_);
  return *this;
}

File::~File() {
  if (fd_ >= 0) close(fd_);
}

Error File::Failed(std::string_view what, int error_number) const {
  const bool is_full = error_number == ENOSPC || error_number == EDQUOT;
  return Error{reads_ ? ErrorCode::kInput : ErrorCode::kOutput,
               fmt::format("{} {}: {}{}", what, path_, std::strerror(error_number),
                           is_full ? "; free some space there, or name another folder" : "")};
}

Result<size_t> File::ReadAt(uint64_t offset, char* to, size_t size) const {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = pread(fd_, to + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("cannot read", errno);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  return done;
}

Status File::WriteAt(uint64_t offset, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("cannot write", errno);
    offset += static_cast<uint64_t>(n);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status File::Write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("cannot write", errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status File::Resize(uint64_t size) {
  if (ftruncate(fd_, static_cast<off_t>(size)) != 0) return Failed("cannot resize", errno);
  return {};
}

Status File::Sync() {
  if (fdatasync(fd_) != 0) return Failed("cannot sync", errno);
  return {};
}

Status File::Close() {
  const int fd = std::exchange(fd_, -1);
  if (fd >= 0 && close(fd) != 0) return Failed("cannot close", errno);
  return {};
}

Result<uint64_t> File::Size() const {
  struct stat info{};
  if (fstat(fd_, &info) != 0) return Failed("cannot look at", errno);
  return static_cast<uint64_t>(info.st_size);
}

Result<std::string> ReadFile(const std::string& path) {
  const File file = MINKE_TRY(File::Open(path, File::Mode::kRead));
  std::string bytes;
  bytes.resize(MINKE_TRY(file.Size()));
  bytes.resize(MINKE_TRY(file.ReadAt(0, bytes.data(), bytes.size())));
  return bytes;
}

Status SyncFolder(const std::string& path) {
  File folder = MINKE_TRY(File::Open(path.empty() ? "/" : path, File::Mode::kRead));
  // Some file systems cannot sync a folder, and need not.
  if (fsync(folder.fd()) != 0 && errno != EINVAL) {
    return Error{ErrorCode::kOutput,
                 fmt::format("cannot sync the folder {}: {}", path, std::strerror(errno))};
  }
  return {};
}

Status WriteFileAtomically(const std::string& path, Bytes bytes, bool sync) {
  return WriteFileAtomically(path, path + ".tmp", bytes, sync);
}

Status WriteFileAtomically(const std::string& path, const std::string& temporary, Bytes bytes,
                           bool sync) {
  const auto write = [&]() -> Status {
    File file = MINKE_TRY(File::Open(temporary, File::Mode::kReplace));
    MINKE_TRY_STATUS(file.WriteAt(0, bytes));
    if (sync) MINKE_TRY_STATUS(file.Sync());
    MINKE_TRY_STATUS(file.Close());
    if (rename(temporary.c_str(), path.c_str()) == 0) return {};
    return Error{ErrorCode::kOutput,
                 fmt::format("cannot rename {} to {}: {}", temporary, path, std::strerror(errno))};
  };
  if (Status status = write(); !status) {
    unlink(temporary.c_str());
    return status;
  }
  if (!sync) return {};
  const size_t slash = path.rfind('/');
  return SyncFolder(slash == path.npos ? "." : path.substr(0, slash));
}

}  // namespace minke
