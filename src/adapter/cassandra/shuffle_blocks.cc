#include "adapter/cassandra/shuffle_blocks.h"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>

#include "adapter/cassandra/pager.h"
#include "adapter/cassandra/write_queue.h"

namespace minke {
namespace {

constexpr char kColumns[] = "map_task, epoch, n, sequence, block";
constexpr size_t kBlockColumn = 4;

class Writer final : public ShuffleWriter {
 public:
  Writer(ShuffleAccess access, Connection::StatementPtr statement)
      : access_(std::move(access)),
        statement_(std::move(statement)),
        queue_(&access_.connection->dispatcher()) {}

  Status Put(const ShuffleKey& key, Bytes block) override {
    CqlValues values;
    values.Int32(key.partition).Int32(key.bucket).Int32(access_.table.SliceOf(key.sequence));
    values.Int32(key.map_task).Int64(key.attempt.epoch).Int64(key.attempt.n);
    values.Int32(key.sequence).Text(block);
    return Named(queue_.Put(statement_->Bind(values), block.size()));
  }

  Status Finish() override { return Named(queue_.Finish()); }

 private:
  Status Named(const Status& status) const {
    return status ? Status() : Status(access_.Named(status.error()));
  }

  ShuffleAccess access_;
  Connection::StatementPtr statement_;
  WriteQueue queue_;
};

// Slice 0 holds the beginning of every run. Where a run fills it, its further slices are read
// before the next run: one query a slice, of this run alone.
class Scan final : public ShuffleScan {
 public:
  Scan(ShuffleAccess access, const ShuffleRange& range)
      : access_(std::move(access)), range_(range) {}

  Status Open() {
    beginnings_ = MINKE_TRY(Query(0, nullptr));
    auto more = beginnings_->Next();
    if (!more) return access_.Named(more.error());
    is_at_row_ = *more;
    return {};
  }

  // A scan that was cut off in the middle is over: what it would go on with might lack something,
  // and that must never look like a loss.
  Result<std::optional<ShuffleBlock>> Next() override {
    if (failed_) return *failed_;
    auto block = Read();
    if (!block && block.error().code != ErrorCode::kCorruption) failed_ = block.error();
    return block;
  }

 private:
  Result<std::optional<ShuffleBlock>> Read() {
    while (rest_ != nullptr) {
      auto more = rest_->Next();
      if (!more) return access_.Named(more.error());
      if (*more) return Take(*rest_);
      MINKE_TRY_STATUS(EnterSlice(slice_ + 1));
    }
    if (!std::exchange(is_at_row_, false)) {
      auto more = beginnings_->Next();
      if (!more) return access_.Named(more.error());
      if (!*more) return std::optional<ShuffleBlock>();
    }
    auto block = Take(*beginnings_);
    slice_ = 0;
    MINKE_TRY_STATUS(EnterSlice(1));
    return block;
  }

  // The run goes on in `slice` if it has filled the one before.
  Status EnterSlice(uint64_t slice) {
    rest_.reset();
    if (uint64_t{last_.sequence} + 1 != slice * access_.table.span) return {};
    slice_ = slice;
    rest_ = MINKE_TRY(Query(static_cast<uint32_t>(slice), &last_));
    return {};
  }

  Result<std::unique_ptr<Pager>> Query(uint32_t slice, const ShuffleKey* of_run) {
    std::string cql =
        fmt::format("SELECT {} FROM @.{} WHERE partition = ? AND bucket = ? AND slice = ?",
                    kColumns, access_.table.cql_name);
    CqlValues values;
    values.Int32(range_.partition).Int32(range_.bucket).Int32(slice);
    if (of_run != nullptr) {
      cql += " AND map_task = ? AND epoch = ? AND n = ?";
      values.Int32(of_run->map_task).Int64(of_run->attempt.epoch).Int64(of_run->attempt.n);
    }
    auto statement = access_.connection->Statement(
        cql, range_.is_sure ? Consistency::kLocalQuorum : Consistency::kLocalOne);
    if (!statement) return access_.Named(statement.error());
    return std::make_unique<Pager>(&access_.connection->dispatcher(), *std::move(statement),
                                   std::move(values), Pager::Bulk{kBlockColumn});
  }

  Result<std::optional<ShuffleBlock>> Take(const Pager& pager) {
    const CqlResult& rows = pager.rows();
    const size_t row = pager.row();
    last_ = {range_.partition, range_.bucket, static_cast<uint32_t>(rows.int32(row, 0)),
             AttemptId{static_cast<uint64_t>(rows.int64(row, 1)),
                       static_cast<uint64_t>(rows.int64(row, 2))},
             static_cast<uint32_t>(rows.int32(row, 3))};
    if (rows.has_cell(row, kBlockColumn)) {
      return std::optional<ShuffleBlock>({last_, std::string(rows.bytes(row, kBlockColumn))});
    }
    return Error{ErrorCode::kCorruption,
                 fmt::format("shuffle table {}: block {} of map task {}, attempt {}, partition {} "
                             "is empty",
                             access_.table.name, last_.sequence, last_.map_task,
                             last_.attempt.Text(), last_.partition)};
  }

  ShuffleAccess access_;
  ShuffleRange range_;
  std::unique_ptr<Pager> beginnings_;  // of all runs: slice 0
  std::unique_ptr<Pager> rest_;        // of the run at hand: slice_
  uint64_t slice_ = 0;
  ShuffleKey last_;
  bool is_at_row_ = false;
  std::optional<Error> failed_;
};

}  // namespace

Error ShuffleAccess::Named(const Error& error) const {
  return error.code == ErrorCode::kNotFound ? tables->Gone(job, table.name) : error;
}

Result<std::unique_ptr<ShuffleWriter>> OpenShuffleWriter(const ShuffleAccess& access) {
  auto statement = access.connection->Statement(fmt::format(
      "INSERT INTO @.{} (partition, bucket, slice, map_task, epoch, n, sequence, block) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      access.table.cql_name));
  if (!statement) return access.Named(statement.error());
  return std::unique_ptr<ShuffleWriter>(std::make_unique<Writer>(access, *std::move(statement)));
}

Result<std::unique_ptr<ShuffleScan>> OpenShuffleScan(const ShuffleAccess& access,
                                                     const ShuffleRange& range) {
  auto scan = std::make_unique<Scan>(access, range);
  MINKE_TRY_STATUS(scan->Open());
  return std::unique_ptr<ShuffleScan>(std::move(scan));
}

}  // namespace minke
