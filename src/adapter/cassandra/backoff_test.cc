#include "adapter/cassandra/backoff.h"

#include <gtest/gtest.h>
#include <set>

namespace minke {
namespace {

TEST(Backoff, DoublesUpToItsBoundAndStaysBetweenHalfAStepAndAStep) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Backoff backoff(seed);
    for (int64_t step_ms : {50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000}) {
      const int64_t wait_ms = backoff.NextMs();
      EXPECT_GE(wait_ms, step_ms / 2);
      EXPECT_LE(wait_ms, step_ms);
    }
  }
}

TEST(Backoff, ThoseWhoFailTogetherComeBackApart) {
  std::set<int64_t> waits;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Backoff backoff(seed);
    for (int i = 0; i < 6; ++i) backoff.NextMs();
    waits.insert(backoff.NextMs());
  }
  EXPECT_GT(waits.size(), 80u);
}

TEST(Backoff, TheSameSeedWaitsTheSame) {
  Backoff one(7);
  Backoff other(7);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(one.NextMs(), other.NextMs());
}

}  // namespace
}  // namespace minke
