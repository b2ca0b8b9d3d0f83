// Sweep and rerun, on logs and a store in memory.
#include "runtime/upkeep/sweep.h"

#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapter/memory_log.h"
#include "adapter/memory_store.h"
#include "control/plan.h"
#include "runtime/upkeep/rerun.h"
#include "task/dataset/dataset.h"

namespace minke {
namespace {

using Incarnations = std::vector<Incarnation>;

constexpr int64_t kHourMs = 3'600'000;

class TestClock final : public Clock {
 public:
  int64_t NowMs() const override { return now_ms; }
  int64_t UnixMs() const override { return now_ms; }
  int64_t now_ms = 1'000;
};

class UpkeepTest : public testing::Test {
 protected:
  UpkeepTest() {
    logs_.open = [this](Incarnation job) -> Result<std::unique_ptr<Log>> {
      return std::make_unique<MemoryLog>(LogOf(job));
    };
    logs_.remove = [this](Incarnation job) -> Status {
      removed_.push_back(job);
      logs_by_job_.erase(job);
      return {};
    };
  }

  MemoryLog& LogOf(Incarnation job) { return logs_by_job_.try_emplace(job, &clock_).first->second; }

  // A job with a row, a journal, and something stored.
  void Job(const std::string& name, Incarnation job, JobState state, Incarnation input = {}) {
    ASSERT_TRUE(store_.CompareAndSetJob(name, std::nullopt, {job, 7, state, 0}));
    Store(job);
    if (state == JobState::kOpen) return;
    proto::Plan plan;
    plan.add_files()->set_version(input.bits);
    const std::string bytes = plan.SerializeAsString();
    const uint64_t checksum = PlanChecksum(bytes);
    ASSERT_TRUE(store_.PutBlock(job, PlanName(checksum), bytes));
    MemoryLog& log = LogOf(job);
    ASSERT_TRUE(log.Create());
    proto::JournalMessage claim;
    claim.add_records()->mutable_master_claimed()->set_uuid(1);
    ASSERT_TRUE(log.Append(Topic::kJournal, claim.SerializeAsString()));
    proto::JournalMessage message;
    message.set_sequence(1);
    proto::JobAccepted* accepted = message.add_records()->mutable_job_accepted();
    accepted->set_plan_checksum(checksum);
    accepted->set_unix_ms(clock_.now_ms);
    accepted->set_max_age_ms(kHourMs);
    proto::Step* step = accepted->add_steps();
    step->set_kind(proto::PHASE_MAP);
    step->set_tasks(1);
    accepted->set_partitions(1);
    accepted->set_attempts_max(4);
    ASSERT_TRUE(log.Append(Topic::kJournal, message.SerializeAsString()));
  }
  void Store(Incarnation version) { ASSERT_TRUE(store_.PutBlock(version, "something", "x")); }
  void Dataset(const std::string& name, Incarnation version) {
    Store(version);
    ASSERT_TRUE(store_.CompareAndSetDataset(name, std::nullopt, {version, 1}));
  }
  Swept SweepAll(const SweepOptions& options = {}) {
    const auto swept = Sweep(store_, logs_, clock_, options);
    EXPECT_TRUE(swept) << swept.error().text;
    return *swept;
  }
  Incarnations Stored() { return store_.ListStored().value(); }

  TestClock clock_;
  MemoryStore store_;
  std::map<Incarnation, MemoryLog> logs_by_job_;
  std::vector<Incarnation> removed_;
  JobLogs logs_;
};

TEST_F(UpkeepTest, WhatNobodyNeedsGoesAndNothingElse) {
  Job("open", {1}, JobState::kAccepted, {5});
  Job("over", {2}, JobState::kFinished);
  Job("put books", {3}, JobState::kOpen);
  Dataset("books", {4});
  Store({5});  // no name stands for it, and an open job reads it
  Store({6});  // an orphan
  Job("published", {7}, JobState::kFinished);
  Dataset("output", {7});
  const Swept dry = SweepAll({.is_dry = true});
  EXPECT_EQ(dry.versions, 2u);
  EXPECT_EQ(Stored().size(), 7u) << "nothing went yet";
  const Swept swept = SweepAll();
  EXPECT_EQ(swept.versions, 2u);
  EXPECT_EQ(Stored(), Incarnations({{1}, {3}, {4}, {5}, {7}}));
  EXPECT_EQ(SweepAll().versions, 0u);
}

TEST_F(UpkeepTest, AJobThatHasNotBegunHoldsAllBackUnlessToldOtherwise) {
  Job("unbegun", {1}, JobState::kOpen);
  Store({6});
  std::string said;
  EXPECT_EQ(SweepAll({.on_line = [&](const std::string& line) { said += line; }}).versions, 0u);
  EXPECT_NE(said.find("unbegun"), std::string::npos) << said;
  EXPECT_EQ(Stored(), Incarnations({{1}, {6}}));
  EXPECT_EQ(SweepAll({.also_unbegun = true}).versions, 1u);
  EXPECT_EQ(Stored(), Incarnations({{1}}));
}

TEST_F(UpkeepTest, AJobPastItsAgeIsOverAndGoes) {
  Job("old", {1}, JobState::kAccepted);
  clock_.now_ms += 2 * kHourMs;
  EXPECT_EQ(SweepAll().jobs_closed, 0u);
  clock_.now_ms += 1;
  EXPECT_EQ(SweepAll().jobs_closed, 1u);
  const JobRow row = store_.GetJob("old").value().value();
  EXPECT_EQ(row.state, JobState::kFinished);
  EXPECT_EQ(row.exit_code, 78);
  EXPECT_TRUE(Stored().empty());
  EXPECT_EQ(SweepAll().jobs_closed, 0u);
}

TEST_F(UpkeepTest, AJobWhoseJournalIsGoneIsNamedAndKept) {
  Job("lost", {1}, JobState::kAccepted);
  logs_by_job_.erase({1});
  std::string said;
  SweepAll({.on_line = [&](const std::string& line) { said += line; }});
  EXPECT_NE(said.find("minke rerun lost"), std::string::npos) << said;
  EXPECT_EQ(Stored(), Incarnations({{1}}));
}

TEST_F(UpkeepTest, AJobThatIsOverBeginsAnewWithItsSpec) {
  Job("over", {2}, JobState::kFinished);
  const auto anew = RerunJob(store_, logs_, "over");
  ASSERT_TRUE(anew) << anew.error().text;
  EXPECT_NE(*anew, Incarnation{2});
  EXPECT_EQ(store_.GetJob("over").value(), (JobRow{*anew, 7, JobState::kOpen, 0}));
  EXPECT_EQ(removed_, Incarnations({{2}}));
  EXPECT_EQ(SweepAll({.also_unbegun = true}).versions, 1u) << "what the old one left";
}

TEST_F(UpkeepTest, OnlyAJobThatIsOverOrLostIsRunAgain) {
  EXPECT_EQ(RerunJob(store_, logs_, "none").error().code, ErrorCode::kInput);
  Job("unbegun", {1}, JobState::kOpen);
  EXPECT_EQ(RerunJob(store_, logs_, "unbegun").error().code, ErrorCode::kAlreadyExists);
  Job("open", {2}, JobState::kAccepted);
  EXPECT_EQ(RerunJob(store_, logs_, "open").error().code, ErrorCode::kAlreadyExists);
  EXPECT_TRUE(removed_.empty());
  logs_by_job_.erase({2});
  EXPECT_TRUE(RerunJob(store_, logs_, "open")) << "its journal is gone";
}

}  // namespace
}  // namespace minke
