#include "runtime/http/gate_askers.h"

#include <gtest/gtest.h>

namespace minke {
namespace {

TEST(GateAskers, CountsEachWhoWaitsOnceAndByRole) {
  GateAskers askers;
  for (int64_t now_ms = 0; now_ms < 3'000; now_ms += 1'000) {
    askers.Waits(proto::PHASE_MAP, 1, now_ms, 1'000);
    askers.Waits(proto::PHASE_MAP, 2, now_ms, 1'000);
    askers.Waits(proto::PHASE_REDUCE, 1, now_ms, 1'000);
  }
  EXPECT_EQ(askers.waiting(proto::PHASE_MAP, 2'000), 2u);
  EXPECT_EQ(askers.waiting(proto::PHASE_REDUCE, 2'000), 1u);
  EXPECT_EQ(askers.waiting(), 3u);
  askers.Leaves(proto::PHASE_MAP, 1);
  askers.Leaves(proto::PHASE_MAP, 3);
  EXPECT_EQ(askers.waiting(proto::PHASE_MAP, 2'000), 1u);
}

TEST(GateAskers, WhoDoesNotComeAgainHasGivenUp) {
  GateAskers askers;
  askers.Waits(proto::PHASE_MAP, 1, 0, 1'000);
  EXPECT_EQ(askers.waiting(proto::PHASE_MAP, 11'000), 1u) << "late, but not too late";
  EXPECT_EQ(askers.waiting(proto::PHASE_MAP, 11'001), 0u);
}

}  // namespace
}  // namespace minke
