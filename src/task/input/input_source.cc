#include "task/input/input_source.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <utility>
#include <vector>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "control/fleet.h"
#include "task/dataset/chunk_stream.h"
#include "task/input/input_files.h"

namespace minke {
namespace {

constexpr size_t kStoredBuffer = 256 << 10;

// A file of the file system.
class FileSource : public InputSource {
 public:
  FileSource(const proto::InputFile& planned, File file)
      : planned_(planned), file_(std::move(file)) {}
  Status CheckUnchanged() const override;

 protected:
  // The next bytes of the file as they are stored; fewer than `size` only at its planned end.
  Result<size_t> ReadStored(uint64_t offset, char* to, size_t size) const;
  Error Failed(std::string_view what) const;

 private:
  const proto::InputFile& planned_;
  File file_;
};

class PlainSource final : public FileSource {
 public:
  PlainSource(const proto::InputFile& planned, File file, uint64_t begin)
      : FileSource(planned, std::move(file)), begin_(begin), at_(begin) {}

  Result<size_t> Read(char* to, size_t size) override {
    const size_t n = MINKE_TRY(ReadStored(at_, to, size));
    at_ += n;
    return n;
  }
  uint64_t stored_bytes_read() const override { return at_ - begin_; }

 private:
  uint64_t begin_;
  uint64_t at_;
};

// What gzip and zstd share: a buffer of stored bytes that is used up front to back.
class PackedSource : public FileSource {
 public:
  using FileSource::FileSource;
  uint64_t stored_bytes_read() const override { return at_ - left_.size(); }

 protected:
  // Makes `left_` non-empty, unless the file is used up.
  Status Refill() {
    if (!left_.empty()) return {};
    const size_t n = MINKE_TRY(ReadStored(at_, stored_.data(), stored_.size()));
    at_ += n;
    left_ = Bytes(stored_.data(), n);
    return {};
  }
  Error CutOff(std::string_view format) const {
    return Failed(
        fmt::format("is cut off: its {} data ends in the middle after {} bytes; copy it "
                    "again from where it came from",
                    format, at_));
  }
  Error Damaged(std::string_view format, std::string_view why) const {
    return Failed(
        fmt::format("is damaged: its {} data near byte {} does not unpack ({}); copy it "
                    "again from where it came from",
                    format, stored_bytes_read(), why));
  }

  Bytes left_;

 private:
  std::vector<char> stored_ = std::vector<char>(kStoredBuffer);
  uint64_t at_ = 0;
};

class GzipSource final : public PackedSource {
 public:
  GzipSource(const proto::InputFile& planned, File file) : PackedSource(planned, std::move(file)) {
    is_ready_ = inflateInit2(&stream_, MAX_WBITS + 16) == Z_OK;
  }
  ~GzipSource() override { inflateEnd(&stream_); }

  Result<size_t> Read(char* to, size_t size) override {
    if (!is_ready_) return Error{ErrorCode::kExhausted, "no memory is left to unpack gzip"};
    size_t done = 0;
    while (done < size) {
      MINKE_TRY_STATUS(Refill());
      if (left_.empty()) {
        if (is_inside_) return CutOff("gzip");
        break;
      }
      done += MINKE_TRY(Inflate(to + done, size - done));
    }
    return done;
  }

 private:
  Result<size_t> Inflate(char* to, size_t size) {
    constexpr size_t kAtMost = size_t{1} << 30;  // zlib counts in 32 bits
    if (!is_inside_) {
      if (left_[0] != '\x1f' && members_ > 0) return BehindTheEnd();
      inflateReset(&stream_);
      is_inside_ = true;
    }
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(left_.data()));
    stream_.avail_in = static_cast<uInt>(left_.size());
    stream_.next_out = reinterpret_cast<Bytef*>(to);
    const auto room = static_cast<uInt>(std::min(size, kAtMost));
    stream_.avail_out = room;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    left_.remove_prefix(left_.size() - stream_.avail_in);
    if (result == Z_MEM_ERROR) return Error{ErrorCode::kExhausted, "no memory to unpack gzip"};
    if (result != Z_OK && result != Z_STREAM_END) {
      if (members_ > 0 && stream_.total_out == 0) return BehindTheEnd();
      return Damaged("gzip", stream_.msg != nullptr ? stream_.msg : "it makes no progress");
    }
    if (result == Z_STREAM_END) {
      is_inside_ = false;
      ++members_;
    }
    return room - stream_.avail_out;
  }
  Error BehindTheEnd() const {
    return Failed(
        fmt::format("holds other bytes behind its gzip data, near byte {}; cut them off "
                    "or unpack the file first",
                    stored_bytes_read()));
  }

  z_stream stream_{};
  bool is_ready_ = false;
  bool is_inside_ = true;  // a member: an empty file is a cut-off one
  uint64_t members_ = 0;
};

class ZstdSource final : public PackedSource {
 public:
  ZstdSource(const proto::InputFile& planned, File file)
      : PackedSource(planned, std::move(file)), stream_(ZSTD_createDStream()) {}
  ~ZstdSource() override { ZSTD_freeDStream(stream_); }

