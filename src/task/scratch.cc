#include "task/scratch.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include <minke/abi.h>

#include "base/check.h"
#include "base/file.h"

namespace minke {
namespace {

constexpr size_t kWriteBytes = 256 << 10;
constexpr size_t kReadBytes = 64 << 10;  // at once, where blocks are smaller
constexpr uint64_t kPage = 4096;         // runs begin on one, so that all their space can be freed
constexpr uint64_t kFileBytesMax = uint64_t{1} << 40;  // a longer one takes no further run

Error Explained(Error error) {
  error.code = ErrorCode::kConfiguration;
  error.text += "; name a spill folder that works and has more room with --spill";
  return error;
}

// Where one partition's blocks lie.
struct Extent {
  uint32_t partition = 0;
  uint64_t offset = 0;     // in the file
  size_t first_block = 0;  // index into the run's block sizes
  uint32_t blocks = 0;
};

// What is known of a run: all but its bytes.
struct RunIndex {
  uint64_t begin = 0;  // in the file
  uint64_t bytes = 0;
  std::vector<Extent> extents;  // by partition
  std::vector<uint32_t> block_sizes;
};

class ScratchSource final : public RunSource {
 public:
  ScratchSource(std::shared_ptr<const File> file, std::shared_ptr<const RunIndex> index,
                const Extent& extent)
      : file_(std::move(file)), index_(std::move(index)), extent_(extent), at_(extent.offset) {
    for (uint32_t i = 0; i < extent.blocks; ++i) left_bytes_ += SizeOf(i);
  }

  Result<Bytes> Next() override {
    if (next_ == extent_.blocks) return Bytes();
    const size_t size = SizeOf(next_++);
    if (read_.size() < size) MINKE_TRY_STATUS(Read(size));
    const Bytes block = read_.substr(0, size);
    read_.remove_prefix(size);
    at_ += size;
    left_bytes_ -= size;
    return block;
  }

 private:
  size_t SizeOf(uint32_t block) const { return index_->block_sizes[extent_.first_block + block]; }

  // At least the next `size` bytes of the extent into read_.
  Status Read(size_t size) {
    const size_t wanted =
        std::max<size_t>(size, static_cast<size_t>(std::min<uint64_t>(kReadBytes, left_bytes_)));
    if (capacity_ < wanted) {
      buffer_ = std::make_unique_for_overwrite<char[]>(wanted + MINKE_READABLE_BEYOND);
      capacity_ = wanted;
    }
    auto n = file_->ReadAt(at_, buffer_.get(), wanted);
    if (!n) return Explained(std::move(n).error());
    if (*n < wanted) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("the scratch file in {} has lost bytes that were written to it",
                               file_->path())};
    }
    std::fill_n(buffer_.get() + wanted, MINKE_READABLE_BEYOND, '\0');
    read_ = Bytes(buffer_.get(), wanted);
    return {};
  }

  std::shared_ptr<const File> file_;
  std::shared_ptr<const RunIndex> index_;
  Extent extent_;
  uint32_t next_ = 0;  // block
  uint64_t at_;        // of the next block, in the file
  uint64_t left_bytes_ = 0;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  Bytes read_;  // what of the buffer was not given yet
};

class EmptySource final : public RunSource {
 public:
  Result<Bytes> Next() override { return Bytes(); }
};

// Holds the space of one run: freed when the run and all its readers are gone.
class ScratchRun final : public Run {
 public:
  ScratchRun(std::shared_ptr<const File> file, ScratchFolder* folder, RunIndex index)
      : file_(std::move(file)),
        index_(new RunIndex(std::move(index)), [file = file_, folder](const RunIndex* gone) {
          const uint64_t length = (gone->bytes + kPage - 1) / kPage * kPage;
          if (length > 0) {
            fallocate(file->fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(gone->begin), static_cast<off_t>(length));
          }
          folder->GiveBack(gone->bytes);
          delete gone;
        }) {}

  std::unique_ptr<RunSource> Open(uint32_t partition) const override {
    const auto& extents = index_->extents;
    const auto found = std::lower_bound(
        extents.begin(), extents.end(), partition,
        [](const Extent& extent, uint32_t wanted) { return extent.partition < wanted; });
    if (found == extents.end() || found->partition != partition) {
      return std::make_unique<EmptySource>();
    }
    return std::make_unique<ScratchSource>(file_, index_, *found);
  }
  uint64_t stored_bytes() const override { return index_->bytes; }

 private:
  std::shared_ptr<const File> file_;
  std::shared_ptr<const RunIndex> index_;
};

}  // namespace

