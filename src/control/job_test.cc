#include "control/job.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "control/fold_test.h"

namespace minke {
namespace {

constexpr TaskId kMap0{0, 0}, kMap1{0, 1}, kReduce0{1, 0};

// Two maps and a reduce; both maps run on worker 70 as 0-1 and 0-2.
Fold Running() {
  Fold fold = Fold::MapReduce(2, 1);
  fold.Must(Assigned(kMap0, 1, 0, 70));
  fold.Must(Assigned(kMap1, 2, 0));
  return fold;
}

TEST(Job, AcceptedJobHasItsStepsWithAllTasksWaiting) {
  Fold fold = Fold::MapReduce(70, 3);
  EXPECT_EQ(fold.failure, "");
  EXPECT_EQ(fold.job.steps(), 2u);
  EXPECT_EQ(fold.job.step(0).waiting, 70u);
  EXPECT_EQ(fold.job.open_step(), 0u);
  EXPECT_EQ(fold.job.step(0).opened_at, 2);
  EXPECT_EQ(fold.job.NextWaiting(0, 0), 0u);
  EXPECT_EQ(fold.job.NextWaiting(0, 69), 69u);
  EXPECT_EQ(fold.job.NextWaiting(0, 70), kNoTask);
  EXPECT_EQ(fold.job.NextWaiting(0, kNoTask), kNoTask);
  EXPECT_EQ(fold.job.StepOf(proto::PHASE_REDUCE), 1u);
  EXPECT_EQ(fold.job.StepOf(proto::PHASE_SAMPLE), std::nullopt);
}

TEST(Job, AssignedTaskWaitsNoMore) {
  Fold fold = Running();
  EXPECT_EQ(fold.failure, "");
  EXPECT_EQ(fold.job.step(0).waiting, 0u);
  EXPECT_EQ(fold.job.StateOf({0, 1}), AttemptState::kLive);
  EXPECT_EQ(fold.job.TaskOf({0, 2}), kMap1);
  EXPECT_EQ(fold.job.WorkerOf({0, 2}), WorkerId{70});
  EXPECT_EQ(fold.job.next_attempt(), 3u);
  EXPECT_EQ(fold.job.next_number(), 1u);
  EXPECT_EQ(fold.job.live_by_worker().at({70}), (std::vector<AttemptId>{{0, 1}, {0, 2}}));
}

TEST(Job, AnAttemptIdIsNeverUsedTwice) {
  Fold fold = Running();
  EXPECT_FALSE(fold.Do(Assigned(kMap0, 2, 0)));
  Fold gap = Running();
  EXPECT_FALSE(gap.Do(Assigned(kMap0, 4, 0)));
}

TEST(Job, ANewMasterCountsAttemptsAndWorkersAnew) {
  Fold fold = Running();
  fold.Claim(2);
  EXPECT_EQ(fold.job.next_attempt(), 1u);
  EXPECT_FALSE(fold.job.NumberOf({70}));
  fold.Must(Assigned(kMap0, 1, 0, 71));
  EXPECT_EQ(fold.failure, "");
  EXPECT_EQ(fold.job.StateOf({0, 1}), AttemptState::kLive);
  EXPECT_EQ(fold.job.WorkerOf({5, 1}), WorkerId{71});
  EXPECT_EQ(fold.job.LiveAttemptsOf(kMap0).size(), 2u);
}

TEST(Job, OnlyANamedWorkerAndAnOpenStepAreAssigned) {
  EXPECT_FALSE(Running().Do(Assigned(kMap0, 3, 1)));      // nobody has number 1
  EXPECT_FALSE(Running().Do(Assigned(kMap0, 3, 2, 71)));  // the next number is 1
  EXPECT_FALSE(Running().Do(Assigned(kMap0, 3, 1, 70)));  // has a number already
  EXPECT_FALSE(Running().Do(Assigned(kReduce0, 3, 0)));   // not open
  EXPECT_FALSE(Running().Do(Assigned({0, 2}, 3, 0)));     // not there
}

TEST(Job, CommitNamesTheWinnerOnce) {
  Fold fold = Running();
  fold.Must(Committed({0, 1}));
  EXPECT_EQ(fold.job.task(kMap0).winner, (AttemptId{0, 1}));
  EXPECT_EQ(fold.job.step(0).committed, 1u);
  EXPECT_EQ(fold.job.StateOf({0, 1}), AttemptState::kCommitted);
  EXPECT_FALSE(fold.Do(Committed({0, 1})));
}

TEST(Job, ASecondWinnerIsCorruption) {
  Fold fold = Running();
  fold.Must(Assigned(kMap0, 3, 0));
  fold.Must(Committed({0, 3}));
  EXPECT_EQ(fold.job.contested().count(kMap0), 1u);
  EXPECT_FALSE(fold.Do(Committed({0, 1})));
}

TEST(Job, ALostAttemptMayStillWinAFailedOrCancelledOneMayNot) {
  Fold lost = Running();
  lost.Must(Lost({0, 1}));
  EXPECT_EQ(lost.job.step(0).waiting, 1u);
  EXPECT_TRUE(lost.Do(Committed({0, 1})));
  EXPECT_EQ(lost.job.step(0).waiting, 0u);
  Fold failed = Running();
  failed.Must(Failed({0, 1}));
  EXPECT_FALSE(failed.Do(Committed({0, 1})));
  Fold cancelled = Running();
  cancelled.Must(Cancelled({0, 1}));
  EXPECT_FALSE(cancelled.Do(Committed({0, 1})));
}

TEST(Job, FailuresAndCountedLossesTroubleATaskUntilItCommits) {
  Fold fold = Running();
  fold.Must(Failed({0, 1}, "first"));
  fold.Must(Lost({0, 2}, false));
  EXPECT_EQ(fold.job.troubled().size(), 1u);
  EXPECT_EQ(fold.job.troubled().at(kMap0).text, "first");
  EXPECT_EQ(fold.job.task(kMap0).failures, 1u);
  EXPECT_EQ(fold.job.task(kMap1).losses, 0u);
  EXPECT_EQ(fold.job.FailedOn(kMap0).size(), 1u);
  fold.Must(Assigned(kMap0, 3, 1, 71));
  fold.Must(Lost({0, 3}, true));
  EXPECT_EQ(fold.job.task(kMap0).losses, 1u);
  fold.Must(Committed({0, 3}));
  EXPECT_TRUE(fold.job.troubled().empty());
  EXPECT_EQ(fold.job.BlamedTasks({70}), 1u) << "it failed there and succeeded elsewhere";
  EXPECT_EQ(fold.job.failures(), 1u);
  EXPECT_EQ(fold.job.losses(), 2u);
}

TEST(Job, ALossIsNoFinalFailure) {
  Fold fold = Running();
  fold.Must(Lost({0, 1}, true));
  EXPECT_EQ(fold.job.troubled().at(kMap0).code, static_cast<int32_t>(ErrorCode::kUnavailable));
}

TEST(Job, EndsOfWhatIsOverChangeNothing) {
  Fold fold = Running();
  fold.Must(Committed({0, 1}));
  const Job before = fold.job;
  fold.Must(Lost({0, 1}));
  fold.Must(Failed({0, 1}));
  fold.Must(Cancelled({0, 1}));
  EXPECT_EQ(fold.job, before);
  EXPECT_FALSE(fold.Do(Lost({0, 9}))) << "never assigned";
}

TEST(Job, OutputLostUncommitsAndItsAttemptNeverWinsAgain) {
  Fold fold = Running();
  fold.Must(Committed({0, 1}));
  fold.Must(OutputLost(0, {0}));
  EXPECT_EQ(fold.job.step(0).committed, 0u);
  EXPECT_EQ(fold.job.NextWaiting(0, 0), 0u);
  EXPECT_EQ(fold.job.StateOf({0, 1}), AttemptState::kOutputLost);
  EXPECT_EQ(fold.job.task(kMap0).losses, 1u) << "so that it has a bound";
  EXPECT_FALSE(fold.Do(Committed({0, 1})));
  EXPECT_FALSE(fold.Do(OutputLost(0, {1}))) << "it has none";
}

TEST(Job, WinnersAreNumberedAnewForOutputsThatWereLost) {
  Fold fold = Running();
  fold.Must(Committed({0, 1}));
  fold.Must(Committed({0, 2}));
  EXPECT_FALSE(fold.job.HasCurrentWinners());
  fold.Must(WinnersWritten(4));
  EXPECT_TRUE(fold.job.HasCurrentWinners());
  EXPECT_EQ(fold.job.WinnersOf(0), 4u);
  fold.Must(OutputLost(0, {1}));
  EXPECT_FALSE(fold.job.HasCurrentWinners());
  EXPECT_FALSE(fold.job.IsInWinners(1, 4));
  EXPECT_TRUE(fold.job.IsInWinners(0, 4));
  EXPECT_EQ(fold.job.outdated_winners().at(1), (AttemptId{0, 2}));
  fold.Must(Assigned(kMap1, 3, 0));
  fold.Must(Committed({0, 3}));
  EXPECT_FALSE(fold.job.IsInWinners(1, 4)) << "block 4 names 0-2";
  fold.Must(WinnersWritten(6, {0}));
  EXPECT_TRUE(fold.job.HasCurrentWinners());
  EXPECT_EQ(fold.job.WinnersOf(0), 6u);
  EXPECT_EQ(fold.job.WinnersOf(1), 4u);
  EXPECT_TRUE(fold.job.IsInWinners(1, 6));
  EXPECT_FALSE(fold.job.IsInWinners(1, 4));
  EXPECT_FALSE(fold.Do(WinnersWritten(6)));
  EXPECT_EQ(fold.failure, "");
}

TEST(Job, StepsOpenInOrder) {
  Fold fold = Fold::MapReduce(1, 1);
  EXPECT_FALSE(fold.Do(Opened(0, proto::PHASE_MAP)));
  EXPECT_FALSE(Fold::MapReduce(1, 1).Do(Opened(1, proto::PHASE_MAP)));
  EXPECT_TRUE(Fold::MapReduce(1, 1).Do(Opened(1, proto::PHASE_REDUCE)));
}

TEST(Job, IsAcceptedAndFinishedOnce) {
  Fold fold = Fold::MapReduce(1, 1);
  EXPECT_FALSE(fold.Do(Accepted({{proto::PHASE_MAP, 1}})));
  Fold done = Fold::MapReduce(1, 1);
  done.Must(Finished(70, "why"));
  EXPECT_EQ(done.job.finished()->exit_code(), 70);
  EXPECT_FALSE(done.Do(Finished(0)));
  Fold empty;
  empty.Claim(1);
  EXPECT_FALSE(empty.Do(Accepted({})));
}

TEST(Job, RequestsAreRememberedByTheirIds) {
  Fold fold = Fold::MapReduce(1, 1);
  Record pause;
  pause.mutable_job_paused()->set_request(5);
  Record resume;
  resume.mutable_job_resumed()->set_request(6);
  Record cancel;
  cancel.mutable_cancel_accepted()->set_request(7);
  fold.Must(pause);
  EXPECT_TRUE(fold.job.is_paused());
  fold.Must(resume);
  EXPECT_FALSE(fold.job.is_paused());
  fold.Must(cancel);
  EXPECT_NE(fold.job.cancelled(), nullptr);
  for (const uint64_t id : {5u, 6u, 7u}) EXPECT_TRUE(fold.job.HasAnswered(id));
  EXPECT_FALSE(fold.job.HasAnswered(8));
}

TEST(Job, ACancelThatWasRefusedIsAnsweredAndChangesNothingElse) {
  Fold fold = Fold::MapReduce(1, 1);
  Record refuse;
  refuse.mutable_cancel_refused()->set_request(8);
  fold.Must(refuse);
  EXPECT_TRUE(fold.job.HasAnswered(8));
  EXPECT_EQ(fold.job.cancelled(), nullptr);
}

TEST(Job, TheFirstShuffleTableCounts) {
  Fold fold = Fold::MapReduce(1, 1);
  Record made;
  made.mutable_shuffle_table_made()->set_table("a");
  fold.Must(made);
  made.mutable_shuffle_table_made()->set_table("b");
  fold.Must(made);
  EXPECT_EQ(fold.job.shuffle_table(), "a");
}

TEST(Job, ARecordOfAnotherEpochIsCorruption) {
  Fold fold = Fold::MapReduce(1, 1);
  EXPECT_FALSE(fold.job.Apply(9, 3, Finished(0)));
  Job unclaimed;
  EXPECT_FALSE(unclaimed.Apply(0, 0, Finished(0)));
}

TEST(Job, SameRecordsSameJobAndCopiesAreIndependent) {
  Fold a = Running();
  Fold b = Running();
  EXPECT_EQ(a.job, b.job);
  const Job copy = a.job;
  a.Must(Committed({0, 1}));
  EXPECT_FALSE(a.job == copy);
  EXPECT_EQ(copy, b.job);
  b.Must(Committed({0, 1}));
  EXPECT_EQ(a.job, b.job);
}

}  // namespace
}  // namespace minke
