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

// What the task and all its runs hold together.
struct Space {
  File file;
  SpillBudget* budget = nullptr;
};

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
  ScratchSource(std::shared_ptr<const Space> space, std::shared_ptr<const RunIndex> index,
                const Extent& extent)
      : space_(std::move(space)), index_(std::move(index)), extent_(extent), at_(extent.offset) {
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
    auto n = space_->file.ReadAt(at_, buffer_.get(), wanted);
    if (!n) return Explained(std::move(n).error());
    if (*n < wanted) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("the scratch file in {} has lost bytes that were written to it",
                               space_->file.path())};
    }
    std::fill_n(buffer_.get() + wanted, MINKE_READABLE_BEYOND, '\0');
    read_ = Bytes(buffer_.get(), wanted);
    return {};
  }

  std::shared_ptr<const Space> space_;
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
  ScratchRun(std::shared_ptr<const Space> space, RunIndex index)
      : space_(std::move(space)),
        index_(new RunIndex(std::move(index)), [space = space_](const RunIndex* gone) {
          const uint64_t length = (gone->bytes + kPage - 1) / kPage * kPage;
          if (length > 0) {
            fallocate(space->file.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(gone->begin), static_cast<off_t>(length));
          }
          space->budget->GiveBack(gone->bytes);
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
    return std::make_unique<ScratchSource>(space_, index_, *found);
  }
  uint64_t stored_bytes() const override { return index_->bytes; }

 private:
  std::shared_ptr<const Space> space_;
  std::shared_ptr<const RunIndex> index_;
};

}  // namespace

struct ScratchFile::State final : RunSink {
  State(std::string in_folder, SpillBudget* of_process)
      : folder(std::move(in_folder)), budget(of_process) {}
  ~State() override {
    if (is_writing) budget->GiveBack(index.bytes);
  }

  Status Put(uint32_t partition, Bytes block, bool last) override;
  Status WriteOut(Bytes bytes);

  const std::string folder;
  SpillBudget* const budget;
  std::shared_ptr<Space> space;
  uint64_t end = 0;     // of the file
  std::string waiting;  // to be written at `end`
  bool is_writing = false;
  RunIndex index;  // of the run that is being written
  uint64_t runs = 0;
  uint64_t spilled_bytes = 0;
};

Status ScratchFile::State::WriteOut(Bytes bytes) {
  auto written = space->file.WriteAt(end, bytes);
  if (!written) return Explained(std::move(written).error());
  end += bytes.size();
  return {};
}

Status ScratchFile::State::Put(uint32_t partition, Bytes block, bool) {
  MINKE_CHECK(is_writing && !block.empty() && block.size() <= UINT32_MAX);
  if (!budget->TryTake(block.size())) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("spilling into {} has reached its limit of {} bytes: raise it with "
                             "--spill-bytes, or name a folder with more room with --spill",
                             folder, budget->bytes_max())};
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

bool SpillBudget::TryTake(uint64_t bytes) {
  uint64_t used = used_.load(std::memory_order_relaxed);
  do {
    if (bytes > bytes_max_ || used > bytes_max_ - bytes) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

ScratchFile::ScratchFile(std::string folder, SpillBudget* budget)
    : state_(std::make_unique<State>(std::move(folder), budget)) {}

ScratchFile::~ScratchFile() = default;

Result<RunSink*> ScratchFile::Begin() {
  State& state = *state_;
  MINKE_CHECK(!state.is_writing);
  if (state.space == nullptr) {
    auto file = File::Open(state.folder, File::Mode::kScratch);
    if (!file) return Explained(std::move(file).error());
    state.space = std::make_shared<Space>(Space{*std::move(file), state.budget});
  }
  state.end = (state.end + kPage - 1) / kPage * kPage;
  state.index = RunIndex{.begin = state.end, .bytes = 0, .extents = {}, .block_sizes = {}};
  state.is_writing = true;
  return &state;
}

Result<std::shared_ptr<const Run>> ScratchFile::Seal() {
  State& state = *state_;
  MINKE_CHECK(state.is_writing);
  MINKE_TRY_STATUS(state.WriteOut(state.waiting));
  state.waiting.clear();
  state.is_writing = false;
  ++state.runs;
  return std::shared_ptr<const Run>(
      std::make_shared<ScratchRun>(state.space, std::move(state.index)));
}

uint64_t ScratchFile::runs() const { return state_->runs; }
uint64_t ScratchFile::spilled_bytes() const { return state_->spilled_bytes; }

}  // namespace minke
