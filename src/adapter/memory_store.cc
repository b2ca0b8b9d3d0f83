#include "adapter/memory_store.h"

#include <fmt/format.h>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

namespace minke {
namespace {

// (map task, attempt, sequence) within one partition and bucket.
using BlockKey = std::tuple<uint32_t, AttemptId, uint32_t>;
using Bucket = std::map<BlockKey, std::string>;
using ShuffleTable = std::map<std::pair<uint32_t, uint32_t>, Bucket>;

struct JobRows {
  std::map<std::string, std::string> blocks;
  std::map<std::string, ShuffleTable> shuffle;
  std::map<AttemptId, std::shared_ptr<const void>> segments;
};

Error NoTable(const std::string& table) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no shuffle table {}", table)};
}

}  // namespace

struct MemoryStore::State {
  std::mutex mutex;  // guards everything below
  std::map<std::string, JobRow> jobs;
  std::map<Incarnation, JobRows> rows;

  ShuffleTable* FindTable(Incarnation job, const std::string& table) {
    const auto found = rows[job].shuffle.find(table);
    return found == rows[job].shuffle.end() ? nullptr : &found->second;
  }
};

MemoryStore::MemoryStore() : state_(std::make_shared<State>()) {}

MemoryStore::~MemoryStore() = default;

Result<std::optional<JobRow>> MemoryStore::GetJob(const std::string& name) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->jobs.find(name);
  if (found == state_->jobs.end()) return std::optional<JobRow>();
  return std::optional<JobRow>(found->second);
}

Result<JobRow> MemoryStore::CompareAndSetJob(const std::string& name,
                                             const std::optional<JobRow>& expected,
                                             const JobRow& desired) {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->jobs.find(name);
  const bool matches = found == state_->jobs.end() ? !expected.has_value()
                                                   : expected == std::optional(found->second);
  if (matches) state_->jobs[name] = desired;
  return matches ? desired : found == state_->jobs.end() ? JobRow{} : found->second;
}

Result<std::vector<std::string>> MemoryStore::ListJobs() {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::string> names;
  for (const auto& [name, row] : state_->jobs) names.push_back(name);
  return names;
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

Status MemoryStore::DropJob(Incarnation job) {
  JobRows dropped;  // destroyed after the lock is given back
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->rows.find(job);
  if (found == state_->rows.end()) return {};
  dropped = std::move(found->second);
  state_->rows.erase(found);
  return {};
}

}  // namespace minke
