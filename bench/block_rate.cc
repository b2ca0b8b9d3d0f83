// How fast blocks go to Cassandra and back: through the Store port, and through the bare driver,
// which writes and reads the same rows with as much in flight. Prints a line of JSON.
//
//   block_rate ADDRESS [MIB [PAIRS]]       256 MiB of incompressible blocks of 256 KiB, 5 pairs
//
// Both sides take turns, on tables of their own in a keyspace that is dropped at the end; what is
// read is compared with what was written. Rates are in MB/s, 10^6 bytes; a ratio is store / driver,
// the median of the pairs'. Exits with 1 if a block is not what was written.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

#include "adapter/cassandra/cassandra_setup.h"
#include "adapter/cassandra/cassandra_store.h"
#include "adapter/cassandra/connection.h"
#include "adapter/cassandra/cql_session.h"

namespace minke {
namespace {

constexpr size_t kBlockBytes = size_t{256} << 10;
constexpr size_t kInFlight = 32;  // 8 MiB
constexpr int32_t kPageRows = 16;
constexpr uint32_t kPartitions = 4;
constexpr Incarnation kJob{0xbe7c4};

[[noreturn]] void Fail(const std::string& text) {
  std::fprintf(stderr, "block_rate: %s\n", text.c_str());
  std::exit(1);
}

template <typename T>
T OrFail(Result<T> result) {
  if (!result) Fail(result.error().text);
  return *std::move(result);
}

void OrFail(const Status& status) {
  if (!status) Fail(status.error().text);
}

// Blocks that differ from each other; every one is a view of the same memory but for its number.
class Blocks {
 public:
  Blocks() : bytes_(size_t{16} << 20, '\0') {
    std::mt19937_64 random(1);
    for (size_t at = 0; at < bytes_.size(); at += 8) StoreLe(bytes_.data() + at, random());
  }
  Bytes Of(uint32_t number) const {
    return Bytes(bytes_).substr(uint64_t{number} * 4096 % (bytes_.size() - kBlockBytes),
                                kBlockBytes);
  }

 private:
  std::string bytes_;
};

struct Rates {
  double write = 0;
  double read = 0;
};

class Watch {
 public:
  double MbPerSecond(uint32_t blocks) const {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin_;
    return static_cast<double>(blocks) * kBlockBytes / 1e6 / seconds.count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// ---- through the port

Rates MeasureStore(Store& store, const std::string& table, const Blocks& blocks, uint32_t count) {
  OrFail(store.MakeShuffleTable(kJob, table, {.span = 1u << 30}));
  Rates rates;
  const Watch writing;
  auto writer = OrFail(store.WriteShuffle(kJob, table));
  for (uint32_t i = 0; i < count; ++i) {
    OrFail(writer->Put({i % kPartitions, 0, 0, {1, 1}, i / kPartitions}, blocks.Of(i)));
  }
  OrFail(writer->Finish());
  rates.write = writing.MbPerSecond(count);
  const Watch reading;
  for (uint32_t partition = 0; partition < kPartitions; ++partition) {
    const auto scan = OrFail(store.ScanShuffle(kJob, table, {partition, 0}));
    for (uint32_t i = partition; i < count; i += kPartitions) {
      const auto block = OrFail(scan->Next());
      if (!block || block->bytes != blocks.Of(i)) Fail("the store gave back another block");
    }
  }
  rates.read = reading.MbPerSecond(count);
  OrFail(store.DropShuffleTable(kJob, table));
  return rates;
}

// ---- through the driver

// Answers, dropped by the driver's threads.
class Mailbox {
 public:
  static void Drop(void* self, uint64_t, CqlOutcome<CqlResult> outcome) {
    auto* const mailbox = static_cast<Mailbox*>(self);
    const std::lock_guard lock(mailbox->mutex_);
    mailbox->answers_.push_back(std::move(outcome));
    mailbox->came_.notify_one();
  }
  CqlResult Take() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [&] { return !answers_.empty(); });
    CqlOutcome<CqlResult> answer = std::move(answers_.back());
    answers_.pop_back();
    if (!answer) Fail(answer.error().text);
    return *std::move(answer);
  }

 private:
  std::mutex mutex_;  // guards answers_
  std::condition_variable came_;
  std::vector<CqlOutcome<CqlResult>> answers_;
};

class BareDriver {
 public:
  BareDriver(const CassandraOptions& options, const std::string& table)
      : session_(OrFail(CqlSession::Connect(options))), table_(options.keyspace + "." + table) {
    session_->OnCompleted(&Mailbox::Drop, &mailbox_);
    Change(fmt::format(
        "CREATE TABLE {} (partition int, bucket int, slice int, map_task int, epoch bigint, n "
        "bigint, sequence int, block blob, "
        "PRIMARY KEY ((partition, bucket, slice), map_task, epoch, n, sequence)) "
        "WITH compression = {{'enabled': false}} AND gc_grace_seconds = 0 "
        "AND caching = {{'keys': 'NONE', 'rows_per_partition': 'NONE'}} "
        "AND compaction = {{'class': 'UnifiedCompactionStrategy', 'scaling_parameters': 'T8'}}",
        table_));
  }

