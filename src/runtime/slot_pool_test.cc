#include "runtime/slot_pool.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <thread>
#include <unistd.h>

#include <minke/job.h>

#include "adapter/memory_store.h"
#include "runtime/prepare.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

std::atomic<int> begun{0};

// Runs until it is told to stop.
Job Endless(const Arguments&) {
  return Map([](const Line&, Emit<std::string_view>&, Task& task) {
           ++begun;
           while (!task.cancelled()) std::this_thread::yield();
         })
      .MapOnly();
}
MINKE_JOB("endless", Endless, {.summary = "for tests"});

// Each map waits for another one to run beside it.
Job Meeting(const Arguments&) {
  return Map([](const Line& line, Emit<std::string_view>& emit) {
           ++begun;
           while (begun < 2) std::this_thread::yield();
           emit(std::string_view(line));
         })
      .MapOnly();
}
MINKE_JOB("meeting", Meeting, {.summary = "for tests"});

class SlotPoolTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "slot-pool-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    begun = 0;
  }
  void TearDown() override {
    run_.reset();
    fs::remove_all(folder_);
  }

  void Prepare(const std::string& job) {
    std::ofstream(folder_ + "/input") << "a line\n";
    RunRequest request;
    request.job = job;
    request.inputs = {folder_ + "/input"};
    request.output = folder_ + "/out";
    request.spill_folder = folder_;
    SlotPage page;
    auto prepared = PrepareRun(request, DeclareRun(request, &page).value(), {2, {1}});
    ASSERT_TRUE(prepared) << prepared.error().text;
    run_ = *std::move(prepared);
    run_->context.store = &store_;
  }

  static AttemptSpec Spec(uint64_t n, proto::PhaseKind kind = proto::PHASE_MAP) {
    AttemptSpec spec;
    spec.id = {1, n};
    spec.kind = kind;
    return spec;
  }

  // The ends of so many attempts, by slot.
  std::vector<AttemptEnd> WaitFor(ThreadSlotPool& pool, size_t count) {
    std::vector<AttemptEnd> all;
    while (all.size() < count) {
      waker_.Wait(3'600'000);
      for (AttemptEnd& end : pool.Ended()) all.push_back(std::move(end));
    }
    std::ranges::sort(all, {}, &AttemptEnd::slot);
    return all;
  }

  std::string folder_;
  MemoryStore store_;
  std::unique_ptr<PreparedRun> run_;
  Waker waker_;
  std::vector<SlotPage> pages_ = std::vector<SlotPage>(2);
};

TEST_F(SlotPoolTest, SlotsRunTheirAttemptsAtTheSameTimeAndReport) {
  Prepare("meeting");
  ThreadSlotPool pool(pages_, &waker_);
  EXPECT_EQ(pool.slots(), 2u);
  EXPECT_EQ(pool.running(), 0u);
  for (size_t slot = 0; slot < 2; ++slot) pool.Start(slot, &run_->context, Spec(7 + slot));
  EXPECT_EQ(pool.running(), 2u);
  const auto ends = WaitFor(pool, 2);
  EXPECT_EQ(pool.running(), 0u);
  for (size_t slot = 0; slot < 2; ++slot) {
    EXPECT_EQ(ends[slot].slot, slot);
    EXPECT_EQ(ends[slot].attempt, (AttemptId{1, 7 + slot}));
    ASSERT_TRUE(ends[slot].result) << ends[slot].result.error().text;
    EXPECT_EQ(ends[slot].result->records_out(), 1u);
    EXPECT_TRUE(store_.GetBlock(Incarnation{1}, ReportName(ends[slot].attempt)));
  }
  EXPECT_TRUE(pool.Ended().empty()) << "told once";
}

TEST_F(SlotPoolTest, ASlotIsUsedAgainAfterAnAttemptThatFailed) {
  Prepare("meeting");
  begun = 1;
  ThreadSlotPool pool(pages_, &waker_);
  pool.Start(0, &run_->context, Spec(1, proto::PHASE_NONE));
  const auto failed = WaitFor(pool, 1);
  ASSERT_FALSE(failed[0].result);
  EXPECT_EQ(failed[0].result.error().code, ErrorCode::kInternal);
  pool.Start(0, &run_->context, Spec(2));
  EXPECT_TRUE(WaitFor(pool, 1)[0].result);
}

TEST_F(SlotPoolTest, ACancelledAttemptEndsAndTheOtherGoesOn) {
  Prepare("endless");
  ThreadSlotPool pool(pages_, &waker_);
  for (size_t slot = 0; slot < 2; ++slot) pool.Start(slot, &run_->context, Spec(1 + slot));
  while (begun < 2) std::this_thread::yield();
  EXPECT_EQ(pool.pages()[1].attempt_n.load(), 2u);
  EXPECT_EQ(pool.pages()[1].in_user_code.load(), 1u);
  pool.Cancel(1);
  const auto ends = WaitFor(pool, 1);
  EXPECT_EQ(ends[0].slot, 1u);
  EXPECT_EQ(pool.pages()[1].attempt_n.load(), 0u) << "idle";
  EXPECT_EQ(pool.running(), 1u);
  EXPECT_EQ(pool.pages()[0].attempt_n.load(), 1u);
}

TEST_F(SlotPoolTest, ClosingCancelsAndWaitsForWhatStillRuns) {
  Prepare("endless");
  {
    ThreadSlotPool pool(pages_, &waker_);
    pool.Start(0, &run_->context, Spec(1));
    while (begun < 1) std::this_thread::yield();
  }
  EXPECT_EQ(pages_[0].attempt_n.load(), 0u) << "nobody is at work any more";
}

}  // namespace
}  // namespace minke
