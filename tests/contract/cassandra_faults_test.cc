// What may go wrong with a Cassandra: servers that refuse, are killed, stop or lose their answers.
#include <atomic>
#include <condition_variable>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <mutex>
#include <poll.h>
#include <thread>
#include <unistd.h>
#include <vector>

#include "adapter/cassandra/cassandra_setup.h"
#include "adapter/cassandra/cassandra_store.h"
#include "base/file.h"
#include "service_lane.h"
#include "store_contract.h"
#include "tcp_proxy.h"

namespace minke {
namespace {

constexpr Incarnation kJob{0xfa017};
const std::string kTable = "shuffle";
constexpr size_t kBlockBytes = 100'000;
constexpr uint32_t kBlocks = 8;  // of an attempt

CassandraOptions OptionsOf(const ServiceLane& lane, bool is_secure) {
  CassandraOptions options;
  options.addresses = lane.setting("MINKE_CASSANDRA");
  options.keyspace = fmt::format("faults_{}", getpid());
  if (!is_secure) return options;
  options.user = lane.setting("MINKE_CASSANDRA_USER");
  options.password_file = lane.setting("MINKE_CASSANDRA_PASSWORD_FILE");
  options.ca_file = lane.setting("MINKE_CASSANDRA_CA");
  return options;
}

// ---- who is refused

class CassandraRefuses : public testing::Test {
 protected:
  // The error of opening a store, which must be of this code, name the address and hold no secret.
  std::string RefusalOf(const CassandraOptions& options, ErrorCode code) {
    const auto store = CassandraStore::Open(options);
    EXPECT_FALSE(store);
    if (store) return "";
    const std::string& text = store.error().text;
    EXPECT_EQ(store.error().code, code) << text;
    EXPECT_NE(text.find(options.addresses), std::string::npos) << text;
    for (const char* name : {"password", "wrong-password"}) {
      const std::string secret = ReadFile(lane_.SecretFile(name)).value();
      EXPECT_EQ(text.find(secret.substr(0, secret.find('\n'))), std::string::npos) << text;
    }
    return text;
  }