  Rates Measure(const Blocks& blocks, uint32_t count) {
    Rates rates;
    const Watch writing;
    Write(blocks, count);
    rates.write = writing.MbPerSecond(count);
    const Watch reading;
    for (uint32_t partition = 0; partition < kPartitions; ++partition) {
      Read(blocks, count, partition);
    }
    rates.read = reading.MbPerSecond(count);
    Change("DROP TABLE " + table_);
    return rates;
  }

 private:
  void Change(const std::string& cql) {
    const auto changed = session_->ChangeSchema(cql);
    if (!changed) Fail(changed.error().text);
  }
  CqlStatement Prepare(const std::string& cql, Consistency consistency) {
    auto statement = session_->Prepare(cql, consistency);
    if (!statement) Fail(statement.error().text);
    return *std::move(statement);
  }

  void Write(const Blocks& blocks, uint32_t count) {
    const CqlStatement statement = Prepare(
        fmt::format("INSERT INTO {} (partition, bucket, slice, map_task, epoch, n, sequence, block)"
                    " VALUES (?, 0, 0, 0, 1, 1, ?, ?)",
                    table_),
        Consistency::kLocalQuorum);
    size_t in_flight = 0;
    for (uint32_t i = 0; i < count; ++i) {
      if (in_flight == kInFlight) {
        mailbox_.Take();
        --in_flight;
      }
      CqlValues values;
      values.Int32(i % kPartitions).Int32(i / kPartitions).Text(blocks.Of(i));
      session_->Send(statement.Bind(values), {}, i);
      ++in_flight;
    }
    for (; in_flight > 0; --in_flight) mailbox_.Take();
  }

  void Read(const Blocks& blocks, uint32_t count, uint32_t partition) {
    const CqlStatement statement =
        Prepare(fmt::format("SELECT sequence, block FROM {} WHERE partition = ? AND bucket = 0 AND "
                            "slice = 0",
                            table_),
                Consistency::kLocalOne);
    CqlValues values;
    values.Int32(partition);
    const CqlRequest request = statement.Bind(values, kPageRows);
    session_->Send(request, {}, 0);
    uint32_t next = partition;
    for (bool goes_on = true; goes_on;) {
      const CqlResult page = mailbox_.Take();
      const Bytes more = page.next_page();
      goes_on = !more.empty();
      if (goes_on) session_->Send(request, more, 0);
      for (size_t row = 0; row < page.rows(); ++row, next += kPartitions) {
        if (page.bytes(row, 1) != blocks.Of(next)) Fail("the driver gave back another block");
      }
    }
    if (next < count) Fail("the driver gave back too few blocks");
  }

  Mailbox mailbox_;
  std::unique_ptr<CqlSession> session_;
  std::string table_;
};

// ---- both in turn

struct Sides {
  std::vector<double> store;
  std::vector<double> driver;
  std::vector<double> ratios;

  void Add(double of_store, double of_driver) {
    store.push_back(of_store);
    driver.push_back(of_driver);
    ratios.push_back(of_store / of_driver);
  }
};

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::string JsonOf(const char* what, const Sides& sides) {
  return fmt::format(
      R"("{0}_ratio": {1:.3f}, "{0}_ratios": [{2:.3f}, {3:.3f}], "{0}_store_mb_s": {4:.1f}, )"
      R"("{0}_driver_mb_s": {5:.1f})",
      what, Median(sides.ratios), std::ranges::min(sides.ratios), std::ranges::max(sides.ratios),
      Median(sides.store), Median(sides.driver));
}

int Main(int argc, char** argv) {
  if (argc < 2 || argc > 4) Fail("usage: block_rate ADDRESS [MIB [PAIRS]]");
  const uint64_t mib = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 256;
  const uint64_t pairs = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 5;
  const auto count = static_cast<uint32_t>((mib << 20) / kBlockBytes);
  if (count < kPartitions || pairs == 0) Fail("too little to measure");
  CassandraOptions options;
  options.addresses = argv[1];
  options.keyspace = fmt::format("block_rate_{}", getpid());
  OrFail(SetUpCassandra(options, {}));
  const Blocks blocks;
  Sides writes;
  Sides reads;
  {
    const auto store = OrFail(CassandraStore::Open(options));
    for (uint64_t pair = 0; pair <= pairs; ++pair) {
      const Rates driver = BareDriver(options, fmt::format("bare_{}", pair)).Measure(blocks, count);
      const Rates of_store = MeasureStore(*store, fmt::format("t{}", pair), blocks, count);
      if (pair == 0) continue;  // the server warms up
      writes.Add(of_store.write, driver.write);
      reads.Add(of_store.read, driver.read);
    }
  }
  OrFail(OrFail(Connection::Open(options))
             ->dispatcher()
             .ChangeSchema("DROP KEYSPACE " + options.keyspace));
  fmt::print("{{\"blocks\": {}, \"pairs\": {}, {}, {}}}\n", count, pairs, JsonOf("write", writes),
             JsonOf("read", reads));
  return 0;
}

}  // namespace
}  // namespace minke

int main(int argc, char** argv) { return minke::Main(argc, argv); }
