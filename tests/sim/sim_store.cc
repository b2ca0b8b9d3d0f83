#include "sim_store.h"

#include <fmt/format.h>
#include <set>

namespace minke::sim {
namespace {

Error Away() { return Error{ErrorCode::kUnavailable, "the simulated database does not answer"}; }

Error Dead() { return Error{ErrorCode::kCancelled, "the process is dead"}; }

Error NoTable(const std::string& table) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no shuffle table {}", table)};
}

// Without a checksum: those of plans vary by machine.
std::string ShortOf(const std::string& name) {
  for (const char* kind : {"plan", "splitters", "manifest"}) {
    if (name.starts_with(kind)) return kind;
  }
  return name;
}

struct Call {
  std::string text;          // for the trace
  bool may_be_late = false;  // a plain write
};

// Carries out a call as its fate wants: `act` is the call itself. A late one is a plain write,
// whose own answer nobody hears.
template <typename Act>
auto Carry(Database& database, StoreLink& link, const Call& call, const Act& act)
    -> decltype(act()) {
  const StoreFate fate = link.FateOf(call.text);
  if (fate == StoreFate::kDead) return Dead();
  if (fate == StoreFate::kRefused) return Away();
  if (fate == StoreFate::kLate && call.may_be_late && database.schedule) {
    database.schedule(link.late_ms(), [act] { (void)act(); });
    return Away();
  }
  auto answer = act();
  if (!link.Returns()) return Dead();
  if (fate != StoreFate::kDone) return Away();
  return answer;
}

}  // namespace

std::optional<JobRow> Database::RowOf(const std::string& name) {
  const std::lock_guard hold(mutex_);
  const auto found = jobs_.find(name);
  return found == jobs_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> Database::BlockOf(Incarnation job, const std::string& name) {
  const std::lock_guard hold(mutex_);
  const auto found = rows_[job].blocks.find(name);
  return found == rows_[job].blocks.end() ? std::nullopt : std::optional(found->second);
}

void Database::RemoveBlock(Incarnation job, const std::string& name) {
  const std::lock_guard hold(mutex_);
  rows_[job].blocks.erase(name);
}

Database::Table* Database::FindTable(Incarnation job, const std::string& table) {
  const auto found = rows_[job].shuffle.find(table);
  return found == rows_[job].shuffle.end() ? nullptr : &found->second;
}

void Database::PutBlock(Incarnation job, const std::string& name, const std::string& block) {
  const std::lock_guard hold(mutex_);
  auto& blocks = rows_[job].blocks;
  const auto before = blocks.find(name);
  if (on_block) on_block(job, name, block, before == blocks.end() ? nullptr : &before->second);
  blocks.insert_or_assign(name, block);
}

// `change` is given the bucket and the block in it.
template <typename Change>
void Database::ForBlock(Incarnation job, AttemptId attempt, size_t number, Change change) {
  const std::lock_guard hold(mutex_);
  for (auto& [name, table] : rows_[job].shuffle) {
    for (auto& [place, bucket] : table) {
      for (auto at = bucket.begin(); at != bucket.end(); ++at) {
        if (std::get<1>(at->first) != attempt || number-- != 0) continue;
        change(bucket, at);
        return;
      }
    }
  }
}

size_t Database::ShuffleBlocksOf(Incarnation job, AttemptId attempt) {
  const std::lock_guard hold(mutex_);
  size_t blocks = 0;
  for (const auto& [name, table] : rows_[job].shuffle) {
    for (const auto& [place, bucket] : table) {
      for (const auto& entry : bucket) blocks += std::get<1>(entry.first) == attempt ? 1 : 0;
    }
  }
  return blocks;
}

void Database::RemoveShuffleBlock(Incarnation job, AttemptId attempt, size_t number) {
  ForBlock(job, attempt, number, [](Bucket& bucket, Bucket::iterator at) { bucket.erase(at); });
}

void Database::DamageShuffleBlock(Incarnation job, AttemptId attempt, size_t number,
                                  bool is_known) {
  ForBlock(job, attempt, number, [is_known](Bucket&, Bucket::iterator at) {
    std::string& bytes = at->second.bytes;
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x10);
    at->second.is_damaged = is_known;
  });
}

Result<std::optional<JobRow>> SimStore::GetJob(const std::string& name) {
  return Carry(*database_, *link_, {"get-row"}, [database = database_, name] {
    return Result<std::optional<JobRow>>(database->RowOf(name));
  });
}

Result<JobRow> SimStore::CompareAndSetJob(const std::string& name,
                                          const std::optional<JobRow>& expected,
                                          const JobRow& desired) {
  return Carry(*database_, *link_, {"set-row"}, [database = database_, name, expected, desired] {
    const std::lock_guard hold(database->mutex_);
    const std::optional<JobRow> standing = database->RowOf(name);
    if (standing != expected) return Result<JobRow>(standing.value_or(JobRow{}));
    database->jobs_[name] = desired;
    if (database->on_row) database->on_row(name, desired);
    return Result<JobRow>(desired);
  });
}