// Lent to one task at a time; its runs hold it, too.
struct ScratchFolder::OpenFile {
  File file;
  uint64_t end = 0;  // where the next run begins, or goes on
};

ScratchFolder::ScratchFolder(std::string folder, uint64_t bytes_max)
    : path_(std::move(folder)), bytes_max_(bytes_max) {}

ScratchFolder::~ScratchFolder() = default;

Result<std::shared_ptr<ScratchFolder::OpenFile>> ScratchFolder::Borrow() {
  std::shared_ptr<OpenFile> lent;
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      lent = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (lent == nullptr) {
    auto file = File::Open(path_, File::Mode::kScratch);
    if (!file) return Explained(std::move(file).error());
    lent = std::make_shared<OpenFile>(OpenFile{*std::move(file)});
  }
  // Where a file system cannot free what lies in the middle, all goes once no run is left.
  if (lent.use_count() == 1 && lent->end != 0 && lent->file.Resize(0)) lent->end = 0;
  lent->end = (lent->end + kPage - 1) / kPage * kPage;
  return lent;
}

void ScratchFolder::Return(std::shared_ptr<OpenFile> file) {
  if (file->end >= kFileBytesMax) return;
  const std::scoped_lock lock(mutex_);
  idle_.push_back(std::move(file));
}

bool ScratchFolder::TryTake(uint64_t bytes) {
  uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (bytes > bytes_max_ || used > bytes_max_ - bytes) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

struct ScratchSpace::State final : RunSink {
  explicit State(ScratchFolder* of_process) : folder(of_process) {}
  // A file with half a run in it goes.
  ~State() override {
    if (file != nullptr) folder->GiveBack(index.bytes);
  }

  Status Put(uint32_t partition, Bytes block, bool last) override;
  Status WriteOut(Bytes bytes);

  ScratchFolder* const folder;
  std::shared_ptr<ScratchFolder::OpenFile> file;  // that a run is being written to
  std::string waiting;                            // to be written at its end
  RunIndex index;                                 // of that run
  uint64_t runs = 0;
  uint64_t spilled_bytes = 0;
};

Status ScratchSpace::State::WriteOut(Bytes bytes) {
  auto written = file->file.WriteAt(file->end, bytes);
  if (!written) return Explained(std::move(written).error());
  file->end += bytes.size();
  return {};
}

Status ScratchSpace::State::Put(uint32_t partition, Bytes block, bool) {
  MINKE_CHECK(file != nullptr && !block.empty() && block.size() <= UINT32_MAX);
  if (!folder->TryTake(block.size())) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("spilling into {} has reached its limit of {} bytes: raise it with "
                             "--spill-bytes, or name a folder with more room with --spill",
                             folder->path(), folder->bytes_max())};
  }
  auto& extents = index.extents;
  MINKE_CHECK(extents.empty() || extents.back().partition <= partition);
  if (extents.empty() || extents.back().partition != partition) {
    extents.push_back({partition, index.begin + index.bytes, index.block_sizes.size(), 0});
  }
  ++extents.back().blocks;
  index.block_sizes.push_back(static_cast<uint32_t>(block.size()));
  index.bytes += block.size();
  spilled_bytes += block.size();
  if (waiting.size() + block.size() > kWriteBytes) {
    MINKE_TRY_STATUS(WriteOut(waiting));
    waiting.clear();
  }
  if (block.size() >= kWriteBytes) return WriteOut(block);
  waiting.append(block);
  return {};
}

ScratchSpace::ScratchSpace(ScratchFolder* folder) : state_(std::make_unique<State>(folder)) {}

ScratchSpace::~ScratchSpace() = default;

Result<RunSink*> ScratchSpace::Begin() {
  State& state = *state_;
  MINKE_CHECK(state.file == nullptr);
  state.file = MINKE_TRY(state.folder->Borrow());
  state.index = RunIndex{.begin = state.file->end, .bytes = 0, .extents = {}, .block_sizes = {}};
  return &state;
}

Result<std::shared_ptr<const Run>> ScratchSpace::Seal() {
  State& state = *state_;
  MINKE_CHECK(state.file != nullptr);
  MINKE_TRY_STATUS(state.WriteOut(state.waiting));
  state.waiting.clear();
  ++state.runs;
  const std::shared_ptr<const File> file(state.file, &state.file->file);
  auto run = std::make_shared<ScratchRun>(file, state.folder, std::move(state.index));
  state.folder->Return(std::exchange(state.file, nullptr));
  return std::shared_ptr<const Run>(std::move(run));
}

uint64_t ScratchSpace::runs() const { return state_->runs; }
uint64_t ScratchSpace::spilled_bytes() const { return state_->spilled_bytes; }

}  // namespace minke
