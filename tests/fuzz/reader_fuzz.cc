// Any bytes as an input file: plain text cut anywhere, gzip, zstd, fixed-length records. Whatever
// the bytes, the reader gives whole records or an error, the same ones for every batch size, and
// plain text byte for byte. The first four bytes of the input choose; the rest is the file.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "task/input/input_files.h"
#include "task/input/input_reader.h"

namespace {

using minke::Compression;

struct Choice {
  Compression compression = Compression::kNone;
  minke::ReaderOptions options;
  uint64_t cut = 0;
};

// A file in memory that has a path while it is open.
class MemoryFile {
 public:
  explicit MemoryFile(minke::Bytes content) : fd_(memfd_create("fuzz", MFD_CLOEXEC)) {
    MINKE_CHECK(fd_ >= 0);
    MINKE_CHECK(write(fd_, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  void Describe(minke::proto::InputFile& file) const {
    struct stat info{};
    MINKE_CHECK(fstat(fd_, &info) == 0);
    file.set_path("/proc/self/fd/" + std::to_string(fd_));
    file.set_size(static_cast<uint64_t>(info.st_size));
    file.set_inode(info.st_ino);
    file.set_modified_ns(info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec);
  }

 private:
  int fd_;
};

// What a split holds; nothing if it cannot be read.
std::optional<std::string> Read(const minke::proto::Plan& plan,
                                const minke::proto::SplitPiece& piece,
                                const minke::ReaderOptions& options) {
  minke::proto::Split split;
  *split.add_pieces() = piece;
  minke::InputReader reader(&plan, &split, options);
  std::string all;
  bool is_cut_off = false;  // a batch without a line end is the last
  while (true) {
    const auto batch = reader.Next();
    if (!batch) return std::nullopt;
    if (*batch == nullptr) break;
    MINKE_CHECK((*batch)->size > 0 && !is_cut_off);
    all.append((*batch)->data, (*batch)->size);
    const bool is_text = options.kind == MINKE_TEXT;
    is_cut_off = is_text && all.back() != '\n';
    MINKE_CHECK(is_text || (*batch)->size % options.record_size == 0);
  }
  MINKE_CHECK(reader.bytes_done() == all.size());
  return all;
}

void CheckPlain(const minke::proto::Plan& plan, const Choice& choice, minke::Bytes content) {
  minke::proto::SplitPiece first;
  first.set_end(choice.cut);
  minke::proto::SplitPiece second;
  second.set_begin(choice.cut);
  second.set_end(content.size());
  const auto before = Read(plan, first, choice.options);
  const auto behind = Read(plan, second, choice.options);
  if (before && behind) MINKE_CHECK(*before + *behind == content);
}

void CheckPacked(const minke::proto::Plan& plan, const Choice& choice) {
  minke::proto::SplitPiece whole;
  whole.set_whole(true);
  minke::ReaderOptions other = choice.options;
  other.batch_bytes = 64 << 10;
  other.careful = !other.careful;
  const auto one = Read(plan, whole, choice.options);
  const auto two = Read(plan, whole, other);
  MINKE_CHECK(one == two);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 4) return 0;
  const minke::Bytes content(reinterpret_cast<const char*>(data) + 4, size - 4);
  Choice choice;
  choice.compression = static_cast<Compression>(data[0] % 3);
  choice.options.careful = (data[0] & 64) != 0;
  choice.options.kind = (data[0] & 128) != 0 ? MINKE_FIXED : MINKE_TEXT;
  choice.options.record_size = 1 + data[1] % 20;
  choice.options.batch_bytes = size_t{1} << (data[2] % 17);
  choice.cut = content.size() * data[3] / 255;
  const MemoryFile file(content);
  minke::proto::Plan plan;
  file.Describe(*plan.add_files());
  plan.mutable_files(0)->set_compression(static_cast<uint32_t>(choice.compression));
  if (choice.compression == Compression::kNone) {
    CheckPlain(plan, choice, content);
  } else {
    CheckPacked(plan, choice);
  }
  return 0;
}