  ServiceLane lane_ = ServiceLane::Running("secure", "cassandra");
  CassandraOptions options_ = OptionsOf(lane_, true);
};

TEST_F(CassandraRefuses, NobodyWithTheRightPasswordAndAuthority) {
  ASSERT_TRUE(SetUpCassandra(options_, {}));
  const auto store = CassandraStore::Open(options_);
  ASSERT_TRUE(store) << store.error().text;
  ASSERT_TRUE((*store)->PutBlock(kJob, "plan", "whale"));
  EXPECT_EQ((*store)->GetBlock(kJob, "plan").value(), "whale");
}

TEST_F(CassandraRefuses, AWrongPassword) {
  options_.password_file = lane_.SecretFile("wrong-password");
  EXPECT_NE(RefusalOf(options_, ErrorCode::kConfiguration).find("password"), std::string::npos);
}

TEST_F(CassandraRefuses, NoPasswordAtAll) {
  options_.user.clear();
  EXPECT_NE(RefusalOf(options_, ErrorCode::kConfiguration).find("password"), std::string::npos);
}

TEST_F(CassandraRefuses, AnAuthorityThatSignedNothingThere) {
  options_.ca_file = lane_.SecretFile("other-ca.pem");
  EXPECT_NE(RefusalOf(options_, ErrorCode::kConfiguration).find("certificate"), std::string::npos);
}

TEST_F(CassandraRefuses, AHostThatTheCertificateIsNotFor) {
  ASSERT_TRUE(SetUpCassandra(options_, {}));
  const TcpProxy proxy("127.0.0.2", options_.addresses);
  // The node says that it is 127.0.0.1; its port is that of whom we asked.
  const TcpProxy node("127.0.0.1", options_.addresses, proxy.port());
  CassandraOptions other = options_;
  other.addresses = proxy.address();
  EXPECT_NE(RefusalOf(other, ErrorCode::kConfiguration).find("certificate"), std::string::npos);
  other.check_host = false;
  EXPECT_TRUE(CassandraStore::Open(other)) << "unless told not to look";
  other.check_host = true;
  other.addresses = proxy.address() + ",127.0.0.1:1";
  EXPECT_TRUE(CassandraStore::Open(other)) << "it is for a host that was named";
}

TEST_F(CassandraRefuses, AServerWithoutTls) {
  const ServiceLane plain = ServiceLane::Running("plain", "cassandra");
  options_.addresses = plain.setting("MINKE_CASSANDRA");
  RefusalOf(options_, ErrorCode::kConfiguration);
}

TEST_F(CassandraRefuses, AClientWithoutTls) {
  options_.ca_file.clear();
  options_.connect_timeout_ms = 1000;
  RefusalOf(options_, ErrorCode::kUnavailable);
}

TEST_F(CassandraRefuses, APortWhereNobodyListens) {
  {
    const TcpProxy gone("127.0.0.1", options_.addresses);
    options_.addresses = gone.address();
  }
  RefusalOf(options_, ErrorCode::kUnavailable);
}

TEST_F(CassandraRefuses, AHostThatIsNotThere) {
  options_.addresses = "no-such-host.invalid:9042";
  RefusalOf(options_, ErrorCode::kUnavailable);
}

TEST_F(CassandraRefuses, AKeyspaceThatWasNeverMade) {
  options_.keyspace = "never_made";
  const std::string text = RefusalOf(options_, ErrorCode::kConfiguration);
  EXPECT_NE(text.find("minke setup"), std::string::npos) << text;
}

TEST_F(CassandraRefuses, ANameThatCannotBeAKeyspace) {
  for (const char* name : {"", "Minke", "a;b", "9a", "a-b"}) {
    options_.keyspace = name;
    EXPECT_EQ(CassandraStore::Open(options_).error().code, ErrorCode::kConfiguration) << name;
  }
}

TEST_F(CassandraRefuses, APasswordFileThatIsNotThere) {
  options_.password_file = "/no/such/file";
  const auto store = CassandraStore::Open(options_);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(store.error().text.find("/no/such/file"), std::string::npos) << store.error().text;
}

// ---- what is survived

std::string BlockOf(uint32_t attempt, uint32_t sequence) {
  std::string block = fmt::format("attempt {} block {} ", attempt, sequence);
  block.resize(kBlockBytes, static_cast<char>('a' + (attempt + sequence) % 26));
  return block;
}

// Writes attempts, one after the other, until told to stop.
class Writing {
 public:
  explicit Writing(Store* store) : store_(store), thread_([this] { Run(); }) {}
  ~Writing() { Stop(); }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;

  // Until so many more are acknowledged; false: not within a minute, or writing has failed.
  bool WaitForMore(uint32_t attempts) {
    std::unique_lock lock(mutex_);
    const uint32_t wanted = acknowledged_ + attempts;
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] {
      return acknowledged_ >= wanted || !error_.empty();
    }) && error_.empty();
  }
  // How many attempts were acknowledged.
  uint32_t Stop() {
    stops_ = true;
    if (thread_.joinable()) thread_.join();
    return acknowledged_;
  }
  std::string error() {
    const std::lock_guard lock(mutex_);
    return error_;
  }

 private:
  void Run() {
    for (uint32_t attempt = 0; !stops_; ++attempt) {
      const Status status = Write(attempt);
      const std::lock_guard lock(mutex_);
      if (status) {
        ++acknowledged_;
      } else {
        error_ = status.error().text;
      }
      changed_.notify_all();
      if (!status) return;
    }
  }
  Status Write(uint32_t attempt) {
    auto writer = MINKE_TRY(store_->WriteShuffle(kJob, kTable));
    for (uint32_t sequence = 0; sequence < kBlocks; ++sequence) {
      MINKE_TRY_STATUS(
          writer->Put({0, 0, attempt, {1, attempt + 1}, sequence}, BlockOf(attempt, sequence)));
    }
    return writer->Finish();
  }

  Store* store_;
  std::atomic<bool> stops_ = false;
  std::mutex mutex_;  // guards the two below
  uint32_t acknowledged_ = 0;
  std::string error_;
  std::condition_variable changed_;
  std::jthread thread_;
};

// AddressSanitizer keeps what is freed for a while.
#ifdef __SANITIZE_ADDRESS__
constexpr size_t kKeptBytes = size_t{512} << 20;
#else
constexpr size_t kKeptBytes = 0;
#endif

size_t ResidentBytes() {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages >> pages;
  return pages * static_cast<size_t>(getpagesize());
}

