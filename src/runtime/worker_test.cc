// The worker when log and store do not answer. That it does its work is shown by file_run_test and
// the tests of the command.
#include "runtime/worker.h"

#include <array>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "adapter/memory_log.h"
#include "adapter/memory_store.h"
#include "base/hash.h"
#include "control/plan.h"
#include "control/records_test.h"

namespace minke {
namespace {

constexpr Incarnation kJob{7};

class TestClock final : public Clock {
 public:
  int64_t NowMs() const override { return now_ms; }
  int64_t UnixMs() const override { return 1'700'000'000'000 + now_ms; }
  int64_t now_ms = 1;
};

// Attempts that do nothing until the test ends them.
class HandSlots final : public SlotPool {
 public:
  void Start(size_t slot, const JobContext*, AttemptSpec spec) override {
    started.emplace_back(slot, std::move(spec));
  }
  void Cancel(size_t slot) override { cancelled.push_back(slot); }
  std::vector<AttemptEnd> Ended() override { return {}; }
  size_t slots() const override { return pages_.size(); }
  std::span<const SlotPage> pages() const override { return pages_; }
  size_t running() const override { return started.size(); }

  std::vector<std::pair<size_t, AttemptSpec>> started;
  std::vector<size_t> cancelled;

 private:
  std::array<SlotPage, 2> pages_;
};

// Blocks are in it, but it may be away.
class AwayStore final : public MemoryStore {
 public:
  Result<std::string> GetBlock(Incarnation job, const std::string& name) override {
    ++gets;
    if (is_away) return Error{ErrorCode::kUnavailable, "the store does not answer"};
    return MemoryStore::GetBlock(job, name);
  }
  bool is_away = false;
  int gets = 0;
};

// Nobody answers who asks to read from one offset.
class AwayLog final : public Log {
 public:
  explicit AwayLog(const Clock* clock) : log_(clock) {}
  Status Create() override { return log_.Create(); }
  Status Append(Topic topic, std::string bytes) override {
    return log_.Append(topic, std::move(bytes));
  }
  Result<std::pair<int64_t, int64_t>> Range(Topic topic) override { return log_.Range(topic); }
  Result<std::unique_ptr<LogReader>> Read(Topic topic, int64_t from) override {
    if (from == away_at) return Error{ErrorCode::kUnavailable, "the log does not answer"};
    return log_.Read(topic, from);
  }
  Status Close() override { return log_.Close(); }
  void OnReady(std::function<void()> ready) override { log_.OnReady(std::move(ready)); }

  int64_t away_at = -1;

 private:
  MemoryLog log_;
};

// A worker in the map phase of a job by range, to which two tasks were assigned.
class WorkerTest : public testing::Test {
 protected:
  void SetUp() override {
    proto::Splitters splitters;
    splitters.add_keys("m");
    const std::string bytes = splitters.SerializeAsString();
    ASSERT_TRUE(store_.PutBlock(kJob, SplittersName(Hash64(bytes)), bytes));
    ASSERT_TRUE(log_.Create());
    for (const proto::JournalMessage& message :
         {Message(0, 0, {Claimed(1)}), Message(0, 1, {Opened(1, proto::PHASE_MAP)}),
          Message(0, 2, {Assigned({1, 0}, 1, 0, 70), Assigned({1, 1}, 2, 0)})}) {
      ASSERT_TRUE(log_.Append(Topic::kJournal, message.SerializeAsString()));
    }
    gate_.state = GateState::kOpen;
    gate_.incarnation = context_.incarnation = kJob;
    gate_.steps = {proto::PHASE_SAMPLE, proto::PHASE_MAP, proto::PHASE_REDUCE};
    gate_.phase_offset = 1;
    gate_.position.offset = 2;
    gate_.position.epoch = 0;
    gate_.position.sequence = 1;
    gate_.position.claims = {1};
    gate_.splitters = Hash64(bytes);
    StartWorker();
  }

  void StartWorker() {
    WorkerPorts ports{&log_, &store_, &clock_};
    ports.service_timeout_ms = 60'000;
    WorkerOptions options;
    options.id = {70};
    options.slots = 2;
    worker_ = std::make_unique<Worker>(ports, &context_, &slots_, options, gate_);
  }

