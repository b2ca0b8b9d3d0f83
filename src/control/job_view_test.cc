#include "control/job_view.h"

#include <gtest/gtest.h>
#include <string>

#include "control/fold_test.h"

namespace minke {
namespace {

proto::Fact JoinedAs(proto::PhaseKind role, uint64_t worker) {
  proto::Fact fact = Joined(worker, 1);
  fact.mutable_worker_joined()->set_role(role);
  return fact;
}

JobView View(const Job& job, const Fleet& fleet = Fleet(), const Tally& tally = Tally(),
             int64_t now_ms = 10'000) {
  ViewContext context;
  context.name = "j";
  context.input_bytes = 1'000;
  context.now_ms = now_ms;
  context.lease_ms = 30'000;
  return MakeJobView(job, fleet, tally, context);
}

TEST(JobView, SaysWhereTheJobStands) {
  Fold fold;
  EXPECT_EQ(View(fold.job).state, "starting");
  fold = Fold::MapReduce(2, 1);
  EXPECT_EQ(View(fold.job).state, "mapping");
  Record pause;
  pause.mutable_job_paused()->set_request(1);
  fold.Must(pause);
  EXPECT_EQ(View(fold.job).state, "paused");
  Record cancel;
  cancel.mutable_cancel_accepted()->set_request(2);
  fold.Must(cancel);
  EXPECT_EQ(View(fold.job).state, "cancelling");
  Record publish;
  publish.mutable_publish_decided()->set_mine(3);
  fold.Must(publish);
  EXPECT_EQ(View(fold.job).state, "publishing");
  fold.Must(Finished(70, "why"));
  const JobView view = View(fold.job);
  EXPECT_EQ(view.state, "finished");
  EXPECT_EQ(view.exit_code, 70);
  EXPECT_EQ(view.text, "why");
}

TEST(JobView, CountsTasksByWhatBecameOfThem) {
  Fold fold = Fold::MapReduce(4, 2);
  fold.Must(Assigned({0, 0}, 1, 0, 70));
  fold.Must(Assigned({0, 1}, 2, 0));
  fold.Must(Committed({0, 1}));
  const JobView view = View(fold.job);
  ASSERT_EQ(view.phases.size(), 2u);
  EXPECT_TRUE(view.phases[0].is_open);
  EXPECT_EQ(view.phases[0].waiting, 2u);
  EXPECT_EQ(view.phases[0].running, 1u);
  EXPECT_EQ(view.phases[0].done, 1u);
  EXPECT_EQ(view.phases[1].waiting, 2u);
  EXPECT_EQ(view.attempts, 2u);
}

TEST(JobView, RunningAttemptsCountAsFarAsTheyWereHeardOf) {
  Fold fold = Fold::MapReduce(4, 2);
  fold.Must(Assigned({0, 0}, 1, 0, 70));
  proto::Heartbeat heartbeat;
  heartbeat.set_worker_id(70);
  heartbeat.set_slots(1);
  // The second one is not in the journal as we have read it: its worker has read on.
  for (const uint64_t n : {1u, 2u}) {
    proto::AttemptProgress* progress = heartbeat.add_attempts();
    ToProto({0, n}, progress->mutable_attempt());
    progress->set_bytes(100 * n);
    progress->set_records(n);
  }
  Fleet fleet;
  fleet.Note(heartbeat, 9'000);
  proto::Report report;
  report.set_bytes_in(400);
  Tally tally;
  tally.Add({0, 3}, proto::PHASE_MAP, {0, 9}, report);
  const JobView view = View(fold.job, fleet, tally);
  EXPECT_EQ(view.bytes_in, 500u);
  EXPECT_EQ(view.records_in, 1u);
  EXPECT_DOUBLE_EQ(view.bytes_s, 50.0);
  EXPECT_EQ(view.remaining_ms, 10'000) << "half of the input in 10 s";
  EXPECT_EQ(AllWorkers(view).working, 1u);
}

TEST(JobView, WorkersWorkWaitAreDoneOrLostByRole) {
  Fold fold = Fold::MapReduce(4, 2);
  fold.Must(Assigned({0, 0}, 1, 0, 70));
  Fleet fleet;
  fleet.Note(Joined(70, 1), 9'000);
  fleet.Note(Joined(71, 1), 9'000);
  fleet.Note(Joined(72, 1), 9'000);
  fleet.Note(Leaving(72, true), 9'000);
  fleet.Note(Joined(73, 1), 9'000);
  fleet.Note(Leaving(73, false), 9'000);
  fleet.Note(JoinedAs(proto::PHASE_REDUCE, 74), 9'000);
  const JobView view = View(fold.job, fleet);
  EXPECT_EQ(view.workers.at(proto::PHASE_NONE), (WorkerCounts{1, 1, 1, 1}));
  EXPECT_EQ(view.workers.at(proto::PHASE_REDUCE), (WorkerCounts{1, 0, 0, 0}));
  EXPECT_EQ(AllWorkers(view), (WorkerCounts{2, 1, 1, 1}));
  EXPECT_EQ(AllWorkers(View(fold.job, fleet, {}, 90'000)), (WorkerCounts{0, 0, 1, 4})) << "silent";
}

TEST(JobView, ANewMasterStillKnowsTheRolesOfThoseWhoHaveLeft) {
  Fold fold = Fold::MapReduce(4, 2);
  Fleet fleet(5);
  fleet.Note(JoinedAs(proto::PHASE_REDUCE, 74), 9'000);
  EXPECT_TRUE(View(fold.job, fleet).workers.empty()) << "joined before the claim";
  fleet.Note(Leaving(74, true), 9'000);
  EXPECT_EQ(View(fold.job, fleet).workers.at(proto::PHASE_REDUCE), (WorkerCounts{0, 0, 1, 0}));
}

TEST(JobView, TheLastFailureIsShownWhileTheJobRuns) {
  Fold fold = Fold::MapReduce(4, 2);
  fold.Must(Assigned({0, 3}, 1, 0, 70));
  fold.Must(Failed({0, 1}, "it threw"));
  EXPECT_EQ(View(fold.job).text, "it threw");
  EXPECT_EQ(View(fold.job).failures, 1u);
  EXPECT_EQ(NameOf(fold.job, {0, 3}), "map task 3");
}

}  // namespace
}  // namespace minke
