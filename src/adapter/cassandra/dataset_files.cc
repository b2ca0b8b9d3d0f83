#include "adapter/cassandra/dataset_files.h"

#include <algorithm>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "adapter/cassandra/key_text.h"
#include "adapter/cassandra/pager.h"
#include "adapter/cassandra/write_queue.h"
#include "base/hash.h"

namespace minke {
namespace {

constexpr char kAddSlice[] =
    "INSERT INTO @.dataset_files (version, epoch, n, name, slice) VALUES (?, ?, ?, ?, ?)";
constexpr char kSlicesOfFile[] =
    "SELECT slice FROM @.dataset_files WHERE version = ? AND epoch = ? AND n = ? AND name = ?";
constexpr char kSlicesOfVersion[] =
    "SELECT epoch, n, name, slice FROM @.dataset_files WHERE version = ?";
constexpr char kRemoveVersion[] = "DELETE FROM @.dataset_files WHERE version = ?";
constexpr char kPut[] =
    "INSERT INTO @.dataset_chunks (version, epoch, n, name, slice, sequence, piece, pieces, "
    "checksum, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr char kGet[] =
    "SELECT sequence, piece, pieces, checksum, bytes FROM @.dataset_chunks WHERE version = ? AND "
    "epoch = ? AND n = ? AND name = ? AND slice = ? AND sequence >= ?";
constexpr char kDropSlice[] =
    "DELETE FROM @.dataset_chunks WHERE version = ? AND epoch = ? AND n = ? AND name = ? AND "
    "slice = ?";
constexpr size_t kBytesColumn = 4;  // of kGet

constexpr int32_t kSlicePageRows = 1000;
// What dropping a slice counts as: some tens at once.
constexpr size_t kDropBytes = size_t{64} << 10;

// A file's part of a key. Its texts are looked at by the values that it adds itself to.
struct FileKey {
  explicit FileKey(const DatasetFile& file)
      : version(file.version.Hex()), attempt(file.attempt), name(KeyTextOf(file.name)) {}

  CqlValues Values() const {
    CqlValues values;
    values.Text(version).Int64(attempt.epoch).Int64(attempt.n).Text(name);
    return values;
  }

  std::string version;
  AttemptId attempt;
  std::string name;
};

class Writer final : public ChunkWriter {
 public:
  Writer(Connection* connection, const DatasetFile& file)
      : connection_(connection), key_(file), queue_(&connection->dispatcher()) {}

  Status Put(uint32_t sequence, Bytes chunk) override {
    const uint32_t slice = sequence / DatasetFiles::kSliceChunks;
    MINKE_TRY_STATUS(AddSlice(slice));
    if (put_ == nullptr) put_ = MINKE_TRY(connection_->Statement(kPut));
    constexpr size_t kPieceBytes = DatasetFiles::kPieceBytes;
    const auto pieces =
        static_cast<uint32_t>(std::max<size_t>(1, (chunk.size() + kPieceBytes - 1) / kPieceBytes));
    const uint64_t checksum = Hash64(chunk);
    for (uint32_t piece = 0; piece < pieces; ++piece) {
      const Bytes bytes =
          chunk.substr(std::min(chunk.size(), size_t{piece} * kPieceBytes), kPieceBytes);
      CqlValues values = key_.Values();
      values.Int32(slice).Int32(sequence).Int32(piece).Int32(pieces).Int64(checksum).Text(bytes);
      MINKE_TRY_STATUS(queue_.Put(put_->Bind(values), bytes.size() + key_.name.size()));
    }
    return {};
  }

  Status Finish() override { return queue_.Finish(); }

 private:
  // Acknowledged before the first chunk of the slice is sent.
  Status AddSlice(uint32_t slice) {
    if (slices_.contains(slice)) return {};
    const auto statement = MINKE_TRY(connection_->Statement(kAddSlice));
    CqlValues values = key_.Values();
    values.Int32(slice);
    auto added = connection_->dispatcher().Execute(statement->Bind(values));
    if (!added) return std::move(added).error();
    slices_.insert(slice);
    return {};
  }

  Connection* connection_;
  FileKey key_;
  WriteQueue queue_;
  Connection::StatementPtr put_;
  std::set<uint32_t> slices_;
};

class FileScan final : public ChunkScan {
 public:
  FileScan(Connection* connection, const DatasetFile& file, uint32_t first)
      : connection_(connection), key_(file), next_(first) {}

  Status Open() {
    const auto statement = MINKE_TRY(connection_->Statement(kSlicesOfFile));
    const CqlResult rows =
        MINKE_TRY(connection_->dispatcher().Execute(statement->Bind(key_.Values())));
    for (size_t row = 0; row < rows.rows(); ++row) {
      last_slice_ = std::max(last_slice_, int64_t{rows.int32(row, 0)});
    }
    return {};
  }