class CassandraFaults : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(lane_.Tell("start cassandra"));
    options_.keyspace = fmt::format("{}_{}", options_.keyspace, ++tests);
    const Status set_up = SetUpCassandra(options_, {});
    ASSERT_TRUE(set_up) << set_up.error().text;
  }
  void TearDown() override { EXPECT_TRUE(lane_.Tell("cont cassandra")); }

  std::unique_ptr<CassandraStore> Open() { return CassandraStore::Open(options_).value(); }
  // Every block of that many attempts is there, as it was written.
  void ExpectAll(Store& store, uint32_t attempts) {
    const auto scan = store.ScanShuffle(kJob, kTable, {0, 0, true}).value();
    for (uint32_t attempt = 0; attempt < attempts; ++attempt) {
      for (uint32_t sequence = 0; sequence < kBlocks; ++sequence) {
        const auto block = scan->Next().value();
        ASSERT_TRUE(block) << attempt << "/" << sequence;
        ASSERT_EQ(block->key.map_task, attempt);
        ASSERT_EQ(block->key.sequence, sequence);
        ASSERT_TRUE(block->bytes == BlockOf(attempt, sequence));
      }
    }
  }
  // The server stops for so long, then `look` is called, and it goes on.
  void StopFor(int ms, const std::function<void()>& look) {
    ASSERT_TRUE(lane_.Tell("stop cassandra"));
    poll(nullptr, 0, ms);
    look();
    ASSERT_TRUE(lane_.Tell("cont cassandra"));
  }

  static inline int tests = 0;
  ServiceLane lane_ = ServiceLane::Running("store-faults", "cassandra");
  CassandraOptions options_ = OptionsOf(lane_, false);
};

TEST_F(CassandraFaults, KilledAndStartedAgainNothingThatWasAcknowledgedIsLost) {
  auto store = Open();
  ASSERT_TRUE(store->MakeShuffleTable(kJob, kTable, {.span = 256}));
  Writing writing(store.get());
  for (int kills = 0; kills < 2; ++kills) {
    ASSERT_TRUE(writing.WaitForMore(5)) << writing.error();
    ASSERT_TRUE(lane_.Tell("kill cassandra"));
    ASSERT_TRUE(lane_.Tell("start cassandra"));
    ASSERT_TRUE(writing.WaitForMore(5)) << "it goes on by itself: " << writing.error();
  }
  const uint32_t attempts = writing.Stop();
  EXPECT_GT(store->load().retries, 0u);
  ExpectAll(*store, attempts);
  ExpectAll(*Open(), attempts);
}

TEST_F(CassandraFaults, StoppedForFiveSecondsNothingFailsAndMemoryStaysBounded) {
  auto store = Open();
  ASSERT_TRUE(store->MakeShuffleTable(kJob, kTable, {.span = 256}));
  Writing writing(store.get());
  ASSERT_TRUE(writing.WaitForMore(20)) << writing.error();
  const size_t before = ResidentBytes();
  const uint64_t retries = store->load().retries;
  // Looked at while it is stopped: once it goes on, a busy server itself gives up on writes that
  // have waited for too long, and these are sent again.
  StopFor(5000, [&] {
    const CassandraLoad load = store->load();
    EXPECT_LE(load.in_flight_bytes, load.window_bytes);
    EXPECT_LT(ResidentBytes(), before + (32u << 20) + kKeptBytes);
    EXPECT_EQ(load.retries, retries) << "the time-out is longer than that";
  });
  ASSERT_TRUE(writing.WaitForMore(5)) << writing.error();
  ExpectAll(*store, writing.Stop());
}

TEST_F(CassandraFaults, WhatTimesOutIsWrittenAgainAndLessIsInFlight) {
  options_.request_timeout_ms = 300;
  auto store = Open();
  ASSERT_TRUE(store->MakeShuffleTable(kJob, kTable, {.span = 256}));
  Writing writing(store.get());
  ASSERT_TRUE(writing.WaitForMore(5)) << writing.error();
  ASSERT_TRUE(lane_.Tell("stop cassandra"));
  poll(nullptr, 0, 2000);
  const CassandraLoad stopped = store->load();
  EXPECT_LT(stopped.window_bytes, size_t{4} << 20);
  EXPECT_LT(stopped.retries, 200u) << "no storm of requests";
  ASSERT_TRUE(lane_.Tell("cont cassandra"));
  ASSERT_TRUE(writing.WaitForMore(5)) << writing.error();
  EXPECT_GT(store->load().retries, 0u);
  ExpectAll(*store, writing.Stop());
}