  // On to the next time at which the worker wants to be called, over and over, for so long.
  void PassTime(int64_t ms) {
    const int64_t until_ms = clock_.now_ms + ms;
    for (int turns = 0; clock_.now_ms <= until_ms; ++turns) {
      ASSERT_LT(turns, 10'000);
      while (worker_->RunOnce()) ASSERT_LT(++turns, 10'000);
      clock_.now_ms = std::max(clock_.now_ms + 1, worker_->wake_at_ms());
    }
    clock_.now_ms = until_ms;
  }
  int64_t Heartbeats() { return log_.Range(Topic::kHeartbeat).value().second; }

  TestClock clock_;
  AwayLog log_{&clock_};
  AwayStore store_;
  HandSlots slots_;
  JobContext context_;
  GateAnswer gate_;
  std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, StartsItsAttemptsWithTheSplittersWhichItReadsOnce) {
  PassTime(10);
  ASSERT_EQ(slots_.started.size(), 2u);
  for (const auto& [slot, spec] : slots_.started) {
    EXPECT_EQ(spec.splitters, std::vector<std::string>{"m"});
  }
  EXPECT_EQ(store_.gets, 1);
}

// It reads the phase's message, and is to go on behind what others have done since.
TEST_F(WorkerTest, ALogThatGoesAwayBetweenItsTwoReadingsIsWaitedFor) {
  gate_.position.offset = 3;
  gate_.position.sequence = 2;
  StartWorker();
  log_.away_at = 3;
  PassTime(10'000);
  EXPECT_FALSE(worker_->exit()) << worker_->exit()->text;
  log_.away_at = -1;
  const proto::JournalMessage assigned = Message(0, 3, {Assigned({1, 2}, 3, 0, 70)});
  ASSERT_TRUE(log_.Append(Topic::kJournal, assigned.SerializeAsString()));
  PassTime(5'000);
  ASSERT_EQ(slots_.started.size(), 1u);
  EXPECT_EQ(slots_.started[0].second.task, (TaskId{1, 2}));
}

TEST_F(WorkerTest, AttemptsWaitForTheirSplittersAndHeartbeatsDoNotWaitForThem) {
  store_.is_away = true;
  PassTime(20'000);
  EXPECT_TRUE(slots_.started.empty());
  EXPECT_GE(Heartbeats(), 6);
  store_.is_away = false;
  PassTime(2'000);
  ASSERT_EQ(slots_.started.size(), 2u);
  EXPECT_EQ(slots_.started[0].second.splitters, std::vector<std::string>{"m"});
}

TEST_F(WorkerTest, AnAttemptThatWaitsForItsSplittersIsCancelledWithoutThem) {
  store_.is_away = true;
  PassTime(10);
  ASSERT_TRUE(log_.Append(Topic::kJournal, Message(0, 3, {Committed({0, 1})}).SerializeAsString()));
  PassTime(10);
  store_.is_away = false;
  PassTime(2'000);
  ASSERT_EQ(slots_.started.size(), 1u);
  EXPECT_EQ(slots_.started[0].second.task, (TaskId{1, 1}));
  EXPECT_TRUE(slots_.cancelled.empty());
}

TEST_F(WorkerTest, AStoreThatIsAwayForTooLongEndsTheWorkerWith75) {
  store_.is_away = true;
  PassTime(65'000);
  ASSERT_TRUE(worker_->exit());
  EXPECT_EQ(worker_->exit()->code, 75);
  EXPECT_NE(worker_->exit()->text.find("store"), std::string::npos);
}

TEST_F(WorkerTest, ATermWhileTheStoreIsAwayEndsAtOnce) {
  store_.is_away = true;
  PassTime(100);
  worker_->Stop();
  PassTime(0);
  ASSERT_TRUE(worker_->exit());
  EXPECT_EQ(worker_->exit()->code, 143);
  EXPECT_TRUE(slots_.started.empty());
}

}  // namespace
}  // namespace minke
