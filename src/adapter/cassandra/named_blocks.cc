#include "adapter/cassandra/named_blocks.h"

#include <algorithm>
#include <fmt/format.h>

#include "adapter/cassandra/key_text.h"
#include "adapter/cassandra/write_queue.h"
#include "base/hash.h"

namespace minke {
namespace {

constexpr char kPut[] =
    "INSERT INTO @.blocks (incarnation, shard, name, part, parts, checksum, bytes) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)";
constexpr char kGet[] =
    "SELECT part, parts, checksum, bytes FROM @.blocks "
    "WHERE incarnation = ? AND shard = ? AND name = ?";
constexpr char kDrop[] = "DELETE FROM @.blocks WHERE incarnation = ? AND shard IN ";

constexpr int32_t kPageRows = 8;

uint32_t ShardOf(const std::string& name) {
  return static_cast<uint32_t>(Hash64(name) % NamedBlocks::kShards);
}

}  // namespace

Status NamedBlocks::Put(Incarnation job, const std::string& name, Bytes block) {
  const auto statement = MINKE_TRY(connection_->Statement(kPut));
  const std::string incarnation = job.Hex();
  const std::string key = KeyTextOf(name);
  const uint64_t checksum = Hash64(block);
  const auto parts =
      static_cast<uint32_t>(std::max<size_t>(1, (block.size() + kPartBytes - 1) / kPartBytes));
  const auto put = [&](WriteQueue& queue, uint32_t part) {
    const Bytes bytes = block.substr(std::min(block.size(), size_t{part} * kPartBytes), kPartBytes);
    CqlValues values;
    values.Text(incarnation).Int32(ShardOf(name)).Text(key).Int32(part).Int32(parts);
    values.Int64(checksum).Text(bytes);
    return queue.Put(statement->Bind(values), bytes.size() + key.size());
  };
  WriteQueue queue(&connection_->dispatcher());
  for (uint32_t part = 1; part < parts; ++part) MINKE_TRY_STATUS(put(queue, part));
  MINKE_TRY_STATUS(queue.Finish());
  MINKE_TRY_STATUS(put(queue, 0));
  return queue.Finish();
}

Result<std::string> NamedBlocks::Get(Incarnation job, const std::string& name) {
  const auto statement = MINKE_TRY(connection_->Statement(kGet));
  Dispatcher& dispatcher = connection_->dispatcher();
  const std::string incarnation = job.Hex();
  const std::string key = KeyTextOf(name);
  const Error damaged{ErrorCode::kCorruption,
                      fmt::format("the block {} of job {} in {}.blocks does not hold what was put "
                                  "there; run the job anew with minke rerun",
                                  name, incarnation, connection_->keyspace())};
  std::string block;
  std::string page;
  int32_t next = 0;
  int32_t parts = 0;
  uint64_t checksum = 0;
  do {
    CqlValues values;
    values.Text(incarnation).Int32(ShardOf(name)).Text(key);
    const CqlResult rows = MINKE_TRY(dispatcher.Execute(statement->Bind(values, kPageRows), page));
    for (size_t row = 0; row < rows.rows(); ++row) {
      const int32_t part = rows.int32(row, 0);
      if (next == 0 && part == 0) {
        parts = rows.int32(row, 1);
        checksum = static_cast<uint64_t>(rows.int64(row, 2));
      }
      // Without its first row the block is not there yet, or was never whole.
      if (parts == 0) break;
      if (part != next++) return damaged;
      block += rows.bytes(row, 3);
    }
    page = rows.next_page();
  } while (!page.empty() && parts > 0);
  if (parts == 0) {
    return Error{ErrorCode::kNotFound, fmt::format("there is no block {} in the store", name)};
  }
  if (next != parts || Hash64(block) != checksum) return damaged;
  return block;
}

Status NamedBlocks::Drop(Incarnation job) {
  std::string cql = kDrop;
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    cql += fmt::format("{}{}", shard == 0 ? "(" : ", ", shard);
  }
  const auto statement = MINKE_TRY(connection_->Statement(cql + ")"));
  const std::string incarnation = job.Hex();
  CqlValues values;
  values.Text(incarnation);
  auto dropped = connection_->dispatcher().Execute(statement->Bind(values));
  return dropped ? Status() : Status(std::move(dropped).error());
}

}  // namespace minke
