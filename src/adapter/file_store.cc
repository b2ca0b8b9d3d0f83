// The files, under FOLDER:
//
//   format                               "minke store 1"
//   lock                                 held while a row is compared and set
//   jobs/NAME, datasets/NAME             the row of a job, of a dataset
//   INCARNATION/blocks/NAME              a named block
//   INCARNATION/shuffle/TABLE/BUCKET/W   the blocks that one writer put there: shuffle_file.h
//   versions/INCARNATION/EPOCH-N-NAME/W  likewise the chunks of one file of a dataset's version
//   removed-RANDOM                       what was dropped, until it is removed
//
// Rows and named blocks lie in a wrapping that holds their whole name:
//
//   0 "minkerec"   8 u32 version = 1   12 u32 length of the name   16 u64 length of the content
//   24 name   content   u64 XXH3 of all before
//   content of a job's row: u64 incarnation   u64 spec hash   u32 state   i32 exit code
//   content of a dataset's row: u64 version   u64 checksum of its manifest
//
// In the name of a file, bytes other than letters, digits, '_', '-' and '.' (but not in front) are
// %XX; what would be longer than 180 bytes is cut there and ends in '~' and the name's XXH3 in hex.
// Names that begin with '.' are being written. All numbers are little-endian.
#include "adapter/file_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <set>
#include <sys/stat.h>
#include <tuple>
#include <unistd.h>
#include <utility>

#include "adapter/file_lock.h"
#include "adapter/shuffle_file.h"
#include "base/file.h"
#include "base/hash.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

constexpr Bytes kFormat = "minke store 1\n";
constexpr Bytes kMagic = "minkerec";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeadBytes = 24;
constexpr size_t kCheckBytes = 8;
constexpr size_t kNameBytesMax = 180;
constexpr std::string_view kRemoved = "removed-";
constexpr std::string_view kAsideEnd = ".tmp";  // of the shuffle files that are being written

std::string RandomName() { return fmt::format("{:016x}", RandomBits()); }

std::string FileNameOf(const std::string& name) {
  std::string escaped;
  for (const char c : name) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                          (c == '.' && !escaped.empty());
    if (is_plain) {
      escaped += c;
    } else {
      escaped += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  if (escaped.size() > kNameBytesMax) {
    escaped = fmt::format("{}~{:016x}", escaped.substr(0, kNameBytesMax), Hash64(name));
  }
  return escaped.empty() ? "%" : escaped;
}

Error CannotWrite(std::string_view what, const std::string& path, int error_number) {
  return Error{ErrorCode::kOutput,
               fmt::format("cannot {} {}: {}; mend the folder, or name another one", what, path,
                           std::strerror(error_number))};
}

Error NoTable(const std::string& table) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no shuffle table {}", table)};
}

bool Exists(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0;
}

std::string ParentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

// Durable; there already is fine. kNotFound: the folder that it should lie in is not there.
Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), 0777) == 0) return SyncFolder(ParentOf(path));
  if (errno == EEXIST) return {};
  Error error = CannotWrite("make", path, errno);
  if (errno == ENOENT) error.code = ErrorCode::kNotFound;
  return error;
}

// The names in a folder, sorted; none if it is not there.
Result<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    names.push_back(entry->path().filename());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return OfOurFile(
        {ErrorCode::kInput, fmt::format("cannot look into {}: {}", folder, error.message())});
  }
  std::ranges::sort(names);
  return names;
}

// ---- the wrapping of rows and named blocks

struct Record {
  std::string name;
  std::string content;
};

std::string Wrap(const std::string& name, Bytes content) {
  std::string bytes(kHeadBytes, '\0');
  bytes.replace(0, kMagic.size(), kMagic);
  StoreLe(bytes.data() + 8, kVersion);
  StoreLe(bytes.data() + 12, static_cast<uint32_t>(name.size()));
  StoreLe(bytes.data() + 16, uint64_t{content.size()});
  bytes += name;
  bytes += content;
  char check[kCheckBytes];
  StoreLe(check, Hash64(bytes));
  return bytes.append(check, kCheckBytes);
}