TEST_F(CassandraFaults, AfterTheDeadlineTheCallSaysSoAndTheNextOneWorks) {
  options_.request_timeout_ms = 300;
  options_.deadline_ms = 1500;
  auto store = Open();
  ASSERT_TRUE(store->PutBlock(kJob, "plan", "whale"));
  ASSERT_TRUE(lane_.Tell("stop cassandra"));
  const Status put = store->PutBlock(kJob, "late", "minke");
  const auto got = store->GetBlock(kJob, "plan");
  ASSERT_TRUE(lane_.Tell("cont cassandra"));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(put.error().text.find(options_.addresses), std::string::npos) << put.error().text;
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
  options_.deadline_ms = 60'000;
  store = Open();
  EXPECT_TRUE(store->PutBlock(kJob, "late", "minke"));
  EXPECT_EQ(store->GetBlock(kJob, "late").value(), "minke");
}

// The history timeout-is-not-loss: what is read must end in an error, or be whole.
TEST_F(CassandraFaults, AScanThatWasCutOffSaysSoForEverAndNeverLooksLikeALoss) {
  options_.request_timeout_ms = 300;
  options_.deadline_ms = 1500;
  constexpr uint32_t kLarge = 100;
  auto store = Open();
  ASSERT_TRUE(store->MakeShuffleTable(kJob, kTable, {.span = 256}));
  const auto writer = store->WriteShuffle(kJob, kTable).value();
  for (uint32_t i = 0; i < kLarge; ++i) {
    ASSERT_TRUE(writer->Put({0, 0, 0, {1, 1}, i}, std::string(size_t{256} << 10, 'x')));
  }
  ASSERT_TRUE(writer->Finish());
  const auto scan = store->ScanShuffle(kJob, kTable, {0, 0}).value();
  ASSERT_TRUE(lane_.Tell("stop cassandra"));
  uint32_t blocks = 0;
  auto block = scan->Next();
  for (; block && *block; block = scan->Next()) ++blocks;
  ASSERT_TRUE(lane_.Tell("cont cassandra"));
  ASSERT_FALSE(block) << "after " << blocks;
  EXPECT_EQ(block.error().code, ErrorCode::kUnavailable) << block.error().text;
  EXPECT_LT(blocks, kLarge);
  EXPECT_EQ(scan->Next().error().code, ErrorCode::kUnavailable) << "though it is back";
  options_.deadline_ms = 60'000;
  store = Open();
  const auto again = store->ScanShuffle(kJob, kTable, {0, 0}).value();
  for (uint32_t i = 0; i < kLarge; ++i) ASSERT_TRUE(again->Next().value()) << i;
}

TEST_F(CassandraFaults, ACompareAndSetWhoseAnswerIsLostIsReadBack) {
  options_.request_timeout_ms = 300;
  const JobRow row{kJob, 7, JobState::kOpen, 0};
  const JobRow accepted{kJob, 7, JobState::kAccepted, 0};
  TcpProxy proxy("127.0.0.1", options_.addresses);
  CassandraOptions through = options_;
  through.addresses = proxy.address();
  auto store = CassandraStore::Open(through).value();
  auto other = Open();
  // Statements are prepared before answers begin to be lost.
  ASSERT_EQ(store->CompareAndSetJob("warm", std::nullopt, row).value(), row);
  ASSERT_EQ(store->CompareAndSetJob("warm", row, accepted).value(), accepted);
  for (const bool is_new : {true, false}) {
    const auto before = is_new ? std::nullopt : std::optional(row);
    const JobRow after = is_new ? row : accepted;
    proxy.LoseAnswers();
    Result<JobRow> stands;
    std::jthread setting([&] { stands = store->CompareAndSetJob("j", before, after); });
    // It has landed, and nobody has told the one who set it.
    while (other->GetJob("j").value() != after) poll(nullptr, 0, 10);
    proxy.Heal();
    setting.join();
    ASSERT_TRUE(stands) << stands.error().text;
    EXPECT_EQ(*stands, after);
    EXPECT_EQ(other->GetJob("j").value(), after);
  }
}

