// Edges of WorkerBrain that no scenario reaches; the rest is in tests/scenario.
#include "control/worker_brain.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "control/records_test.h"

namespace minke {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

// Journal: 0 a claim, 1 the phase, 2 something, 3 an assignment of map/0 to worker 70.
std::vector<std::string> Journal() {
  return {Message(0, 0, {Claimed(1)}).SerializeAsString(),
          Message(0, 1, {Opened(0, proto::PHASE_MAP)}).SerializeAsString(),
          Message(0, 2, {WinnersWritten(1)}).SerializeAsString(),
          Message(0, 3, {Assigned({0, 0}, 1, 0, 70)}).SerializeAsString()};
}

GateAnswer Gate() {
  GateAnswer gate;
  gate.state = GateState::kOpen;
  gate.steps = {proto::PHASE_MAP, proto::PHASE_REDUCE};
  gate.phase_offset = 1;
  gate.position.offset = 3;
  gate.position.epoch = 0;
  gate.position.sequence = 2;
  gate.position.claims = {1};
  return gate;
}

WorkerOptions Options() {
  WorkerOptions options;
  options.id = {70};
  options.slots = 2;
  return options;
}

template <typename Effect>
std::vector<Effect> Of(const std::vector<WorkerEffect>& effects) {
  std::vector<Effect> found;
  for (const WorkerEffect& effect : effects) {
    if (const auto* one = std::get_if<Effect>(&effect)) found.push_back(*one);
  }
  return found;
}

// Has read the phase and begun to follow the journal.
void Begin(WorkerBrain& brain) {
  (void)brain.Step(0);
  brain.JournalRead(1, Journal()[1]);
  (void)brain.Step(0);
}

std::vector<proto::Fact> Facts(const std::vector<WorkerEffect>& effects) {
  std::vector<proto::Fact> facts;
  for (const AppendInbox& append : Of<AppendInbox>(effects)) {
    EXPECT_LE(append.bytes.size(), 64u << 10);
    proto::InboxMessage message;
    EXPECT_TRUE(message.ParseFromString(append.bytes));
    for (const proto::Fact& fact : message.facts()) facts.push_back(fact);
  }
  return facts;
}

TEST(WorkerBrain, BeginsOnThePhaseAndGoesOnAtTheGatesPosition) {
  WorkerBrain brain(Options(), Gate());
  auto reads = Of<ReadJournal>(brain.Step(0));
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].offset, 1);
  EXPECT_EQ(brain.wake_at_ms(), kNever) << "it waits for the journal alone";
  brain.JournalRead(1, Journal()[1]);
  reads = Of<ReadJournal>(brain.Step(0));
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_EQ(reads[0].offset, 3);
}

TEST(WorkerBrain, OneReadThatBringsMoreThanThePhaseIsNoHarm) {
  WorkerBrain brain(Options(), Gate());
  (void)brain.Step(0);
  const auto journal = Journal();
  for (size_t i = 1; i < journal.size(); ++i) {
    brain.JournalRead(static_cast<int64_t>(i), journal[i]);
  }
  EXPECT_TRUE(Of<ExitWorker>(brain.Step(0)).empty());
  brain.JournalRead(3, journal[3]);
  const auto effects = brain.Step(0);
  EXPECT_EQ(Of<StartAttempt>(effects).size(), 1u);
  EXPECT_TRUE(Of<ExitWorker>(effects).empty());
}

TEST(WorkerBrain, AJournalWithoutThePhaseIsRefused) {
  WorkerBrain brain(Options(), Gate());
  (void)brain.Step(0);
  brain.JournalRead(1, Journal()[2]);
  const auto exits = Of<ExitWorker>(brain.Step(0));
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_EQ(exits[0].code, 78);
}

TEST(WorkerBrain, StopsAlsoBeforeItHasReadAnything) {
  WorkerBrain brain(Options(), Gate());
  (void)brain.Step(0);
  brain.Stop();
  const auto effects = brain.Step(0);
  ASSERT_EQ(Facts(effects).size(), 1u);
  EXPECT_TRUE(Facts(effects)[0].worker_leaving().asked());
  ASSERT_EQ(Of<ExitWorker>(effects).size(), 1u);
  EXPECT_EQ(Of<ExitWorker>(effects)[0].code, 143);
  EXPECT_EQ(brain.wake_at_ms(), kNever);
}

TEST(WorkerBrain, RepeatsAFactUntilTheJournalAnswers) {
  WorkerBrain brain(Options(), Gate());
  Begin(brain);
  brain.JournalRead(3, Journal()[3]);
  const auto started = Of<StartAttempt>(brain.Step(0));
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(started[0].id, (AttemptId{0, 1}));
  brain.AttemptEnded(started[0].slot, {});
  EXPECT_EQ(Facts(brain.Step(1'000)).size(), 1u);
  EXPECT_TRUE(Facts(brain.Step(5'999)).empty());
  EXPECT_EQ(Facts(brain.Step(6'000)).size(), 1u);
  brain.JournalRead(4, Message(0, 4, {Committed({0, 1})}).SerializeAsString());
  EXPECT_TRUE(Facts(brain.Step(20'000)).empty());
}

TEST(WorkerBrain, LongFailuresAndListsAreCutToFitAMessage) {
  WorkerBrain brain(Options(), Gate());
  Begin(brain);
  brain.JournalRead(3, Journal()[3]);
  brain.JournalRead(4, Message(0, 4, {Assigned({0, 1}, 2, 0)}).SerializeAsString());
  const auto started = Of<StartAttempt>(brain.Step(0));
  ASSERT_EQ(started.size(), 2u);
  brain.AttemptEnded(0, Error{ErrorCode::kUserCode, std::string(1'000'000, '\xff')});
  std::vector<uint32_t> missing(100'000, 99'999);
  brain.AttemptEnded(1, Error{ErrorCode::kNotFound, ""}, missing);
  const auto facts = Facts(brain.Step(0));
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_LE(facts[0].task_failed().text().size(), 1'000u);
  EXPECT_GT(facts[1].map_output_missing().map_tasks_size(), 1'000);
}

TEST(WorkerBrain, AnAssignmentOfAnUnknownStepEndsItInsteadOfCrashing) {
  WorkerBrain brain(Options(), Gate());
  Begin(brain);
  brain.JournalRead(3, Message(0, 3, {Assigned({9, 0}, 1, 0, 70)}).SerializeAsString());
  const auto exits = Of<ExitWorker>(brain.Step(0));
  ASSERT_EQ(exits.size(), 1u);
  EXPECT_EQ(exits[0].code, 71);
}

}  // namespace
}  // namespace minke
