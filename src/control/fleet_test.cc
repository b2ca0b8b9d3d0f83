#include "control/fleet.h"

#include <gtest/gtest.h>
#include <string>

#include "control/fold_test.h"

namespace minke {
namespace {

proto::Heartbeat Heard(uint64_t worker, AttemptId attempt = {}, uint64_t bytes = 0) {
  proto::Heartbeat heartbeat;
  heartbeat.set_worker_id(worker);
  heartbeat.set_slots(2);
  if (attempt.n != 0) {
    proto::AttemptProgress* progress = heartbeat.add_attempts();
    ToProto(attempt, progress->mutable_attempt());
    progress->set_bytes(bytes);
  }
  return heartbeat;
}

// Two maps on worker 70, as 0-1 and 0-2.
Fold Running() {
  Fold fold = Fold::MapReduce(2, 1);
  fold.Must(Assigned({0, 0}, 1, 0, 70));
  fold.Must(Assigned({0, 1}, 2, 0));
  return fold;
}

TEST(Fleet, SilenceRunsFromTheLastWordOrFromWhenWeBeganToListen) {
  Fleet fleet;
  fleet.Note(Joined(70, 2), 1'000);
  EXPECT_EQ(fleet.SilenceMs({70}, 5'000), 4'000);
  fleet.Note(Heard(70), 3'000);
  EXPECT_EQ(fleet.SilenceMs({70}, 5'000), 2'000);
  fleet.NoteLeasesAnew(4'000);
  EXPECT_EQ(fleet.SilenceMs({70}, 5'000), 1'000);
  EXPECT_EQ(fleet.SilenceMs({71}, 5'000), 1'000) << "never heard of";
}

TEST(Fleet, IsAtWorkWhoJoinedIsHeardAndDoesNotLeave) {
  Fold fold = Running();
  Fleet fleet;
  const auto is_at_work = [&](uint64_t worker, int64_t now_ms) {
    return fleet.IsAtWork({worker}, fold.job, now_ms, 30'000);
  };
  EXPECT_FALSE(is_at_work(70, 0));
  fleet.Note(Joined(70, 2), 0);
  EXPECT_TRUE(is_at_work(70, 30'000));
  EXPECT_FALSE(is_at_work(70, 30'001));
  fleet.Note(Heard(70), 40'000);
  EXPECT_TRUE(is_at_work(70, 50'000));
  fleet.Note(Leaving(70, true), 50'000);
  fleet.Note(Heard(70), 50'001);
  EXPECT_FALSE(is_at_work(70, 50'001)) << "it does not come back";
  fleet.Note(Leaving(71, false), 50'000);
  EXPECT_FALSE(is_at_work(71, 50'000)) << "never said how many slots it has";
}

TEST(Fleet, AHeartbeatStandsInForALostJoin) {
  Fold fold = Running();
  Fleet fleet;
  fleet.Note(Heard(70), 0);
  EXPECT_TRUE(fleet.IsAtWork({70}, fold.job, 0, 30'000));
  EXPECT_EQ(fleet.workers().at({70}).slots, 2u);
}

TEST(Fleet, JoinsFromBeforeTheClaimCountForNothing) {
  Fleet fleet(10);
  fleet.Note(Joined(70, 2, 9), 0);
  EXPECT_TRUE(fleet.workers().empty());
  fleet.Note(Joined(70, 2, 10), 0);
  EXPECT_EQ(fleet.workers().size(), 1u);
}

TEST(Fleet, AnOlderJoinDoesNotReplaceANewerOne) {
  Fleet fleet;
  fleet.Note(Joined(70, 2, 9, {{0, 1}}), 0);
  fleet.Note(Joined(70, 2, 3), 0);
  EXPECT_EQ(fleet.joins().at({70}).as_of, 9);
  EXPECT_EQ(fleet.joins().at({70}).live.count({0, 1}), 1u);
}

TEST(Fleet, SlotsHaveABound) {
  Fleet fleet;
  fleet.Note(Joined(70, 4'000'000'000), 0);
  EXPECT_LE(fleet.workers().at({70}).slots, 4096u);
}

TEST(Fleet, FactsWaitInOrderOnceUntilTheJobHasAnswered) {
  Fold fold = Running();
  Fleet fleet;
  fleet.Note(Done({0, 2}), 0);
  fleet.Note(Done({0, 1}), 0);
  fleet.Note(Done({0, 2}), 0);
  fleet.Note(Done({9, 9}), 0);
  fleet.Settle(fold.job);
  EXPECT_EQ(fleet.done(), (std::vector<AttemptId>{{0, 2}, {0, 1}})) << "9-9 is nobody's";
  EXPECT_TRUE(fleet.HasEnded({0, 1}));
  fold.Must(Committed({0, 2}));
  fold.Must(Lost({0, 1}));
  fleet.Settle(fold.job);
  EXPECT_EQ(fleet.done(), (std::vector<AttemptId>{{0, 1}})) << "lost: it may still win";
  fold.Must(Cancelled({0, 1}));
  fleet.Settle(fold.job);
  EXPECT_TRUE(fleet.done().empty());
  EXPECT_FALSE(fleet.HasEnded({0, 1}));
}

TEST(Fleet, RequestsAreKeptOncePerIdUntilAnswered) {
  Fold fold = Running();
  Fleet fleet;
  proto::Fact pause;
  pause.mutable_pause_requested()->set_id(5);
  fleet.Note(pause, 0);
  fleet.Note(pause, 0);
  fleet.Note(proto::Fact(), 0);
  EXPECT_EQ(fleet.requests().size(), 1u);
  Record answer;
  answer.mutable_job_paused()->set_request(5);
  fold.Must(answer);
  fleet.Settle(fold.job);
  EXPECT_TRUE(fleet.requests().empty());
  fleet.Note(pause, 0);
  fleet.Settle(fold.job);
  EXPECT_TRUE(fleet.requests().empty()) << "a late copy";
}

TEST(Fleet, CommittedAttemptsLeaveTheirRate) {
  Fold fold = Running();
  Fleet fleet;
  fleet.Note(Heard(70, {0, 1}, 0), 1'000);
  fleet.Note(Heard(70, {0, 1}, 8'000), 5'000);
  fleet.Note(Heard(70, {0, 2}, 100), 5'000);
  fold.Must(Committed({0, 1}));
  fleet.Settle(fold.job);
  ASSERT_EQ(fleet.rates(0).size(), 1u);
  EXPECT_DOUBLE_EQ(fleet.rates(0)[0], 2'000.0);
  EXPECT_EQ(fleet.progress().size(), 1u);
  EXPECT_TRUE(fleet.rates(1).empty());
}

}  // namespace
}  // namespace minke