Result<std::vector<std::string>> SimStore::ListJobs() {
  return Carry(*database_, *link_, {"list"}, [database = database_] {
    const std::lock_guard hold(database->mutex_);
    std::vector<std::string> names;
    for (const auto& [name, row] : database->jobs_) names.push_back(name);
    return Result<std::vector<std::string>>(std::move(names));
  });
}

Status SimStore::PutBlock(Incarnation job, const std::string& name, Bytes block) {
  return Carry(*database_, *link_, {"put " + ShortOf(name), true},
               [database = database_, job, name, copy = std::string(block)] {
                 database->PutBlock(job, name, copy);
                 return Status();
               });
}

Result<std::string> SimStore::GetBlock(Incarnation job, const std::string& name) {
  return Carry(*database_, *link_, {"get " + ShortOf(name)},
               [database = database_, job, name]() -> Result<std::string> {
                 auto block = database->BlockOf(job, name);
                 if (block) return *std::move(block);
                 return Error{ErrorCode::kNotFound,
                              fmt::format("there is no block {} in the store", name)};
               });
}

Status SimStore::MakeShuffleTable(Incarnation job, const std::string& table, const ShuffleShape&) {
  return Carry(*database_, *link_, {"make-table", true}, [database = database_, job, table] {
    const std::lock_guard hold(database->mutex_);
    database->rows_[job].shuffle[table];
    if (database->on_table) database->on_table(job, table);
    return Status();
  });
}

Status SimStore::DropShuffleTable(Incarnation job, const std::string& table) {
  return Carry(*database_, *link_, {"drop-table", true}, [database = database_, job, table] {
    const std::lock_guard hold(database->mutex_);
    database->rows_[job].shuffle.erase(table);
    return Status();
  });
}

class SimStore::Writer final : public ShuffleWriter {
 public:
  Writer(SimStore* store, Incarnation job, std::string table)
      : store_(store), job_(job), table_(std::move(table)) {}

  Status Put(const ShuffleKey& key, Bytes block) override {
    const auto put = [database = store_->database_, job = job_, table = table_, key,
                      bytes = std::string(block)]() -> Status {
      const std::lock_guard hold(database->mutex_);
      Database::Table* rows = database->FindTable(job, table);
      if (rows == nullptr) return NoTable(table);
      (*rows)[{key.partition, key.bucket}][{key.map_task, key.attempt, key.sequence}] = {bytes};
      return {};
    };
    return Carry(*store_->database_, *store_->link_, {"put-block", true}, put);
  }
  Status Finish() override { return {}; }

 private:
  SimStore* store_;
  Incarnation job_;
  std::string table_;
};

Result<std::unique_ptr<ShuffleWriter>> SimStore::WriteShuffle(Incarnation job,
                                                              const std::string& table) {
  return Carry(*database_, *link_, {"put-block", true},
               [this, job, table]() -> Result<std::unique_ptr<ShuffleWriter>> {
                 const std::lock_guard hold(database_->mutex_);
                 if (database_->FindTable(job, table) == nullptr) return NoTable(table);
                 return std::unique_ptr<ShuffleWriter>(std::make_unique<Writer>(this, job, table));
               });
}

// A copy of the bucket as it stands: a scan sees one moment.
class SimStore::Scan final : public ShuffleScan {
 public:
  Scan(Database::Bucket rows, const ShuffleRange& range)
      : rows_(std::move(rows)), next_(rows_.begin()), range_(range) {}

  Result<std::optional<ShuffleBlock>> Next() override {
    if (next_ == rows_.end()) return std::optional<ShuffleBlock>();
    const auto& [map_task, attempt, sequence] = next_->first;
    Database::Stored& stored = next_->second;
    ++next_;
    if (stored.is_damaged) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("the block {} of attempt {} is damaged", sequence, attempt.Text())};
    }
    return std::optional(ShuffleBlock{
        {range_.partition, range_.bucket, map_task, attempt, sequence}, std::move(stored.bytes)});
  }

 private:
  Database::Bucket rows_;
  Database::Bucket::iterator next_;
  ShuffleRange range_;
};

Result<std::unique_ptr<ShuffleScan>> SimStore::ScanShuffle(Incarnation job,
                                                           const std::string& table,
                                                           const ShuffleRange& range) {
  const auto scan = [this, job, table, range]() -> Result<std::unique_ptr<ShuffleScan>> {
    Database::Bucket rows;
    {
      const std::lock_guard hold(database_->mutex_);
      const Database::Table* stored = database_->FindTable(job, table);
      if (stored == nullptr) return NoTable(table);
      const auto found = stored->find({range.partition, range.bucket});
      if (found != stored->end()) rows = found->second;
    }
    if (!range.is_sure) std::erase_if(rows, [this](const auto&) { return link_->Misses(); });
    return std::unique_ptr<ShuffleScan>(std::make_unique<Scan>(std::move(rows), range));
  };
  return Carry(*database_, *link_, {range.is_sure ? "scan surely" : "scan"}, scan);
}

Status SimStore::PutSegment(Incarnation, AttemptId attempt, std::shared_ptr<const void>) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("the simulated store keeps no segments, and attempt {} brings one",
                           attempt.Text())};
}

