// What scenarios cannot show: sizes. The rest of MasterBrain is in tests/scenario.
#include "control/master_brain.h"

#include <algorithm>
#include <deque>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "control/fold_test.h"

namespace minke {
namespace {

// A master, its journal, and workers that only say what they must.
class Cluster {
 public:
  Cluster(uint32_t maps, uint32_t reduces) : master_(Options()) {
    plan_.set_partitions(reduces);
    plan_.set_attempts_max(4);
    proto::Step* step = plan_.add_steps();
    step->set_kind(proto::PHASE_MAP);
    step->set_tasks(maps);
    step = plan_.add_steps();
    step->set_kind(proto::PHASE_REDUCE);
    step->set_tasks(reduces);
    report_.mutable_partitions()->assign((reduces + 7) / 8, '\xff');
    Settle();
  }

  void Join(uint32_t workers, uint32_t slots) {
    proto::InboxMessage message;
    for (uint32_t i = 0; i < workers; ++i) {
      *message.add_facts() = Joined(0x9e3779b97f4a7c15 * (i + 1), slots, journal_messages_ - 1);
    }
    Tell(message);
  }

  // Up to `count` of the assigned attempts end well, the oldest first.
  void End(size_t count) {
    proto::InboxMessage message;
    for (; count > 0 && !assigned_.empty(); --count) {
      *message.add_facts() = Done(assigned_.front());
      assigned_.pop_front();
    }
    Tell(message);
  }

  bool is_over() const { return is_over_; }
  bool has_assigned() const { return !assigned_.empty(); }
  size_t journal_bytes() const { return journal_bytes_; }
  size_t largest_message() const { return largest_message_; }
  size_t messages() const { return journal_messages_; }
  const Job& job() const { return master_.job(); }

 private:
  static MasterOptions Options() {
    MasterOptions options;
    options.uuid = 1;
    options.fresh_incarnation = {7};
    return options;
  }

  void Tell(const proto::InboxMessage& message) {
    master_.InboxRead(inbox_++, message.SerializeAsString());
    Settle();
  }

  void Settle() {
    for (bool went_on = true; went_on;) {
      went_on = false;
      for (MasterEffect& effect : master_.Step({++now_ms_, 1'000 + now_ms_})) {
        std::visit([this](auto& known) { Carry(known); }, effect);
        went_on = true;
      }
    }
  }

  void Carry(CompareAndSetRow& effect) {
    if (row_ == effect.expected) row_ = effect.desired;
    master_.RowRead(*row_);
  }
  void Carry(OpenLog&) { master_.LogOpened(0, 0); }
  void Carry(AppendJournal& effect) {
    proto::JournalMessage message;
    ASSERT_TRUE(message.ParseFromString(effect.bytes));
    for (const Record& record : message.records()) {
      if (!record.has_attempt_assigned()) continue;
      assigned_.push_back({message.epoch(), record.attempt_assigned().n()});
    }
    journal_bytes_ += effect.bytes.size();
    largest_message_ = std::max(largest_message_, effect.bytes.size());
    master_.JournalRead(static_cast<int64_t>(journal_messages_++), effect.bytes);
  }
  void Carry(ReadInbox&) {}
  void Carry(MakePlan&) { master_.PlanMade(5, plan_); }
  void Carry(ReadPlan&) { master_.PlanRead(plan_); }
  void Carry(MakeShuffleTable&) { master_.ShuffleTableReady(); }
  void Carry(ReadReport& effect) { master_.ReportRead(effect.attempt, &report_); }
  void Carry(ChooseSplitters&) { master_.SplittersReady(9); }
  void Carry(WriteWinners&) { master_.WinnersReady(); }
  void Carry(WriteManifest& effect) { master_.ManifestReady(effect.checksum); }
  void Carry(Publish&) { master_.Published(); }
  void Carry(CleanUp&) { master_.CleanedUp(); }
  void Carry(Exit& effect) {
    EXPECT_EQ(effect.code, 0) << effect.text;
    is_over_ = true;
  }

  proto::Plan plan_;
  proto::Report report_;
  std::optional<Row> row_;
  std::deque<AttemptId> assigned_;
  size_t journal_bytes_ = 0, largest_message_ = 0, journal_messages_ = 0;
  int64_t inbox_ = 0, now_ms_ = 0;
  bool is_over_ = false;
  MasterBrain master_;
};

TEST(MasterBrain, AHundredThousandTasksPassThroughFewMessagesOf64KiB) {
  constexpr uint32_t kMaps = 100'000, kReduces = 64;
  Cluster cluster(kMaps, kReduces);
  cluster.Join(500, 4);
  while (!cluster.is_over() && cluster.has_assigned()) cluster.End(100);
  EXPECT_TRUE(cluster.is_over());
  EXPECT_EQ(cluster.job().step(0).committed, kMaps);
  EXPECT_LE(cluster.largest_message(), 64u << 10);
  EXPECT_LT(cluster.messages(), 2'500u);
  EXPECT_LE(cluster.journal_bytes() / (kMaps + kReduces), 80u) << "of the journal, per task";
}

TEST(MasterBrain, ATaskCostsTheJournalAtMost120BytesEvenIfEachEndsAlone) {
  constexpr uint32_t kMaps = 2'000;
  Cluster cluster(kMaps, 1);
  cluster.Join(50, 4);
  while (!cluster.is_over() && cluster.has_assigned()) cluster.End(1);
  EXPECT_TRUE(cluster.is_over());
  EXPECT_LE(cluster.journal_bytes() / kMaps, 120u);
}

TEST(MasterBrain, AMessageHoldsAsMuchAsFitsAndTheRestFollows) {
  Cluster cluster(20'000, 1);
  cluster.Join(10'000, 2);
  EXPECT_EQ(cluster.job().live().size(), 20'000u);
  EXPECT_GT(cluster.largest_message(), 60u << 10);
  EXPECT_LE(cluster.largest_message(), 64u << 10);
}

}  // namespace
}  // namespace minke