// kNotFound: no such file.
Result<Record> ReadRecord(const std::string& path) {
  auto read = ReadFile(path);
  if (!read) return OfOurFile(std::move(read).error());
  const Bytes bytes = *read;
  const Error damaged{ErrorCode::kCorruption,
                      fmt::format("{} is damaged: it does not hold what was written; if it cannot "
                                  "be brought back, run the job anew with minke rerun",
                                  path)};
  if (bytes.size() < kHeadBytes + kCheckBytes || !bytes.starts_with(kMagic)) return damaged;
  if (LoadLe<uint32_t>(bytes.data() + 8) != kVersion) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("{} is of another version of minke: use that one", path)};
  }
  const Bytes covered = bytes.substr(0, bytes.size() - kCheckBytes);
  if (LoadLe<uint64_t>(bytes.data() + covered.size()) != Hash64(covered)) return damaged;
  const size_t name = LoadLe<uint32_t>(bytes.data() + 12);
  const uint64_t content = LoadLe<uint64_t>(bytes.data() + 16);
  if (name > covered.size() - kHeadBytes || content != covered.size() - kHeadBytes - name) {
    return damaged;
  }
  return Record{std::string(covered.substr(kHeadBytes, name)),
                std::string(covered.substr(kHeadBytes + name))};
}

// ---- rows

struct JobRows {
  using Row = JobRow;
  static constexpr std::string_view kFolder = "jobs";
  static constexpr size_t kBytes = 24;
  static JobRow Load(const char* bytes) {
    JobRow row;
    row.incarnation.bits = LoadLe<uint64_t>(bytes);
    row.spec_hash = LoadLe<uint64_t>(bytes + 8);
    row.state = static_cast<JobState>(LoadLe<uint32_t>(bytes + 16));
    row.exit_code = LoadLe<int32_t>(bytes + 20);
    return row;
  }
  static void Store(const JobRow& row, char* bytes) {
    StoreLe(bytes, row.incarnation.bits);
    StoreLe(bytes + 8, row.spec_hash);
    StoreLe(bytes + 16, static_cast<uint32_t>(row.state));
    StoreLe(bytes + 20, static_cast<int32_t>(row.exit_code));
  }
};

struct DatasetRows {
  using Row = DatasetRow;
  static constexpr std::string_view kFolder = "datasets";
  static constexpr size_t kBytes = 16;
  static DatasetRow Load(const char* bytes) {
    return {{LoadLe<uint64_t>(bytes)}, LoadLe<uint64_t>(bytes + 8)};
  }
  static void Store(const DatasetRow& row, char* bytes) {
    StoreLe(bytes, row.version.bits);
    StoreLe(bytes + 8, row.manifest);
  }
};

template <typename Rows>
std::string RowPath(const std::string& folder, const std::string& name) {
  return fmt::format("{}/{}/{}", folder, Rows::kFolder, FileNameOf(name));
}

template <typename Rows>
Result<std::optional<typename Rows::Row>> ReadRow(const std::string& folder,
                                                  const std::string& name) {
  using Row = typename Rows::Row;
  const std::string path = RowPath<Rows>(folder, name);
  const auto record = ReadRecord(path);
  if (!record && record.error().code == ErrorCode::kNotFound) return std::optional<Row>();
  if (!record) return record.error();
  if (record->content.size() != Rows::kBytes) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("{} does not hold a row of {}", path, Rows::kFolder)};
  }
  return std::optional<Row>(Rows::Load(record->content.data()));
}

template <typename Rows>
Result<typename Rows::Row> CompareAndSetRow(const std::string& folder, const std::string& name,
                                            const std::optional<typename Rows::Row>& expected,
                                            const typename Rows::Row& desired) {
  const FileLock lock = MINKE_TRY(FileLock::Take(folder + "/lock"));
  const auto current = MINKE_TRY(ReadRow<Rows>(folder, name));
  if (current != expected) return current.value_or(typename Rows::Row{});
  std::string content(Rows::kBytes, '\0');
  Rows::Store(desired, content.data());
  MINKE_TRY_STATUS(WriteFileAtomically(RowPath<Rows>(folder, name),
                                       fmt::format("{}/{}/.new", folder, Rows::kFolder),
                                       Wrap(name, content), true));
  return desired;
}

template <typename Rows>
Result<std::vector<std::string>> ListRows(const std::string& folder) {
  std::vector<std::string> rows;
  const std::string of_rows = fmt::format("{}/{}", folder, Rows::kFolder);
  for (const std::string& file : MINKE_TRY(NamesIn(of_rows))) {
    if (file.starts_with('.')) continue;
    rows.push_back(MINKE_TRY(ReadRecord(fmt::format("{}/{}", of_rows, file))).name);
  }
  std::ranges::sort(rows);
  return rows;
}