Result<std::shared_ptr<const void>> SimStore::GetSegment(Incarnation, AttemptId attempt) {
  return Error{ErrorCode::kNotFound,
               fmt::format("attempt {} left no segment here", attempt.Text())};
}

Result<std::optional<DatasetRow>> SimStore::GetDataset(const std::string& name) {
  return Carry(*database_, *link_, {"get-dataset"}, [database = database_, name] {
    const std::lock_guard hold(database->mutex_);
    const auto found = database->datasets_.find(name);
    return Result<std::optional<DatasetRow>>(
        found == database->datasets_.end() ? std::nullopt : std::optional(found->second));
  });
}

Result<DatasetRow> SimStore::CompareAndSetDataset(const std::string& name,
                                                  const std::optional<DatasetRow>& expected,
                                                  const DatasetRow& desired) {
  const auto set = [database = database_, name, expected, desired] {
    const std::lock_guard hold(database->mutex_);
    const auto found = database->datasets_.find(name);
    const bool is_there = found != database->datasets_.end();
    if ((is_there ? std::optional(found->second) : std::nullopt) != expected) {
      return Result<DatasetRow>(is_there ? found->second : DatasetRow{});
    }
    database->datasets_[name] = desired;
    return Result<DatasetRow>(desired);
  };
  return Carry(*database_, *link_, {"set-dataset"}, set);
}

Result<std::vector<std::string>> SimStore::ListDatasets() {
  return Carry(*database_, *link_, {"list"}, [database = database_] {
    const std::lock_guard hold(database->mutex_);
    std::vector<std::string> names;
    for (const auto& [name, row] : database->datasets_) names.push_back(name);
    return Result<std::vector<std::string>>(std::move(names));
  });
}

class SimStore::DatasetWriter final : public ChunkWriter {
 public:
  DatasetWriter(SimStore* store, DatasetFile file) : store_(store), file_(std::move(file)) {}

  Status Put(uint32_t sequence, Bytes chunk) override {
    const auto put = [database = store_->database_, file = file_, sequence,
                      bytes = std::string(chunk)] {
      const std::lock_guard hold(database->mutex_);
      database->files_[file].insert_or_assign(sequence, bytes);
      return Status();
    };
    return Carry(*store_->database_, *store_->link_, {"put-chunk", true}, put);
  }
  Status Finish() override { return {}; }

 private:
  SimStore* store_;
  DatasetFile file_;
};

class SimStore::DatasetScan final : public ChunkScan {
 public:
  DatasetScan(SimStore* store, DatasetFile file, uint32_t first)
      : store_(store), file_(std::move(file)), next_(first) {}

  Result<std::optional<std::string>> Next() override {
    const auto next = [this]() -> Result<std::optional<std::string>> {
      const std::lock_guard hold(store_->database_->mutex_);
      const auto& chunks = store_->database_->files_[file_];
      const auto found = chunks.lower_bound(next_);
      if (found == chunks.end()) return std::optional<std::string>();
      if (found->first == next_) return std::optional(found->second);
      return Error{ErrorCode::kCorruption,
                   fmt::format("chunk {} of a dataset's file is missing", next_)};
    };
    auto chunk = Carry(*store_->database_, *store_->link_, {"get-chunk"}, next);
    if (chunk && *chunk) ++next_;
    return chunk;
  }

 private:
  SimStore* store_;
  DatasetFile file_;
  uint32_t next_;
};

Result<std::unique_ptr<ChunkWriter>> SimStore::WriteDataset(const DatasetFile& file) {
  return std::unique_ptr<ChunkWriter>(std::make_unique<DatasetWriter>(this, file));
}

Result<std::unique_ptr<ChunkScan>> SimStore::ScanDataset(const DatasetFile& file, uint32_t first) {
  return std::unique_ptr<ChunkScan>(std::make_unique<DatasetScan>(this, file, first));
}

Status SimStore::DropDataset(Incarnation version) {
  return Carry(*database_, *link_, {"drop-dataset", true}, [database = database_, version] {
    const std::lock_guard hold(database->mutex_);
    std::erase_if(database->files_,
                  [&](const auto& file) { return file.first.version == version; });
    return Status();
  });
}

Result<std::vector<Incarnation>> SimStore::ListStored() {
  return Carry(*database_, *link_, {"list"}, [database = database_] {
    const std::lock_guard hold(database->mutex_);
    std::set<Incarnation> stored;
    for (const auto& [job, rows] : database->rows_) {
      if (!rows.blocks.empty() || !rows.shuffle.empty()) stored.insert(job);
    }
    for (const auto& [file, chunks] : database->files_) stored.insert(file.version);
    std::vector<Incarnation> all(stored.begin(), stored.end());
    return Result<std::vector<Incarnation>>(std::move(all));
  });
}

Status SimStore::DropJob(Incarnation job) {
  return Carry(*database_, *link_, {"scan"}, [database = database_, job] {
    const std::lock_guard hold(database->mutex_);
    database->rows_.erase(job);
    return Status();
  });
}

}  // namespace minke::sim
