#include "adapter/memory_store.h"

#include <fmt/format.h>
#include <map>
#include <mutex>
#include <set>
#include <tuple>
#include <utility>

namespace minke {
namespace {

// (map task, attempt, sequence) within one partition and bucket.
using BlockKey = std::tuple<uint32_t, AttemptId, uint32_t>;
using Bucket = std::map<BlockKey, std::string>;
using ShuffleTable = std::map<std::pair<uint32_t, uint32_t>, Bucket>;
using Chunks = std::map<uint32_t, std::string>;

struct JobRows {
  std::map<std::string, std::string> blocks;
  std::map<std::string, ShuffleTable> shuffle;
  std::map<AttemptId, std::shared_ptr<const void>> segments;

  bool is_empty() const { return blocks.empty() && shuffle.empty() && segments.empty(); }
};

// A row by name, set only if it is what was expected.
template <typename Row>
Row CompareAndSet(std::map<std::string, Row>& rows, const std::string& name,
                  const std::optional<Row>& expected, const Row& desired) {
  const auto found = rows.find(name);
  const bool matches =
      found == rows.end() ? !expected.has_value() : expected == std::optional(found->second);
  if (matches) rows[name] = desired;
  return matches ? desired : found == rows.end() ? Row{} : found->second;
}

template <typename Row>
std::optional<Row> Find(const std::map<std::string, Row>& rows, const std::string& name) {
  const auto found = rows.find(name);
  return found == rows.end() ? std::nullopt : std::optional(found->second);
}

template <typename Row>
std::vector<std::string> NamesOf(const std::map<std::string, Row>& rows) {
  std::vector<std::string> names;
  for (const auto& [name, row] : rows) names.push_back(name);
  return names;
}

Error NoTable(const std::string& table) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no shuffle table {}", table)};
}

}  // namespace

struct MemoryStore::State {
  std::mutex mutex;  // guards everything below
  std::map<std::string, JobRow> jobs;
  std::map<Incarnation, JobRows> rows;
  std::map<std::string, DatasetRow> datasets;
  std::map<DatasetFile, Chunks> files;

  ShuffleTable* FindTable(Incarnation job, const std::string& table) {
    const auto found = rows[job].shuffle.find(table);
    return found == rows[job].shuffle.end() ? nullptr : &found->second;
  }
};

MemoryStore::MemoryStore() : state_(std::make_shared<State>()) {}

MemoryStore::~MemoryStore() = default;

Result<std::optional<JobRow>> MemoryStore::GetJob(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  return Find(state_->jobs, name);
}

Result<JobRow> MemoryStore::CompareAndSetJob(const std::string& name,
                                             const std::optional<JobRow>& expected,
                                             const JobRow& desired) {
  const std::lock_guard lock(state_->mutex);
  return CompareAndSet(state_->jobs, name, expected, desired);
}

Result<std::vector<std::string>> MemoryStore::ListJobs() {
  const std::lock_guard lock(state_->mutex);
  return NamesOf(state_->jobs);
}

Status MemoryStore::PutBlock(Incarnation job, const std::string& name, Bytes block) {
  std::string copy(block);
  const std::lock_guard lock(state_->mutex);
  state_->rows[job].blocks.insert_or_assign(name, std::move(copy));
  return {};
}

Result<std::string> MemoryStore::GetBlock(Incarnation job, const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  const auto& blocks = state_->rows[job].blocks;
  const auto found = blocks.find(name);
  if (found == blocks.end()) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no block {} in the store", name)};
  }
  return found->second;
}

Status MemoryStore::MakeShuffleTable(Incarnation job, const std::string& table,
                                     const ShuffleShape&) {
  const std::lock_guard lock(state_->mutex);
  state_->rows[job].shuffle[table];
  return {};
}

Status MemoryStore::DropShuffleTable(Incarnation job, const std::string& table) {
  const std::lock_guard lock(state_->mutex);
  state_->rows[job].shuffle.erase(table);
  return {};
}

Result<std::unique_ptr<ShuffleWriter>> MemoryStore::WriteShuffle(Incarnation job,
                                                                 const std::string& table) {
  class Writer final : public ShuffleWriter {
   public:
    Writer(std::shared_ptr<State> state, Incarnation writer_job, std::string writer_table)
        : state_(std::move(state)), job_(writer_job), table_(std::move(writer_table)) {}
    Status Put(const ShuffleKey& key, Bytes block) override {
      std::string copy(block);
      const std::lock_guard lock(state_->mutex);
      ShuffleTable* rows = state_->FindTable(job_, table_);
      if (rows == nullptr) return NoTable(table_);
      (*rows)[{key.partition, key.bucket}][{key.map_task, key.attempt, key.sequence}] =
          std::move(copy);
      return {};
    }
    Status Finish() override { return {}; }

   private:
    std::shared_ptr<State> state_;
    Incarnation job_;
    std::string table_;
  };
  const std::lock_guard lock(state_->mutex);
  if (state_->FindTable(job, table) == nullptr) return NoTable(table);
  return std::unique_ptr<ShuffleWriter>(std::make_unique<Writer>(state_, job, table));
}