  Result<size_t> Read(char* to, size_t size) override {
    if (stream_ == nullptr) return Error{ErrorCode::kExhausted, "no memory to unpack zstd"};
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos < size) {
      MINKE_TRY_STATUS(Refill());
      // What the decoder still holds back comes without more input.
      const bool is_used_up = left_.empty();
      if (is_used_up && hint_ == 0) break;
      ZSTD_inBuffer in{left_.data(), left_.size(), 0};
      const size_t before = out.pos;
      hint_ = ZSTD_decompressStream(stream_, &out, &in);
      if (ZSTD_isError(hint_)) return Refused(hint_);
      left_.remove_prefix(in.pos);
      if (is_used_up && out.pos == before && hint_ != 0) return CutOff("zstd");
    }
    return out.pos;
  }

 private:
  Error Refused(size_t code) const {
    switch (ZSTD_getErrorCode(code)) {
      case ZSTD_error_frameParameter_windowTooLarge:
        return Failed(
            "needs a zstd window over 128 MiB (zstd --long): pack it without, or unpack "
            "it first");
      case ZSTD_error_prefix_unknown:
        return Failed(
            fmt::format("holds other bytes among its zstd frames, near byte {}; cut them "
                        "off or unpack the file first",
                        stored_bytes_read()));
      case ZSTD_error_memory_allocation:
        return Error{ErrorCode::kExhausted, "no memory to unpack zstd"};
      default:
        return Damaged("zstd", ZSTD_getErrorName(code));
    }
  }

  ZSTD_DStream* stream_;
  size_t hint_ = 1;  // 0 between frames; an empty file is a cut-off one
};

int64_t NanosecondsOf(const timespec& time) {
  return static_cast<int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Status FileSource::CheckUnchanged() const {
  struct stat info{};
  if (fstat(file_.fd(), &info) != 0) {
    return Failed(fmt::format("cannot be looked at: {}", std::strerror(errno)));
  }
  const bool is_same = static_cast<uint64_t>(info.st_size) == planned_.size() &&
                       NanosecondsOf(info.st_mtim) == planned_.modified_ns() &&
                       info.st_ino == planned_.inode();
  if (!is_same) {
    return Failed(
        fmt::format("was changed while the job ran ({} bytes before, {} now): run again "
                    "when nothing writes to it",
                    planned_.size(), info.st_size));
  }
  return {};
}

Result<size_t> FileSource::ReadStored(uint64_t offset, char* to, size_t size) const {
  const uint64_t left = planned_.size() - std::min(planned_.size(), offset);
  size = static_cast<size_t>(std::min<uint64_t>(size, left));
  auto n = file_.ReadAt(offset, to, size);
  if (!n) return std::move(n).error();
  if (*n < size) {
    return Failed(
        fmt::format("was cut while the job ran: it ends at byte {}, planned with {}; run "
                    "again when nothing writes to it",
                    offset + *n, planned_.size()));
  }
  return *n;
}

Error FileSource::Failed(std::string_view what) const {
  return Error{ErrorCode::kInput, fmt::format("{} {}", planned_.path(), what)};
}

class DatasetSource final : public InputSource {
 public:
  DatasetSource(const proto::InputFile& planned, Store* store, uint64_t begin)
      : chunks_(store, {{planned.version()}, FromProto(planned.attempt()), ""}, planned.size(),
                begin) {}

  Result<size_t> Read(char* to, size_t size) override {
    const size_t n = MINKE_TRY(chunks_.Read(to, size));
    bytes_ += n;
    return n;
  }
  uint64_t stored_bytes_read() const override { return bytes_; }

 private:
  ChunkInput chunks_;
  uint64_t bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<InputSource>> InputSource::Open(const proto::InputFile& planned,
                                                       uint64_t begin, Store* store) {
  if (planned.version() != 0) {
    return std::unique_ptr<InputSource>(std::make_unique<DatasetSource>(planned, store, begin));
  }
  const std::string& path = planned.spooled().empty() ? planned.path() : planned.spooled();
  auto file = File::Open(path, File::Mode::kRead);
  if (!file) {
    return Error{ErrorCode::kInput,
                 fmt::format("{}; it could be read when the job began: give it back and run again",
                             file.error().text)};
  }
  if (planned.size() > (1 << 20)) posix_fadvise(file->fd(), 0, 0, POSIX_FADV_SEQUENTIAL);
  std::unique_ptr<InputSource> source;
  switch (static_cast<Compression>(planned.compression())) {
    case Compression::kNone:
      source = std::make_unique<PlainSource>(planned, *std::move(file), begin);
      break;
    case Compression::kGzip:
      source = std::make_unique<GzipSource>(planned, *std::move(file));
      break;
    case Compression::kZstd:
      source = std::make_unique<ZstdSource>(planned, *std::move(file));
      break;
    default:
      return Error{ErrorCode::kInternal, fmt::format("the plan gives {} an unknown compression {}",
                                                     path, planned.compression())};
  }
  MINKE_TRY_STATUS(source->CheckUnchanged());
  return source;
}

}  // namespace minke
