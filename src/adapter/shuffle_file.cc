#include "adapter/shuffle_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <span>
#include <tuple>
#include <unistd.h>
#include <utility>

#include "adapter/file_lock.h"
#include "base/hash.h"

namespace minke {
namespace {

constexpr Bytes kMagic = "minkeshf";
constexpr uint32_t kVersion = 1;
constexpr size_t kFooterBytes = 40;
constexpr size_t kEntryBytes = 48;
constexpr size_t kPageEntries = 85;
constexpr size_t kPageBytes = kPageEntries * kEntryBytes + 8;
constexpr size_t kBufferBytes = 1 << 20;
constexpr size_t kBlockBytesMax = 1 << 30;

auto OrderOf(const ShuffleEntry& entry) {
  return std::tuple(entry.key.partition, entry.key.map_task, entry.key.attempt, entry.key.sequence);
}

void AppendEntry(std::string& to, const ShuffleEntry& entry) {
  char bytes[kEntryBytes];
  StoreLe(bytes, entry.key.partition);
  StoreLe(bytes + 4, entry.key.map_task);
  StoreLe(bytes + 8, entry.key.attempt.epoch);
  StoreLe(bytes + 16, entry.key.attempt.n);
  StoreLe(bytes + 24, entry.key.sequence);
  StoreLe(bytes + 28, entry.size);
  StoreLe(bytes + 32, entry.position);
  StoreLe(bytes + 40, entry.check);
  to.append(bytes, kEntryBytes);
}

ShuffleEntry LoadEntry(const char* from, uint32_t bucket) {
  ShuffleEntry entry;
  entry.key.partition = LoadLe<uint32_t>(from);
  entry.key.bucket = bucket;
  entry.key.map_task = LoadLe<uint32_t>(from + 4);
  entry.key.attempt.epoch = LoadLe<uint64_t>(from + 8);
  entry.key.attempt.n = LoadLe<uint64_t>(from + 16);
  entry.key.sequence = LoadLe<uint32_t>(from + 24);
  entry.size = LoadLe<uint32_t>(from + 28);
  entry.position = LoadLe<uint64_t>(from + 32);
  entry.check = LoadLe<uint64_t>(from + 40);
  return entry;
}

Error Damaged(const File& file, std::string_view what, uint64_t byte) {
  return Error{
      ErrorCode::kCorruption,
      fmt::format("{} is damaged: {} at byte {} is not what was written; the map task that "
                  "wrote it must run again",
                  file.path(), what, byte)};
}

// All of `size` bytes at `byte`.
Status ReadAll(const File& file, uint64_t byte, std::span<char> to, std::string_view what) {
  auto got = file.ReadAt(byte, to.data(), to.size());
  if (!got) return OfOurFile(std::move(got).error());
  if (*got < to.size()) return Damaged(file, what, byte);
  return {};
}

class Index {
 public:
  static Result<Index> Open(const File& file) {
    const uint64_t size = MINKE_TRY(file.Size());
    if (size < kFooterBytes) return Damaged(file, "the footer", 0);
    Index index(file);
    const uint64_t at = size - kFooterBytes;
    char footer[kFooterBytes] = {};
    MINKE_TRY_STATUS(ReadAll(file, at, footer, "the footer"));
    index.bucket_ = LoadLe<uint32_t>(footer + 12);
    index.position_ = LoadLe<uint64_t>(footer + 16);
    index.entries_ = LoadLe<uint64_t>(footer + 24);
    const bool is_sound = Bytes(footer, kFooterBytes).starts_with(kMagic) &&
                          LoadLe<uint64_t>(footer + 32) == Hash64({footer, 32}) &&
                          index.position_ <= at && index.entries_ <= size / kEntryBytes &&
                          index.position_ + index.bytes() == at;
    if (!is_sound) return Damaged(file, "the footer", at);
    if (LoadLe<uint32_t>(footer + 8) != kVersion) {
      return Error{ErrorCode::kConfiguration,
                   fmt::format("{} is of another version of minke: use that one", file.path())};
    }
    return index;
  }

  uint64_t pages() const { return (entries_ + kPageEntries - 1) / kPageEntries; }

  Result<std::vector<ShuffleEntry>> Page(uint64_t page) const {
    const uint64_t at = position_ + page * kPageBytes;
    const auto count =
        static_cast<size_t>(std::min<uint64_t>(kPageEntries, entries_ - page * kPageEntries));
    const size_t covered = count * kEntryBytes;
    char bytes[kPageBytes] = {};
    MINKE_TRY_STATUS(ReadAll(*file_, at, {bytes, covered + 8}, "the index"));
    if (LoadLe<uint64_t>(bytes + covered) != Hash64({bytes, covered}) + page) {
      return Damaged(*file_, "the index", at);
    }
    std::vector<ShuffleEntry> entries(count);
    for (size_t i = 0; i < count; ++i) {
      entries[i] = LoadEntry(bytes + i * kEntryBytes, bucket_);
    }
    return entries;
  }