// ---- shuffle

// An attempt has one bucket, so one file; other callers may have a few.
class Writer final : public ShuffleWriter {
 public:
  Writer(std::string table, std::string path) : table_(std::move(table)), path_(std::move(path)) {}

  Status Put(const ShuffleKey& key, Bytes block) override {
    auto& file = files_[key.bucket];
    if (file == nullptr) {
      const std::string folder = fmt::format("{}/{}", path_, key.bucket);
      MINKE_TRY_STATUS(Named(MakeFolder(folder)));
      auto made = ShuffleFileWriter::Create(folder, RandomName());
      if (!made) return Named(std::move(made).error());
      file = *std::move(made);
    }
    return file->Add(key, block);
  }

  Status Finish() override {
    for (auto& [bucket, file] : files_) MINKE_TRY_STATUS(Named(file->Finish()));
    files_.clear();
    return {};
  }

 private:
  // What is not found is the table.
  Status Named(Status status) const {
    if (!status && status.error().code == ErrorCode::kNotFound) return NoTable(table_);
    return status;
  }

  std::string table_;
  std::string path_;
  std::map<uint32_t, std::unique_ptr<ShuffleFileWriter>> files_;
};

// Reads the indexes first, then block by block with one file open.
class Scan final : public ShuffleScan {
 public:
  static Result<std::unique_ptr<Scan>> Open(const std::string& folder, uint32_t partition) {
    std::unique_ptr<Scan> scan(new Scan());
    for (const std::string& name : MINKE_TRY(NamesIn(folder))) {
      if (name.ends_with(kAsideEnd)) continue;
      MINKE_TRY_STATUS(scan->AddFile(fmt::format("{}/{}", folder, name), partition));
    }
    const auto order = [](const Found& found) {
      const ShuffleKey& key = found.entry.key;
      return std::tuple(key.map_task, key.attempt, key.sequence);
    };
    // Who writes a block again writes the same one.
    std::ranges::sort(scan->found_, {}, order);
    const auto again = std::ranges::unique(scan->found_, {}, order);
    scan->found_.erase(again.begin(), again.end());
    return scan;
  }

  // To the first block of this sequence number or a later one, where there is one attempt only.
  void SkipTo(uint32_t sequence) {
    while (next_ < found_.size() && found_[next_].entry.key.sequence < sequence) ++next_;
  }

  Result<std::optional<ShuffleBlock>> Next() override {
    if (!damaged_.empty()) {
      Error error = std::move(damaged_.back());
      damaged_.pop_back();
      return error;
    }
    if (next_ == found_.size()) return std::optional<ShuffleBlock>();
    const Found& found = found_[next_++];
    if (file_.path() != paths_[found.file]) {
      auto opened = File::Open(paths_[found.file], File::Mode::kRead);
      if (!opened) return OfOurFile(std::move(opened).error());
      file_ = *std::move(opened);
    }
    return std::optional<ShuffleBlock>({found.entry.key, MINKE_TRY(ReadBlock(file_, found.entry))});
  }

 private:
  struct Found {
    ShuffleEntry entry;
    size_t file = 0;
  };

  Status AddFile(const std::string& path, uint32_t partition) {
    auto file = File::Open(path, File::Mode::kRead);
    if (!file) return OfOurFile(std::move(file).error());
    auto entries = FindEntries(*file, partition);
    if (!entries && entries.error().code == ErrorCode::kCorruption) {
      damaged_.push_back(std::move(entries).error());
      return {};
    }
    if (!entries) return std::move(entries).error();
    for (const ShuffleEntry& entry : *entries) found_.push_back({entry, paths_.size()});
    if (!entries->empty()) paths_.push_back(path);
    return {};
  }

  std::vector<std::string> paths_;
  std::vector<Found> found_;
  std::vector<Error> damaged_;
  size_t next_ = 0;
  File file_;
};

// ---- chunks of datasets: shuffle files of one partition and one attempt

constexpr ShuffleKey kChunks{};

std::string FolderNameOf(const DatasetFile& file) {
  return FileNameOf(fmt::format("{}-{}", file.attempt.Text(), file.name));
}

class FileChunkWriter final : public ChunkWriter {
 public:
  FileChunkWriter(std::string folder, AttemptId attempt) : folder_(std::move(folder)) {
    key_.attempt = attempt;
  }

