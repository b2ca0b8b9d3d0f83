#include "control/gate.h"

#include <gtest/gtest.h>

#include "control/fold_test.h"

namespace minke {
namespace {

GateState StateFor(const Job& job, proto::PhaseKind role) {
  return AnswerGate(job, {}, role).state;
}

TEST(Gate, IsClosedUntilThePhaseOfTheRoleOpens) {
  Fold fold;
  fold.Claim(1);
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_MAP), GateState::kClosed);
  fold.Must(Accepted({{proto::PHASE_MAP, 1}, {proto::PHASE_REDUCE, 1}}));
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_MAP), GateState::kClosed);
  fold.Must(Opened(0, proto::PHASE_MAP));
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_MAP), GateState::kOpen);
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_NONE), GateState::kOpen);
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_REDUCE), GateState::kClosed);
  fold.Must(Opened(1, proto::PHASE_REDUCE));
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_MAP), GateState::kOver);
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_REDUCE), GateState::kOpen);
  fold.Must(Finished(70));
  for (const auto role : {proto::PHASE_NONE, proto::PHASE_MAP, proto::PHASE_REDUCE}) {
    EXPECT_EQ(StateFor(fold.job, role), GateState::kOver);
  }
}

TEST(Gate, MappersServeSamplingToo) {
  Fold fold;
  fold.Claim(1);
  fold.Must(Accepted({{proto::PHASE_SAMPLE, 1}, {proto::PHASE_MAP, 1}, {proto::PHASE_REDUCE, 1}}));
  fold.Must(Opened(0, proto::PHASE_SAMPLE));
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_MAP), GateState::kOpen);
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_REDUCE), GateState::kClosed);
}

TEST(Gate, OfAMapOnlyJobIsOverForReducers) {
  Fold fold;
  fold.Claim(1);
  fold.Must(Accepted({{proto::PHASE_MAP, 1}}));
  fold.Must(Opened(0, proto::PHASE_MAP));
  EXPECT_EQ(StateFor(fold.job, proto::PHASE_REDUCE), GateState::kOver);
}

TEST(Gate, OpenAnswerSaysWhereToBeginAndWhereToGoOn) {
  Fold fold = Fold::MapReduce(3, 2);
  JournalPosition position;
  position.offset = 17;
  position.epoch = 12;
  const GateAnswer answer = AnswerGate(fold.job, position, proto::PHASE_NONE);
  EXPECT_EQ(answer.phase_offset, 2);
  EXPECT_EQ(answer.position, position);
  EXPECT_EQ(answer.steps, (std::vector<proto::PhaseKind>{proto::PHASE_MAP, proto::PHASE_REDUCE}));
}

}  // namespace
}  // namespace minke