 private:
  explicit Index(const File& file) : file_(&file) {}
  uint64_t bytes() const { return entries_ * kEntryBytes + pages() * 8; }

  const File* file_;
  uint32_t bucket_ = 0;
  uint64_t position_ = 0;
  uint64_t entries_ = 0;
};

}  // namespace

ShuffleFileWriter::ShuffleFileWriter(std::string folder, const std::string& name)
    : folder_(std::move(folder)), path_(folder_ + "/" + name), aside_(path_ + ".tmp") {}

Result<std::unique_ptr<ShuffleFileWriter>> ShuffleFileWriter::Create(const std::string& folder,
                                                                     const std::string& name) {
  std::unique_ptr<ShuffleFileWriter> writer(new ShuffleFileWriter(folder, name));
  auto file = File::Open(writer->aside_, File::Mode::kCreate);
  if (!file && access(folder.c_str(), F_OK) != 0) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no folder {}", folder)};
  }
  writer->file_ = MINKE_TRY(std::move(file));
  return writer;
}

ShuffleFileWriter::~ShuffleFileWriter() {
  if (file_.is_open()) unlink(aside_.c_str());
}

Status ShuffleFileWriter::Flush() {
  MINKE_TRY_STATUS(file_.Write(buffer_));
  buffer_.clear();
  return {};
}

Status ShuffleFileWriter::Add(const ShuffleKey& key, Bytes block) {
  if (block.size() > kBlockBytesMax) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a shuffle block of {} bytes is over the limit of {}", block.size(),
                             kBlockBytesMax)};
  }
  bucket_ = key.bucket;
  entries_.push_back({key, static_cast<uint32_t>(block.size()), written_, Hash64(block)});
  written_ += block.size();
  if (buffer_.size() + block.size() > kBufferBytes) MINKE_TRY_STATUS(Flush());
  if (block.size() > kBufferBytes) return file_.Write(block);
  buffer_ += block;
  return {};
}

Status ShuffleFileWriter::WriteIndex() {
  std::ranges::sort(entries_, {}, OrderOf);
  const uint64_t position = written_;
  for (size_t begin = 0; begin < entries_.size(); begin += kPageEntries) {
    const size_t end = std::min(begin + kPageEntries, entries_.size());
    std::string page;
    for (size_t i = begin; i < end; ++i) AppendEntry(page, entries_[i]);
    char check[8];
    StoreLe(check, Hash64(page) + begin / kPageEntries);
    buffer_ += page;
    buffer_.append(check, sizeof(check));
    if (buffer_.size() > kBufferBytes) MINKE_TRY_STATUS(Flush());
  }
  char footer[kFooterBytes];
  std::memcpy(footer, kMagic.data(), kMagic.size());
  StoreLe(footer + 8, kVersion);
  StoreLe(footer + 12, bucket_);
  StoreLe(footer + 16, position);
  StoreLe(footer + 24, uint64_t{entries_.size()});
  StoreLe(footer + 32, Hash64({footer, 32}));
  buffer_.append(footer, kFooterBytes);
  return Flush();
}

Status ShuffleFileWriter::Finish() {
  MINKE_TRY_STATUS(WriteIndex());
  MINKE_TRY_STATUS(file_.Sync());
  if (rename(aside_.c_str(), path_.c_str()) != 0) {
    const int error_number = errno;
    return Error{
        error_number == ENOENT ? ErrorCode::kNotFound : ErrorCode::kOutput,
        fmt::format("cannot rename {} to {}: {}", aside_, path_, std::strerror(error_number))};
  }
  MINKE_TRY_STATUS(file_.Close());
  return SyncFolder(folder_);
}

Result<std::vector<ShuffleEntry>> FindEntries(const File& file, uint32_t partition) {
  const Index index = MINKE_TRY(Index::Open(file));
  // The first page that ends in the partition or behind it.
  uint64_t low = 0;
  for (uint64_t high = index.pages(); low < high;) {
    const uint64_t middle = low + (high - low) / 2;
    const auto page = MINKE_TRY(index.Page(middle));
    if (page.back().key.partition < partition) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  std::vector<ShuffleEntry> found;
  for (uint64_t page = low; page < index.pages(); ++page) {
    for (const ShuffleEntry& entry : MINKE_TRY(index.Page(page))) {
      if (entry.key.partition > partition) return found;
      if (entry.key.partition == partition) found.push_back(entry);
    }
  }
  return found;
}

Result<std::string> ReadBlock(const File& file, const ShuffleEntry& entry) {
  const uint64_t size = MINKE_TRY(file.Size());
  if (entry.size > size || entry.position > size - entry.size) {
    return Damaged(file, "a block", entry.position);
  }
  std::string block(entry.size, '\0');
  MINKE_TRY_STATUS(ReadAll(file, entry.position, block, "a block"));
  if (Hash64(block) != entry.check) return Damaged(file, "a block", entry.position);
  return block;
}

}  // namespace minke