TEST_F(CassandraFaults, ACompareAndSetWhoseAnswerIsLostMayHaveBeenOvertaken) {
  options_.request_timeout_ms = 300;
  const JobRow row{kJob, 7, JobState::kOpen, 0};
  const JobRow accepted{kJob, 7, JobState::kAccepted, 0};
  TcpProxy proxy("127.0.0.1", options_.addresses);
  CassandraOptions through = options_;
  through.addresses = proxy.address();
  auto store = CassandraStore::Open(through).value();
  auto other = Open();
  ASSERT_EQ(store->CompareAndSetJob("warm", std::nullopt, row).value(), row);
  proxy.LoseAnswers();
  Result<JobRow> stands;
  std::jthread setting([&] { stands = store->CompareAndSetJob("j", std::nullopt, row); });
  while (other->GetJob("j").value() != row) poll(nullptr, 0, 10);
  ASSERT_EQ(other->CompareAndSetJob("j", row, accepted).value(), accepted);
  proxy.Heal();
  setting.join();
  ASSERT_TRUE(stands) << stands.error().text;
  EXPECT_EQ(*stands, accepted) << "the row that stands";
}

// ---- what it costs

TEST_F(CassandraFaults, FourWritersShareOneWindowAndNothingIsLost) {
  options_.in_flight_share_bytes = size_t{2} << 20;
  auto store = Open();
  ASSERT_TRUE(store->MakeShuffleTable(kJob, kTable, {.span = 256}));
  constexpr uint32_t kWriters = 4;
  constexpr uint32_t kEach = 100;
  const std::string block(size_t{256} << 10, 'x');
  const size_t before = ResidentBytes();
  std::atomic<size_t> most_in_flight = 0;
  {
    std::vector<std::jthread> threads;
    for (uint32_t map_task = 0; map_task < kWriters; ++map_task) {
      threads.emplace_back([&, map_task] {
        auto writer = store->WriteShuffle(kJob, kTable).value();
        for (uint32_t i = 0; i < kEach; ++i) {
          EXPECT_TRUE(writer->Put({0, 0, map_task, {1, map_task + 1}, i}, block));
          const size_t in_flight = store->load().in_flight_bytes;
          for (size_t most = most_in_flight;
               in_flight > most && !most_in_flight.compare_exchange_weak(most, in_flight);) {
          }
        }
        EXPECT_TRUE(writer->Finish());
      });
    }
  }
  EXPECT_LE(most_in_flight, options_.in_flight_share_bytes);
  EXPECT_GT(most_in_flight, options_.in_flight_share_bytes / 2);
  EXPECT_LT(ResidentBytes(), before + (64u << 20) + kKeptBytes) << "of 100 MiB that were written";
  EXPECT_EQ(store->load().in_flight_bytes, 0u);
  const auto scan = store->ScanShuffle(kJob, kTable, {0, 0, true}).value();
  for (uint32_t i = 0; i < kWriters * kEach; ++i) ASSERT_TRUE(scan->Next().value().has_value());
  EXPECT_FALSE(scan->Next().value().has_value());
}

TEST_F(CassandraFaults, ABlockIsOneRequestAndAScanOneForFourMebibytes) {
  auto store = Open();
  ASSERT_TRUE(store->MakeShuffleTable(kJob, kTable, {.span = 256}));
  constexpr uint32_t kLarge = 64;
  const std::string block(size_t{256} << 10, 'x');
  auto writer = store->WriteShuffle(kJob, kTable).value();
  uint64_t before = store->load().requests;
  for (uint32_t i = 0; i < kLarge; ++i) ASSERT_TRUE(writer->Put({0, 0, 0, {1, 1}, i}, block));
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(store->load().requests - before, kLarge);
  before = store->load().requests;
  const auto scan = store->ScanShuffle(kJob, kTable, {0, 0}).value();
  for (uint32_t i = 0; i < kLarge; ++i) ASSERT_TRUE(scan->Next().value().has_value());
  ASSERT_FALSE(scan->Next().value().has_value());
  EXPECT_LE(store->load().requests - before, kLarge / 16 + 1);
}

}  // namespace
}  // namespace minke