  Status Put(uint32_t sequence, Bytes chunk) override {
    if (file_ == nullptr) file_ = MINKE_TRY(ShuffleFileWriter::Create(folder_, RandomName()));
    key_.sequence = sequence;
    return file_->Add(key_, chunk);
  }

  Status Finish() override {
    if (file_ == nullptr) return {};
    return std::exchange(file_, nullptr)->Finish();
  }

 private:
  std::string folder_;
  ShuffleKey key_ = kChunks;
  std::unique_ptr<ShuffleFileWriter> file_;
};

class FileChunkScan final : public ChunkScan {
 public:
  FileChunkScan(std::unique_ptr<Scan> scan, uint32_t first)
      : scan_(std::move(scan)), sequence_(first) {
    scan_->SkipTo(first);
  }

  Result<std::optional<std::string>> Next() override {
    auto block = MINKE_TRY(scan_->Next());
    if (!block) return std::optional<std::string>();
    if (block->key.sequence != sequence_) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("chunk {} of a dataset's file is missing", sequence_)};
    }
    ++sequence_;
    return std::optional(std::move(block->bytes));
  }

 private:
  std::unique_ptr<Scan> scan_;
  uint32_t sequence_;
};

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::Open(const std::string& folder) {
  std::error_code error;
  for (const char* const within : {"/jobs", "/datasets", "/versions"}) {
    if (!error) fs::create_directories(folder + within, error);
  }
  if (error) {
    return Error{ErrorCode::kOutput,
                 fmt::format("cannot make {}: {}; name another folder", folder, error.message())};
  }
  std::unique_ptr<FileStore> store(new FileStore(folder));
  const FileLock lock = MINKE_TRY(FileLock::Take(folder + "/lock"));
  const auto format = ReadFile(folder + "/format");
  if (!format && format.error().code == ErrorCode::kNotFound) {
    MINKE_TRY_STATUS(WriteFileAtomically(folder + "/format", kFormat, true));
  } else if (!format) {
    return OfOurFile(format.error());
  } else if (*format != kFormat) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("{} is not a store of this version of minke: name another folder, or "
                             "use the minke that made it",
                             folder)};
  }
  // Of processes that were killed while they removed something.
  for (const std::string& name : MINKE_TRY(NamesIn(folder))) {
    if (name.starts_with(kRemoved)) fs::remove_all(fs::path(folder) / name, error);
  }
  return store;
}

std::string FileStore::TablePath(Incarnation job, const std::string& table) const {
  return fmt::format("{}/{}/shuffle/{}", folder_, job.Hex(), FileNameOf(table));
}

Result<std::optional<JobRow>> FileStore::GetJob(const std::string& name) {
  return ReadRow<JobRows>(folder_, name);
}

Result<JobRow> FileStore::CompareAndSetJob(const std::string& name,
                                           const std::optional<JobRow>& expected,
                                           const JobRow& desired) {
  return CompareAndSetRow<JobRows>(folder_, name, expected, desired);
}

Result<std::vector<std::string>> FileStore::ListJobs() { return ListRows<JobRows>(folder_); }

Status FileStore::PutBlock(Incarnation job, const std::string& name, Bytes block) {
  const std::string of_job = folder_ + "/" + job.Hex();
  const std::string folder = of_job + "/blocks";
  MINKE_TRY_STATUS(MakeFolder(of_job));
  MINKE_TRY_STATUS(MakeFolder(folder));
  return WriteFileAtomically(fmt::format("{}/{}", folder, FileNameOf(name)),
                             fmt::format("{}/.{}", folder, RandomName()), Wrap(name, block), true);
}

Result<std::string> FileStore::GetBlock(Incarnation job, const std::string& name) {
  const std::string path = fmt::format("{}/{}/blocks/{}", folder_, job.Hex(), FileNameOf(name));
  auto record = ReadRecord(path);
  if (!record && record.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no block {} in the store", name)};
  }
  if (!record) return std::move(record).error();
  if (record->name != name) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("{} holds the block {}, not {}", path, record->name, name)};
  }
  return std::move(record->content);
}

Status FileStore::MakeShuffleTable(Incarnation job, const std::string& table, const ShuffleShape&) {
  const std::string of_job = folder_ + "/" + job.Hex();
  MINKE_TRY_STATUS(MakeFolder(of_job));
  MINKE_TRY_STATUS(MakeFolder(of_job + "/shuffle"));
  return MakeFolder(TablePath(job, table));
}

