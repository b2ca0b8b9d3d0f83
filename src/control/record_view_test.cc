#include "control/record_view.h"

#include <gtest/gtest.h>

#include "control/fold_test.h"

namespace minke {
namespace {

struct RecordViews : testing::Test {
  std::string Said(const Record& record) {
    fold.Must(record);
    return TextOf(ViewOf(record, fold.job.epoch(), fold.job));
  }
  Fold fold = Fold::MapReduce(2, 1);
};

TEST_F(RecordViews, ATaskIsNamedByItsPhaseAlsoWhereTheRecordNamesTheAttemptAlone) {
  EXPECT_EQ(Said(Assigned({0, 1}, 1, 0, 0xabc)),
            "AttemptAssigned attempt=0-1 task=map-1 worker=0 worker_id=0000000000000abc");
  EXPECT_EQ(Said(Failed({0, 1}, "no \"such\"\nkey")),
            "AttemptFailed attempt=0-1 task=map-1 code=user_code text=\"no \\\"such\\\"\\nkey\"");
  EXPECT_EQ(Said(Assigned({0, 1}, 2, 0)), "AttemptAssigned attempt=0-2 task=map-1 worker=0");
  EXPECT_EQ(Said(Committed({0, 2})), "TaskCommitted attempt=0-2 task=map-1");
  EXPECT_EQ(Said(OutputLost(0, {1})), "OutputLost tasks=map-1");
  EXPECT_EQ(fold.failure, "");
}

TEST_F(RecordViews, WhatIsNotKnownIsStillSaid) {
  const Job nothing;
  EXPECT_EQ(TextOf(ViewOf(Committed({3, 4}), 3, nothing)), "TaskCommitted attempt=3-4");
  EXPECT_EQ(TextOf(ViewOf(Assigned({1, 2}, 1, 1), 5, nothing)),
            "AttemptAssigned attempt=5-1 task=1/2 worker=1");
  EXPECT_EQ(TextOf(ViewOf(Record(), 0, nothing)), "Unknown0");
}

TEST_F(RecordViews, TheWholeJob) {
  EXPECT_EQ(TextOf(ViewOf(Accepted({{proto::PHASE_MAP, 2}, {proto::PHASE_REDUCE, 1}}), 0, Job())),
            "JobAccepted plan=0000000000000000 unix_ms=0 steps=map:2,reduce:1 partitions=2 "
            "attempts_max=4 max_age_ms=0 job_hash=0000000000000000");
  EXPECT_EQ(TextOf(ViewOf(WinnersWritten(2, {0, 5}), 0, Job())),
            "WinnersWritten number=2 partitions=0,5");
  EXPECT_EQ(TextOf(ViewOf(Finished(0), 0, Job())), "JobFinished exit_code=0 text=\"\"");
}

TEST_F(RecordViews, FactsOfWorkers) {
  fold.Must(Assigned({0, 0}, 1, 0, 5));
  EXPECT_EQ(TextOf(ViewOf(Joined(5, 2, 9, {{0, 1}}), fold.job)),
            "WorkerJoined worker_id=0000000000000005 slots=2 role=none as_of=9 live=0-1");
  EXPECT_EQ(TextOf(ViewOf(Done({0, 1}), fold.job)), "TaskDone attempt=0-1 task=map-0");
  EXPECT_EQ(TextOf(ViewOf(Leaving(5, true), fold.job)),
            "WorkerLeaving worker_id=0000000000000005 asked=true");
}

}  // namespace
}  // namespace minke
