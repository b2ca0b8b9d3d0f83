// The master when log and store do not answer, refuse, or are made anew. That it does its work is
// shown by file_run_test and the tests of the command.
#include "runtime/master.h"

#include <deque>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "adapter/memory_log.h"
#include "adapter/memory_store.h"
#include "control/plan.h"
#include "runtime/job_blocks.h"
#include "task/attempt.h"

namespace minke {
namespace {

const Error kAway{ErrorCode::kUnavailable, "the log at 127.0.0.1:9092 does not answer"};

class TestClock final : public Clock {
 public:
  int64_t NowMs() const override { return now_ms; }
  int64_t UnixMs() const override { return 1'700'000'000'000 + now_ms; }
  int64_t now_ms = 1;
};

// What a log is to do wrong. Shared by all handles and readers.
struct Trouble {
  bool is_away = false;                // polls, and all that asks the service, are answered so
  int refused_appends = 0;             // the next ones
  std::map<Topic, int> broken_polls;   // so many say that the topic was made anew
  std::map<Topic, int> missing_topic;  // so many questions for the range find no topic
  int created = 0;                     // how often the topics were made or verified
};

class UnsteadyReader final : public LogReader {
 public:
  UnsteadyReader(std::unique_ptr<LogReader> inner, Topic topic, Trouble* trouble)
      : inner_(std::move(inner)), topic_(topic), trouble_(trouble) {}
  Result<std::vector<LogMessage>> Poll(size_t bytes_max) override {
    if (trouble_->is_away) return kAway;
    if (trouble_->broken_polls[topic_]-- > 0) {
      return Error{ErrorCode::kCorruption, "the topic was made anew"};
    }
    return inner_->Poll(bytes_max);
  }
  int64_t position() const override { return inner_->position(); }
  bool is_at_end() const override { return !trouble_->is_away && inner_->is_at_end(); }

 private:
  std::unique_ptr<LogReader> inner_;
  Topic topic_;
  Trouble* trouble_;
};

class UnsteadyLog final : public Log {
 public:
  UnsteadyLog(const MemoryLog& inner, Trouble* trouble) : inner_(inner), trouble_(trouble) {}
  Status Create() override {
    if (trouble_->is_away) return kAway;
    ++trouble_->created;
    return inner_.Create();
  }
  Status Append(Topic topic, std::string bytes) override {
    if (topic == Topic::kJournal && trouble_->refused_appends-- > 0) return kAway;
    return inner_.Append(topic, std::move(bytes));
  }
  Result<std::pair<int64_t, int64_t>> Range(Topic topic) override {
    if (trouble_->is_away) return kAway;
    if (trouble_->missing_topic[topic]-- > 0) return Error{ErrorCode::kNotFound, "no such topic"};
    return inner_.Range(topic);
  }
  Result<std::unique_ptr<LogReader>> Read(Topic topic, int64_t from) override {
    if (trouble_->is_away) return kAway;
    return std::make_unique<UnsteadyReader>(MINKE_TRY(inner_.Read(topic, from)), topic, trouble_);
  }
  Status Close() override { return inner_.Close(); }
  void OnReady(std::function<void()> ready) override { inner_.OnReady(std::move(ready)); }

 private:
  MemoryLog inner_;
  Trouble* trouble_;
};

// Reports may be lost, or damaged.
class LosingStore final : public MemoryStore {
 public:
  Result<std::string> GetBlock(Incarnation job, const std::string& name) override {
    if (has_lost_reports && name.starts_with("report-")) {
      return Error{ErrorCode::kNotFound, "no such block"};
    }
    if (name.starts_with("report-") && damaged_reads-- > 0) {
      return Error{ErrorCode::kCorruption, "the block is not what was written"};
    }
    return MemoryStore::GetBlock(job, name);
  }
  bool has_lost_reports = false;
  int damaged_reads = 0;  // so many are answered so
};

// A job of one map task, whose worker is the test.
class MasterTest : public testing::Test {
 protected:
  std::unique_ptr<Master> NewMaster() {
    MasterPorts ports;
    ports.open_log = [this](Incarnation incarnation) -> Result<std::unique_ptr<Log>> {
      opened_.push_back(incarnation);
      return std::make_unique<UnsteadyLog>(log_, &trouble_);
    };
    ports.store = &store_;
    ports.clock = &clock_;
    ports.random_bits = [this] { return ++ids_; };
    ports.service_timeout_ms = 60'000;
    MasterDuties duties;
    duties.make_plan = []() -> Result<proto::Plan> {
      proto::Plan plan;
      plan.set_partitions(1);
      plan.set_attempts_max(4);
      proto::Step* step = plan.add_steps();
      step->set_kind(proto::PHASE_MAP);
      step->set_tasks(1);
      return plan;
    };
    duties.publish = [this](const Publish& publish,
                            const proto::Manifest& manifest) -> Result<uint64_t> {
      if (away_when_publishing_-- > 0) return kAway;
      if (other_version_ != 0 && publish.expected != other_version_) return other_version_;
      published_.assign(manifest.parts().begin(), manifest.parts().end());
      return publish.mine;
    };
    MasterOptions options;
    options.job_name = "job";
    options.uuid = ++ids_;
    options.fresh_incarnation = Incarnation{++ids_};
    return std::make_unique<Master>(std::move(ports), std::move(duties), options);
  }

