// A job seen and asked from outside, while a real master of it runs on logs in memory and its
// worker is the test.
#include "runtime/journal/job_follower.h"

#include <atomic>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "adapter/memory_log.h"
#include "adapter/memory_store.h"
#include "adapter/system_clock.h"
#include "control/plan.h"
#include "runtime/journal/job_request.h"
#include "runtime/master.h"
#include "task/attempt.h"

namespace minke {
namespace {

// A job of two map tasks.
class JobFollowerTest : public testing::Test {
 protected:
  void SetUp() override {
    MasterPorts ports;
    ports.open_log = [this](Incarnation) { return std::make_unique<MemoryLog>(log_); };
    ports.store = &store_;
    ports.clock = &clock_;
    ports.random_bits = RandomBits;
    MasterDuties duties;
    duties.make_plan = []() -> Result<proto::Plan> {
      proto::Plan plan;
      plan.set_partitions(1);
      plan.set_attempts_max(4);
      plan.add_files()->set_size(1'000);
      proto::Step* step = plan.add_steps();
      step->set_kind(proto::PHASE_MAP);
      step->set_tasks(2);
      return plan;
    };
    duties.publish = [](const Publish& publish, const proto::Manifest&) -> Result<uint64_t> {
      return publish.mine;
    };
    MasterOptions options;
    options.job_name = "books";
    options.uuid = 1;
    options.fresh_incarnation = incarnation_;
    master_ = std::make_unique<Master>(std::move(ports), std::move(duties), options);
    Settle();
  }

  void Settle() {
    for (int turns = 0; master_->RunOnce(); ++turns) ASSERT_LT(turns, 10'000);
  }

  void Tell(const std::function<void(proto::Fact&)>& fill) {
    proto::InboxMessage message;
    fill(*message.add_facts());
    ASSERT_TRUE(log_.Append(Topic::kInbox, message.SerializeAsString()));
    Settle();
  }
  void Join() {
    Tell([](proto::Fact& fact) {
      fact.mutable_worker_joined()->set_worker_id(70);
      fact.mutable_worker_joined()->set_slots(1);
      fact.mutable_worker_joined()->set_role(proto::PHASE_MAP);
    });
  }
  // One of the attempts that are assigned ends well.
  void End() {
    const AttemptId attempt = master_->brain().job().live().begin()->first;
    proto::Report report;
    report.set_records_in(10);
    report.set_bytes_in(500);
    ASSERT_TRUE(store_.PutBlock(incarnation_, ReportName(attempt), report.SerializeAsString()));
    Tell([&](proto::Fact& fact) { ToProto(attempt, fact.mutable_task_done()->mutable_attempt()); });
  }

  FollowerPorts Ports() {
    FollowerPorts ports;
    ports.open_log = [this](Incarnation incarnation) -> Result<std::unique_ptr<Log>> {
      EXPECT_EQ(incarnation, incarnation_);
      auto log = std::make_unique<MemoryLog>(log_);
      log->OnReady([this] { waker_.Wake(); });
      return log;
    };
    ports.store = &store_;
    ports.clock = &clock_;
    return ports;
  }

  // Asks while the master runs, if it is to.
  RequestAnswer Ask(RequestKind kind, uint64_t id, bool with_master = true) {
    std::atomic<bool> is_answered{false};
    std::jthread master;
    if (with_master) {
      master = std::jthread([&] {
        while (!is_answered) {
          if (!master_->RunOnce()) std::this_thread::yield();
        }
      });
    }
    JobFollower follower(Ports(), "books");
    const auto answer =
        AskJob(follower, waker_, clock_, {kind, id, "why", with_master ? 600'000 : 0});
    is_answered = true;
    EXPECT_TRUE(answer) << answer.error().text;
    return *answer;
  }

  SystemClock clock_;
  MemoryLog log_{&clock_};
  MemoryStore store_;
  Waker waker_;
  Incarnation incarnation_{0xabc};
  std::unique_ptr<Master> master_;
};

TEST_F(JobFollowerTest, TheViewIsTheMastersOwn) {
  Join();
  End();
  JobFollower follower(Ports(), "books");
  ASSERT_TRUE(follower.ReadToEnd(waker_));
  const JobView seen = follower.View();
  const JobView own = master_->brain().View();
  EXPECT_EQ(seen.name, "books");
  EXPECT_EQ(seen.incarnation, incarnation_);
  EXPECT_EQ(seen.state, own.state);
  EXPECT_EQ(seen.attempts, own.attempts);
  EXPECT_EQ(seen.records_in, 10u);
  EXPECT_EQ(seen.records_in, own.records_in);
  EXPECT_EQ(seen.input_bytes, 1'000u);
  EXPECT_EQ(seen.workers, own.workers);
  EXPECT_EQ(seen.workers.at(proto::PHASE_MAP).working, 1u);
  ASSERT_EQ(seen.phases.size(), 1u);
  EXPECT_EQ(seen.phases[0].done, 1u);
  EXPECT_TRUE(follower.job() == master_->brain().job());
}

TEST_F(JobFollowerTest, ReportsAreLeftOutWhereNotAskedFor) {
  Join();
  End();
  JobFollower follower(Ports(), "books", {.on_message = {}, .reads_reports = false});
  ASSERT_TRUE(follower.ReadToEnd(waker_));
  EXPECT_EQ(follower.View().phases[0].done, 1u);
  EXPECT_EQ(follower.View().records_in, 0u);
}

TEST_F(JobFollowerTest, TheJobIsFollowedToItsEnd) {
  std::vector<int64_t> offsets;
  const auto on_message = [&](const LogMessage& message, const JournalFold& fold, bool counts) {
    EXPECT_TRUE(counts);
    EXPECT_EQ(fold.position().offset, message.offset + 1);
    offsets.push_back(message.offset);
  };
  JobFollower follower(Ports(), "books", {.on_message = on_message});
  ASSERT_TRUE(follower.ReadToEnd(waker_));
  Join();
  End();
  End();
  while (follower.job().finished() == nullptr) {
    const auto read = follower.RunOnce();
    ASSERT_TRUE(read) << read.error().text;
    if (!*read) waker_.Wait(60'000);
  }
  EXPECT_EQ(follower.View().exit_code, 0);
  for (size_t i = 0; i < offsets.size(); ++i) EXPECT_EQ(offsets[i], static_cast<int64_t>(i));
  EXPECT_GT(offsets.size(), 3u);
}

TEST_F(JobFollowerTest, AJobThatIsNotThereHasNothingToShow) {
  JobFollower follower(Ports(), "bokos");
  ASSERT_TRUE(follower.ReadToEnd(waker_));
  EXPECT_FALSE(follower.row());
  EXPECT_FALSE(follower.has_journal());
  EXPECT_EQ(follower.View().state, "starting");
  const auto answer = AskJob(follower, waker_, clock_, {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, ErrorCode::kNotFound);
}

TEST_F(JobFollowerTest, PauseAndResumeAreGranted) {
  EXPECT_EQ(Ask(RequestKind::kPause, 5), RequestAnswer::kGranted);
  Settle();
  EXPECT_TRUE(master_->brain().job().is_paused());
  EXPECT_EQ(Ask(RequestKind::kResume, 6), RequestAnswer::kGranted);
  Settle();
  EXPECT_FALSE(master_->brain().job().is_paused());
}

TEST_F(JobFollowerTest, ACancelIsGrantedWithItsReasonAndThenTheJobIsOver) {
  EXPECT_EQ(Ask(RequestKind::kCancel, 5), RequestAnswer::kGranted);
  Settle();
  ASSERT_NE(master_->brain().job().finished(), nullptr);
  EXPECT_EQ(master_->brain().job().cancelled()->reason(), "why");
  EXPECT_EQ(Ask(RequestKind::kPause, 6, false), RequestAnswer::kWasOver);
}

TEST_F(JobFollowerTest, WhatNobodyAnswersStandsUntilAMasterReadsIt) {
  EXPECT_EQ(Ask(RequestKind::kPause, 5, false), RequestAnswer::kNoneSoFar);
  EXPECT_FALSE(master_->brain().job().is_paused());
  Settle();
  EXPECT_TRUE(master_->brain().job().is_paused());
}

}  // namespace
}  // namespace minke