Result<std::unique_ptr<ShuffleScan>> MemoryStore::ScanShuffle(Incarnation job,
                                                              const std::string& table,
                                                              const ShuffleRange& range) {
  // A copy of the bucket as it stands: a scan sees one moment.
  class Scan final : public ShuffleScan {
   public:
    Scan(Bucket rows, const ShuffleRange& scanned)
        : rows_(std::move(rows)), next_(rows_.begin()), range_(scanned) {}
    Result<std::optional<ShuffleBlock>> Next() override {
      if (next_ == rows_.end()) return std::optional<ShuffleBlock>();
      const auto& [map_task, attempt, sequence] = next_->first;
      ShuffleBlock block{{range_.partition, range_.bucket, map_task, attempt, sequence},
                         std::move(next_->second)};
      ++next_;
      return std::optional<ShuffleBlock>(std::move(block));
    }

   private:
    Bucket rows_;
    Bucket::iterator next_;
    ShuffleRange range_;
  };
  const std::lock_guard lock(state_->mutex);
  const ShuffleTable* rows = state_->FindTable(job, table);
  if (rows == nullptr) return NoTable(table);
  const auto found = rows->find({range.partition, range.bucket});
  return std::unique_ptr<ShuffleScan>(
      std::make_unique<Scan>(found == rows->end() ? Bucket() : found->second, range));
}

Status MemoryStore::PutSegment(Incarnation job, AttemptId attempt,
                               std::shared_ptr<const void> segment) {
  const std::lock_guard lock(state_->mutex);
  state_->rows[job].segments.insert_or_assign(attempt, std::move(segment));
  return {};
}

Result<std::shared_ptr<const void>> MemoryStore::GetSegment(Incarnation job, AttemptId attempt) {
  const std::lock_guard lock(state_->mutex);
  const auto& segments = state_->rows[job].segments;
  const auto found = segments.find(attempt);
  if (found == segments.end()) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("attempt {} left no segment here", attempt.Text())};
  }
  return found->second;
}

void MemoryStore::DropSegment(Incarnation job, AttemptId attempt) {
  std::shared_ptr<const void> dropped;  // destroyed after the lock is given back
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->rows[job].segments.find(attempt);
  if (found == state_->rows[job].segments.end()) return;
  dropped = std::move(found->second);
  state_->rows[job].segments.erase(found);
}

Result<std::optional<DatasetRow>> MemoryStore::GetDataset(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  return Find(state_->datasets, name);
}

Result<DatasetRow> MemoryStore::CompareAndSetDataset(const std::string& name,
                                                     const std::optional<DatasetRow>& expected,
                                                     const DatasetRow& desired) {
  const std::lock_guard lock(state_->mutex);
  return CompareAndSet(state_->datasets, name, expected, desired);
}

Result<std::vector<std::string>> MemoryStore::ListDatasets() {
  const std::lock_guard lock(state_->mutex);
  return NamesOf(state_->datasets);
}

Result<std::unique_ptr<ChunkWriter>> MemoryStore::WriteDataset(const DatasetFile& file) {
  class Writer final : public ChunkWriter {
   public:
    Writer(std::shared_ptr<State> state, DatasetFile written)
        : state_(std::move(state)), file_(std::move(written)) {}
    Status Put(uint32_t sequence, Bytes chunk) override {
      std::string copy(chunk);
      const std::lock_guard lock(state_->mutex);
      state_->files[file_].insert_or_assign(sequence, std::move(copy));
      return {};
    }
    Status Finish() override { return {}; }

   private:
    std::shared_ptr<State> state_;
    DatasetFile file_;
  };
  return std::unique_ptr<ChunkWriter>(std::make_unique<Writer>(state_, file));
}

Result<std::unique_ptr<ChunkScan>> MemoryStore::ScanDataset(const DatasetFile& file,
                                                            uint32_t first) {
  class Scan final : public ChunkScan {
   public:
    Scan(std::shared_ptr<State> state, DatasetFile scanned, uint32_t next)
        : state_(std::move(state)), file_(std::move(scanned)), next_(next) {}
    Result<std::optional<std::string>> Next() override {
      const std::lock_guard lock(state_->mutex);
      const Chunks& chunks = state_->files[file_];
      const auto found = chunks.lower_bound(next_);
      if (found == chunks.end()) return std::optional<std::string>();
      if (found->first != next_) {
        return Error{ErrorCode::kCorruption,
                     fmt::format("chunk {} of a dataset's file is missing", next_)};
      }
      ++next_;
      return std::optional(found->second);
    }

   private:
    std::shared_ptr<State> state_;
    DatasetFile file_;
    uint32_t next_;
  };
  return std::unique_ptr<ChunkScan>(std::make_unique<Scan>(state_, file, first));
}

Status MemoryStore::DropDataset(Incarnation version) {
  const std::lock_guard lock(state_->mutex);
  std::erase_if(state_->files, [&](const auto& file) { return file.first.version == version; });
  return {};
}

Status MemoryStore::DropJob(Incarnation job) {
  JobRows dropped;  // destroyed after the lock is given back
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->rows.find(job);
  if (found == state_->rows.end()) return {};
  dropped = std::move(found->second);
  state_->rows.erase(found);
  return {};
}

Result<std::vector<Incarnation>> MemoryStore::ListStored() {
  const std::lock_guard lock(state_->mutex);
  std::set<Incarnation> stored;
  for (const auto& [job, rows] : state_->rows) {
    if (!rows.is_empty()) stored.insert(job);
  }
  for (const auto& [file, chunks] : state_->files) stored.insert(file.version);
  return std::vector<Incarnation>(stored.begin(), stored.end());
}

}  // namespace minke