  // After an error the scan is over: a chunk may have been read in part.
  Result<std::optional<std::string>> Next() override {
    if (failed_) return *failed_;
    auto chunk = Read();
    if (!chunk) failed_ = chunk.error();
    return chunk;
  }

 private:
  Result<std::optional<std::string>> Read() {
    const int64_t slice = next_ / DatasetFiles::kSliceChunks;
    if (slice > last_slice_) return std::optional<std::string>();
    if (pager_ == nullptr) MINKE_TRY_STATUS(Enter(static_cast<uint32_t>(slice)));
    if (!MINKE_TRY(pager_->Next())) {
      if (slice == last_slice_) return std::optional<std::string>();
      return Damaged("is missing");
    }
    if (pager_->rows().int32(pager_->row(), 0) != static_cast<int32_t>(next_)) {
      return Damaged("is missing");
    }
    std::string chunk;
    if (!MINKE_TRY(TakePieces(chunk))) return Damaged("does not hold what was put there");
    ++next_;
    if (next_ % DatasetFiles::kSliceChunks == 0) pager_.reset();
    return std::optional(std::move(chunk));
  }

  Status Enter(uint32_t slice) {
    auto statement = MINKE_TRY(connection_->Statement(kGet));
    // The pager keeps the values for longer than this call: the key's texts are as old as it.
    CqlValues values = key_.Values();
    values.Int32(slice).Int32(next_);
    pager_ = std::make_unique<Pager>(&connection_->dispatcher(), std::move(statement),
                                     std::move(values), Pager::Bulk{kBytesColumn});
    return {};
  }

  // From the row at hand on; false: not what was written.
  Result<bool> TakePieces(std::string& chunk) {
    const auto cell = [&](size_t column) { return pager_->rows().int32(pager_->row(), column); };
    const int32_t pieces = cell(2);
    const auto checksum = static_cast<uint64_t>(pager_->rows().int64(pager_->row(), 3));
    for (int32_t piece = 0;; ++piece) {
      if (cell(0) != static_cast<int32_t>(next_) || cell(1) != piece || cell(2) != pieces) {
        return false;
      }
      chunk += pager_->rows().bytes(pager_->row(), kBytesColumn);
      if (piece + 1 >= pieces) break;
      if (!MINKE_TRY(pager_->Next())) return false;
    }
    return Hash64(chunk) == checksum;
  }

  Error Damaged(Bytes what) const {
    return Error{ErrorCode::kCorruption,
                 fmt::format("chunk {} of file {}, attempt {}, of the dataset version {} {}", next_,
                             key_.name, key_.attempt.Text(), key_.version, what)};
  }

  Connection* connection_;
  FileKey key_;
  uint32_t next_;
  int64_t last_slice_ = -1;
  std::unique_ptr<Pager> pager_;  // over the slice of next_
  std::optional<Error> failed_;
};

}  // namespace

Result<std::unique_ptr<ChunkWriter>> DatasetFiles::Write(const DatasetFile& file) {
  return std::unique_ptr<ChunkWriter>(std::make_unique<Writer>(connection_, file));
}

Result<std::unique_ptr<ChunkScan>> DatasetFiles::Scan(const DatasetFile& file, uint32_t first) {
  auto scan = std::make_unique<FileScan>(connection_, file, first);
  MINKE_TRY_STATUS(scan->Open());
  return std::unique_ptr<ChunkScan>(std::move(scan));
}

Status DatasetFiles::Drop(Incarnation version) {
  Dispatcher& dispatcher = connection_->dispatcher();
  const auto list = MINKE_TRY(connection_->Statement(kSlicesOfVersion));
  const auto drop = MINKE_TRY(connection_->Statement(kDropSlice));
  const auto remove = MINKE_TRY(connection_->Statement(kRemoveVersion));
  const std::string hex = version.Hex();
  CqlValues of_version;
  of_version.Text(hex);
  WriteQueue queue(&dispatcher);
  std::string page;
  do {
    const CqlResult rows =
        MINKE_TRY(dispatcher.Execute(list->Bind(of_version, kSlicePageRows), page));
    for (size_t row = 0; row < rows.rows(); ++row) {
      CqlValues values;
      values.Text(hex).Int64(static_cast<uint64_t>(rows.int64(row, 0)));
      values.Int64(static_cast<uint64_t>(rows.int64(row, 1))).Text(rows.bytes(row, 2));
      values.Int32(static_cast<uint32_t>(rows.int32(row, 3)));
      MINKE_TRY_STATUS(queue.Put(drop->Bind(values), kDropBytes));
    }
    page = rows.next_page();
  } while (!page.empty());
  MINKE_TRY_STATUS(queue.Finish());
  auto removed = dispatcher.Execute(remove->Bind(of_version));
  return removed ? Status() : Status(std::move(removed).error());
}

}  // namespace minke
