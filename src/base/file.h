// Local files: an owned descriptor whose calls retry EINTR and short counts, and say what and where
// when they fail.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace minke {

class File {
 public:
  enum class Mode : uint8_t {
    kRead,     // must exist
    kCreate,   // new, read and write; kAlreadyExists if there
    kReplace,  // new or emptied, read and write
    kAppend,   // made if absent, writes go to the end, readable
    kUpdate,   // must exist, read and write
    kScratch,  // unnamed file in the folder `path`, gone when closed
  };

  // Errors: kNotFound (kRead, kUpdate), kAlreadyExists; else kInput for kRead and kOutput for the
  // others, with path and reason.
  static Result<File> Open(const std::string& path, Mode mode);

  File() = default;
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();  // closes; errors of closing are lost: call Close where they matter

  // Reads up to `size` bytes at `offset`; fewer only at the end of the file.
  Result<size_t> ReadAt(uint64_t offset, char* to, size_t size) const;
  Status WriteAt(uint64_t offset, Bytes bytes);
  // Writes at the file position (the end, for kAppend).
  Status Write(Bytes bytes);
  // Cuts the file, or fills it up with zeros.
  Status Resize(uint64_t size);
  Status Sync();
  Status Close();
  Result<uint64_t> Size() const;

  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  const std::string& path() const { return path_; }

 private:
  Error Failed(std::string_view what, int error_number) const;

  int fd_ = -1;
  bool reads_ = false;
  std::string path_;
};

// The whole of a file; errors as Open with kRead.
Result<std::string> ReadFile(const std::string& path);
// Writes a file so that it is there whole or not at all: a temporary beside it, synced if asked,
// then renamed. Writers that may race for one path bring a temporary each, in its folder.
Status WriteFileAtomically(const std::string& path, Bytes bytes, bool sync);
Status WriteFileAtomically(const std::string& path, const std::string& temporary, Bytes bytes,
                           bool sync);
// Makes names in a folder durable: what was made, renamed or removed there.
Status SyncFolder(const std::string& path);

}  // namespace minke