  // Until nothing happens any more, or the master exits.
  void Settle(Master& master) {
    for (int turns = 0; master.RunOnce(); ++turns) ASSERT_LT(turns, 10'000);
  }
  // … and on to the next time at which it wants to be called, over and over, for so long.
  void PassTime(Master& master, int64_t ms) {
    const int64_t until_ms = clock_.now_ms + ms;
    for (int turns = 0; !master.exit(); ++turns) {
      ASSERT_LT(turns, 10'000);
      Settle(master);
      const int64_t next_ms = std::max(clock_.now_ms + 1, master.wake_at_ms());
      if (next_ms > until_ms) break;
      clock_.now_ms = next_ms;
    }
    clock_.now_ms = std::max(clock_.now_ms, until_ms);
    Settle(master);
  }

  void Tell(const std::function<void(proto::Fact&)>& fill) {
    proto::InboxMessage message;
    fill(*message.add_facts());
    ASSERT_TRUE(log_.Append(Topic::kInbox, message.SerializeAsString()));
  }
  void Join() {
    Tell([this](proto::Fact& fact) {
      fact.mutable_worker_joined()->set_worker_id(77);
      fact.mutable_worker_joined()->set_slots(1);
      fact.mutable_worker_joined()->set_as_of(
          static_cast<uint64_t>(log_.Range(Topic::kJournal).value().second - 1));
    });
  }
  // The one attempt that is assigned ends well, with its report in the store.
  void End(const Master& master) {
    ASSERT_EQ(master.brain().job().live().size(), 1u);
    const AttemptId attempt = master.brain().job().live().begin()->first;
    proto::Report report;
    report.add_outputs()->set_records(12);
    ASSERT_TRUE(store_.PutBlock(master.brain().incarnation(), ReportName(attempt),
                                report.SerializeAsString()));
    Tell([&](proto::Fact& fact) { ToProto(attempt, fact.mutable_task_done()->mutable_attempt()); });
  }
  // From a worker that joins to the master's exit.
  void Finish(Master& master) {
    Join();
    Settle(master);
    End(master);
    PassTime(master, 1'000);
    ASSERT_TRUE(master.exit());
    EXPECT_EQ(master.exit()->code, 0) << master.exit()->text;
    ASSERT_EQ(published_.size(), 1u);
    EXPECT_EQ(published_[0].file().records(), 12u);
  }

  int Claims() {
    int claims = 0;
    const auto reader = log_.Read(Topic::kJournal, 0).value();
    const std::vector<LogMessage> messages = reader->Poll(1 << 20).value();
    for (const LogMessage& read : messages) {
      proto::JournalMessage message;
      EXPECT_TRUE(message.ParseFromString(read.bytes));
      for (const auto& record : message.records()) claims += record.has_master_claimed() ? 1 : 0;
    }
    return claims;
  }

  TestClock clock_;
  MemoryLog log_{&clock_};
  LosingStore store_;
  Trouble trouble_;
  uint64_t ids_ = 0;
  std::vector<Incarnation> opened_;
  int away_when_publishing_ = 0;
  uint64_t other_version_ = 0;  // that the output's name stands for
  std::vector<proto::ManifestPart> published_;
};

TEST_F(MasterTest, DoesTheJobWithoutTrouble) {
  const auto master = NewMaster();
  Settle(*master);
  Finish(*master);
  EXPECT_EQ(Claims(), 1);
}

TEST_F(MasterTest, AnInboxMadeAnewIsClaimedAgainAndReadFromItsStart) {
  const auto master = NewMaster();
  Settle(*master);
  trouble_.broken_polls[Topic::kInbox] = 1;
  trouble_.missing_topic[Topic::kInbox] = 1;
  const int created = trouble_.created;
  Settle(*master);
  EXPECT_EQ(Claims(), 2);
  EXPECT_EQ(trouble_.created, created + 1);
  Finish(*master);
}

TEST_F(MasterTest, HeartbeatsThatAreTrimmedOrMadeAnewAreReadFromTheirEnd) {
  const auto master = NewMaster();
  Settle(*master);
  trouble_.broken_polls[Topic::kHeartbeat] = 3;
  Settle(*master);
  EXPECT_EQ(Claims(), 1);
  trouble_.broken_polls[Topic::kHeartbeat] = 1;
  trouble_.missing_topic[Topic::kHeartbeat] = 1;
  Settle(*master);
  EXPECT_EQ(Claims(), 2) << "a claim makes what is gone anew";
  Finish(*master);
}

TEST_F(MasterTest, ARefusedMessageIsSentAgain) {
  const auto master = NewMaster();
  trouble_.refused_appends = 2;
  Settle(*master);
  EXPECT_EQ(Claims(), 0);
  PassTime(*master, 25'000);
  EXPECT_EQ(Claims(), 1);
  Finish(*master);
}

TEST_F(MasterTest, ALogThatIsAwayIsWaitedForAndLeasesStandStill) {
  const auto master = NewMaster();
  Settle(*master);
  Join();
  Settle(*master);
  ASSERT_EQ(master->brain().job().live().size(), 1u);
  trouble_.is_away = true;
  PassTime(*master, 50'000);
  EXPECT_FALSE(master->exit());
  trouble_.is_away = false;
  PassTime(*master, 5'000);
  EXPECT_EQ(master->brain().job().live().size(), 1u) << "no lease ran out";
  End(*master);
  PassTime(*master, 1'000);
  ASSERT_TRUE(master->exit());
  EXPECT_EQ(master->exit()->code, 0);
}

TEST_F(MasterTest, ALogThatIsAwayForTooLongEndsTheMasterWith75NamingIt) {
  trouble_.is_away = true;
  const auto master = NewMaster();
  PassTime(*master, 65'000);
  ASSERT_TRUE(master->exit());
  EXPECT_EQ(master->exit()->code, 75);
  EXPECT_NE(master->exit()->text.find("127.0.0.1:9092"), std::string::npos);
  EXPECT_NE(master->exit()->text.find("60 s"), std::string::npos) << master->exit()->text;
}

TEST_F(MasterTest, AStoreThatIsAwayWhilePublishingIsWaitedFor) {
  const auto master = NewMaster();
  Settle(*master);
  away_when_publishing_ = 5;
  Join();
  Settle(*master);
  End(*master);
  Settle(*master);
  EXPECT_FALSE(master->exit());
  PassTime(*master, 20'000);
  ASSERT_TRUE(master->exit());
  EXPECT_EQ(master->exit()->code, 0) << master->exit()->text;
  EXPECT_EQ(published_.size(), 1u);
}

TEST_F(MasterTest, AnotherVersionThatStandsIsReplacedOnceTheJournalNamesIt) {
  const auto master = NewMaster();
  Settle(*master);
  other_version_ = 99;
  Finish(*master);
  EXPECT_EQ(master->brain().job().publish()->expected(), 99u);
}

TEST_F(MasterTest, ATaskWhoseReportIsDamagedRunsAgain) {
  const auto master = NewMaster();
  Settle(*master);
  store_.damaged_reads = 1;
  Join();
  Settle(*master);
  End(*master);
  Settle(*master);
  EXPECT_FALSE(master->exit());
  End(*master);
  PassTime(*master, 1'000);
  ASSERT_TRUE(master->exit());
  EXPECT_EQ(master->exit()->code, 0) << master->exit()->text;
}

TEST_F(MasterTest, TheNextMasterPublishesWhatAReportSaidThatIsGoneByThen) {
  {
    const auto master = NewMaster();
    Settle(*master);
    away_when_publishing_ = 1;
    Join();
    Settle(*master);
    End(*master);
    Settle(*master);
    ASSERT_NE(master->brain().job().publish(), nullptr);
  }
  store_.has_lost_reports = true;
  const auto next = NewMaster();
  PassTime(*next, 5'000);
  ASSERT_TRUE(next->exit());
  EXPECT_EQ(next->exit()->code, 0) << next->exit()->text;
  EXPECT_EQ(published_.size(), 1u);
}

TEST_F(MasterTest, OfTwoThatStartAtOnceBothOpenTheLogOfTheOneIncarnation) {
  const auto first = NewMaster();
  const auto second = NewMaster();
  for (bool went_on = true; went_on;) {
    went_on = first->RunOnce();
    went_on = second->RunOnce() || went_on;
  }
  ASSERT_EQ(opened_.size(), 2u);
  EXPECT_EQ(opened_[0], opened_[1]);
  ASSERT_TRUE(first->exit());
  EXPECT_EQ(first->exit()->code, 75) << "fenced";
  Finish(*second);
}

}  // namespace
}  // namespace minke
