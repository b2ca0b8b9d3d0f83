#include "adapter/cassandra/request_window.h"

#include <deque>
#include <gtest/gtest.h>

namespace minke {
namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kBlock = size_t{256} << 10;

// A server that takes `bytes_per_ms`, answers in order, and may fail; on simulated time.
class Server {
 public:
  explicit Server(RequestWindow* window) : window_(window) {}

  // Keeps the window full for so long.
  void Run(int64_t ms) {
    for (const int64_t end = now_ms_ + ms; now_ms_ < end; ++now_ms_) {
      while (window_->HasRoom(kBlock)) {
        window_->Begin(kBlock);
        most_ = std::max(most_, window_->in_flight_bytes());
        sent_.push_back(now_ms_);
      }
      if (is_stopped) continue;
      for (work_ += bytes_per_ms; work_ >= kBlock && !sent_.empty(); work_ -= kBlock) Answer();
      if (sent_.empty()) work_ = 0;
    }
  }
  void Refuse() {
    window_->End(kBlock);
    window_->Refused(sent_.front(), now_ms_);
    sent_.pop_front();
  }
  size_t under_way() const { return sent_.size(); }
  size_t most_bytes() const { return most_; }

  size_t bytes_per_ms = 150'000;
  bool is_stopped = false;

 private:
  void Answer() {
    window_->End(kBlock);
    window_->Answered(kBlock, sent_.front(), now_ms_);
    sent_.pop_front();
  }

  RequestWindow* window_;
  std::deque<int64_t> sent_;
  int64_t now_ms_ = 1000;
  size_t work_ = 0;
  size_t most_ = 0;
};

TEST(RequestWindow, LetsOneRequestThroughWhateverItsSize) {
  RequestWindow window({.start_bytes = kMiB, .min_bytes = kMiB, .max_bytes = kMiB});
  EXPECT_TRUE(window.HasRoom(100 * kMiB));
  window.Begin(100 * kMiB);
  EXPECT_FALSE(window.HasRoom(1));
  window.End(100 * kMiB);
  EXPECT_TRUE(window.HasRoom(1));
}

TEST(RequestWindow, HoldsBackWhatDoesNotFit) {
  RequestWindow window({.start_bytes = kMiB, .min_bytes = kMiB, .max_bytes = kMiB});
  window.Begin(kMiB / 2);
  EXPECT_TRUE(window.HasRoom(kMiB / 2));
  EXPECT_FALSE(window.HasRoom(kMiB / 2 + 1));
}

TEST(RequestWindow, GrowsToItsBoundWhileAnswersAreFastAndNeverBeyond) {
  RequestWindow window({});
  EXPECT_EQ(window.limit_bytes(), 4 * kMiB);
  Server server(&window);
  server.Run(500);
  EXPECT_GT(window.limit_bytes(), 4 * kMiB);
  EXPECT_LT(window.limit_bytes(), 8 * kMiB) << "step by step";
  server.Run(60'000);
  EXPECT_EQ(window.limit_bytes(), 8 * kMiB);
  EXPECT_LE(server.most_bytes(), 8 * kMiB);
}

TEST(RequestWindow, DoesNotGrowWhileNobodyFillsIt) {
  RequestWindow window({});
  for (int64_t now_ms = 0; now_ms < 100'000; ++now_ms) {
    window.Begin(kBlock);
    window.End(kBlock);
    window.Answered(kBlock, now_ms, now_ms + 1);
  }
  EXPECT_EQ(window.limit_bytes(), 4 * kMiB);
}

TEST(RequestWindow, ItsShareIsItsBoundFromTheStart) {
  const RequestWindow window({.start_bytes = 4 * kMiB, .max_bytes = kMiB});
  EXPECT_EQ(window.limit_bytes(), kMiB);
}

TEST(RequestWindow, HalvesOnceForAllThatWasSentBeforeTheFirstRefusal) {
  RequestWindow window({});
  Server server(&window);
  server.is_stopped = true;
  server.Run(2000);
  ASSERT_EQ(server.under_way(), 16u);
  while (server.under_way() > 0) server.Refuse();
  EXPECT_EQ(window.limit_bytes(), 2 * kMiB);
  server.Run(2000);
  ASSERT_EQ(server.under_way(), 8u);
  while (server.under_way() > 0) server.Refuse();
  EXPECT_EQ(window.limit_bytes(), kMiB) << "of what was sent since";
}

TEST(RequestWindow, NeverFallsBelowItsLeast) {
  RequestWindow window({});
  for (int64_t now_ms = 0; now_ms < 20; ++now_ms) window.Refused(now_ms, now_ms);
  EXPECT_EQ(window.limit_bytes(), kBlock * 2);
}

TEST(RequestWindow, GrowsBackAfterATroubleIsOver) {
  RequestWindow window({});
  Server server(&window);
  server.is_stopped = true;
  server.Run(2000);
  while (server.under_way() > 0) server.Refuse();
  server.is_stopped = false;
  server.Run(60'000);
  EXPECT_EQ(window.limit_bytes(), 8 * kMiB);
}

TEST(RequestWindow, SettlesWhereASlowServerAnswersWithinTheTarget) {
  RequestWindow window({.p99_target_ms = 100});
  Server server(&window);
  server.bytes_per_ms = 20'000;  // 100 ms are 2 MB
  server.Run(120'000);
  EXPECT_GE(window.limit_bytes(), kMiB / 2);
  EXPECT_LE(window.limit_bytes(), 3 * kMiB);
}

TEST(RequestWindow, ASingleSlowAnswerInAHundredIsForgiven) {
  RequestWindow window({.p99_target_ms = 100});
  for (int64_t now_ms = 0; now_ms < 10'000; ++now_ms) {
    window.Begin(3 * kMiB);
    window.Answered(kBlock, now_ms % 128 == 5 ? now_ms - 5000 : now_ms, now_ms);
    window.End(3 * kMiB);
    ASSERT_GE(window.limit_bytes(), 4 * kMiB);
  }
}

}  // namespace
}  // namespace minke