Status FileStore::DropShuffleTable(Incarnation job, const std::string& table) {
  return Remove(TablePath(job, table));
}

Result<std::unique_ptr<ShuffleWriter>> FileStore::WriteShuffle(Incarnation job,
                                                               const std::string& table) {
  const std::string path = TablePath(job, table);
  if (!Exists(path)) return NoTable(table);
  return std::unique_ptr<ShuffleWriter>(std::make_unique<Writer>(table, path));
}

Result<std::unique_ptr<ShuffleScan>> FileStore::ScanShuffle(Incarnation job,
                                                            const std::string& table,
                                                            const ShuffleRange& range) {
  const std::string path = TablePath(job, table);
  if (!Exists(path)) return NoTable(table);
  auto scan = MINKE_TRY(Scan::Open(fmt::format("{}/{}", path, range.bucket), range.partition));
  return std::unique_ptr<ShuffleScan>(std::move(scan));
}

Status FileStore::PutSegment(Incarnation, AttemptId attempt, std::shared_ptr<const void>) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("a store in files keeps no segments, and attempt {} brings one: write "
                           "the output to a folder, with -o",
                           attempt.Text())};
}

Result<std::shared_ptr<const void>> FileStore::GetSegment(Incarnation, AttemptId attempt) {
  return Error{ErrorCode::kNotFound,
               fmt::format("attempt {} left no segment here", attempt.Text())};
}

void FileStore::DropSegment(Incarnation, AttemptId) {}

Result<std::optional<DatasetRow>> FileStore::GetDataset(const std::string& name) {
  return ReadRow<DatasetRows>(folder_, name);
}

Result<DatasetRow> FileStore::CompareAndSetDataset(const std::string& name,
                                                   const std::optional<DatasetRow>& expected,
                                                   const DatasetRow& desired) {
  return CompareAndSetRow<DatasetRows>(folder_, name, expected, desired);
}

Result<std::vector<std::string>> FileStore::ListDatasets() {
  return ListRows<DatasetRows>(folder_);
}

std::string FileStore::VersionPath(Incarnation version) const {
  return fmt::format("{}/versions/{}", folder_, version.Hex());
}

Result<std::unique_ptr<ChunkWriter>> FileStore::WriteDataset(const DatasetFile& file) {
  const std::string path = VersionPath(file.version);
  MINKE_TRY_STATUS(MakeFolder(path));
  const std::string folder = path + "/" + FolderNameOf(file);
  MINKE_TRY_STATUS(MakeFolder(folder));
  return std::unique_ptr<ChunkWriter>(std::make_unique<FileChunkWriter>(folder, file.attempt));
}

Result<std::unique_ptr<ChunkScan>> FileStore::ScanDataset(const DatasetFile& file, uint32_t first) {
  auto scan = MINKE_TRY(
      Scan::Open(VersionPath(file.version) + "/" + FolderNameOf(file), kChunks.partition));
  return std::unique_ptr<ChunkScan>(std::make_unique<FileChunkScan>(std::move(scan), first));
}

Status FileStore::DropDataset(Incarnation version) { return Remove(VersionPath(version)); }

Status FileStore::DropJob(Incarnation job) { return Remove(folder_ + "/" + job.Hex()); }

Result<std::vector<Incarnation>> FileStore::ListStored() {
  std::set<Incarnation> stored;
  for (const std::string& folder : {folder_, folder_ + "/versions"}) {
    for (const std::string& name : MINKE_TRY(NamesIn(folder))) {
      if (const auto incarnation = IncarnationOf(name)) stored.insert(*incarnation);
    }
  }
  return std::vector<Incarnation>(stored.begin(), stored.end());
}

// Gone at once for all who look by name, and bit by bit from the disk.
Status FileStore::Remove(const std::string& path) {
  const std::string removed = fmt::format("{}/{}{}", folder_, kRemoved, RandomName());
  if (rename(path.c_str(), removed.c_str()) != 0) {
    return errno == ENOENT ? Status{} : CannotWrite("remove", path, errno);
  }
  std::error_code error;
  fs::remove_all(removed, error);
  if (error) return CannotWrite("remove", removed, error.value());
  return SyncFolder(folder_);
}

}  // namespace minke
