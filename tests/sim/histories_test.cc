// The histories that a plausible implementation does not survive, as far as they need no real
// server: each by its name, on real masters and workers. The judge checks the laws in each.
#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "base/logging.h"
#include "cluster.h"
#include "control/fleet.h"
#include "nodes.h"

namespace minke::sim {
namespace {

constexpr int64_t kMinute = 60'000;
constexpr int64_t kDay = 1'440 * kMinute;
constexpr uint32_t kMap = 0;  // steps of a job without sampling
constexpr uint32_t kReduce = 1;

class History : public testing::Test {
 protected:
  void SetUp() override {
    StartLogging({.role = "sim", .level = LogLevel::kOff});
    Make({});
  }
  void TearDown() override {
    for (const std::string& violation : cluster_->judge().violations()) ADD_FAILURE() << violation;
    cluster_.reset();
    if (HasFailure()) std::fputs(trace_.c_str(), stderr);
  }

  // A cluster in good weather; nothing runs yet.
  void Make(ClusterOptions options) {
    options.seed = 4;
    options.trace = [this](const std::string& line) { trace_ += line + "\n"; };
    trace_.clear();
    cluster_ = std::make_unique<Cluster>(options);
    cluster_->weather().append_ms_max = 5;
    cluster_->weather().store_ms_max = 5;
  }
  WorkerNode& StartWorker(uint32_t slots, proto::PhaseKind role = proto::PHASE_NONE) {
    return cluster_->StartWorker({.slots = slots, .role = role, .former = {}});
  }

  bool Until(const std::function<bool()>& is_true, int64_t within_ms = 10 * kMinute) {
    return cluster_->Go(cluster_->loop().now_ms() + within_ms, is_true);
  }
  void Pass(int64_t ms) {
    Until([] { return false; }, ms);
  }
  // Until the journal says so.
  bool UntilJob(const std::function<bool(const Job&)>& is_true) {
    return Until([&] {
      const Job* job = truth();
      return job != nullptr && job->accepted() != nullptr && is_true(*job);
    });
  }
  bool UntilCommitted(uint32_t step, uint32_t tasks) {
    return UntilJob([&](const Job& job) { return job.step(step).committed >= tasks; });
  }
  // That many attempts of the step are under way.
  bool UntilBegun(uint32_t step, size_t attempts) {
    return UntilJob([&](const Job& job) {
      return static_cast<size_t>(std::ranges::count_if(job.live(), [&](const auto& live) {
               return live.second.task.step == step && judge().HasBegun(id(), live.first);
             })) >= attempts;
    });
  }
  bool UntilFact(const std::function<bool(const proto::Fact&)>& is_it) {
    return Until([&] { return !FindFact(is_it).empty(); });
  }
  // The message of the inbox that holds it; empty: none does.
  std::string FindFact(const std::function<bool(const proto::Fact&)>& is_it) {
    for (const std::string& bytes : broker().MessagesOf(id(), Topic::kInbox)) {
      proto::InboxMessage message;
      EXPECT_TRUE(message.ParseFromString(bytes));
      if (std::ranges::any_of(message.facts(), is_it)) return bytes;
    }
    return {};
  }

  void EndWell() {
    ASSERT_TRUE(Until([&] { return cluster_->HasEnded(); }, 60 * kMinute)) << "it does not end";
    EXPECT_EQ(cluster_->row()->exit_code, 0);
    cluster_->CheckOutput();
  }
  int ExitOf(Process& process) {
    EXPECT_TRUE(Until([&] { return process.is_gone(); }, 120 * kMinute))
        << process.name() << " does not end";
    return process.exit_code().value_or(-1);
  }
  void Ask(uint64_t id, bool is_pause) {
    proto::Fact fact;
    if (is_pause) {
      fact.mutable_pause_requested()->set_id(id);
    } else {
      fact.mutable_resume_requested()->set_id(id);
    }
    cluster_->Request(fact);
  }

  // nullptr: there is no job yet.
  const Job* truth() { return cluster_->row() ? judge().JobOf(id()) : nullptr; }
  uint64_t claims() {
    uint64_t claims = 0;
    for (const std::string& bytes : broker().MessagesOf(id(), Topic::kJournal)) {
      proto::JournalMessage message;
      EXPECT_TRUE(message.ParseFromString(bytes));
      claims += message.records(0).has_master_claimed() ? 1 : 0;
    }
    return claims;
  }
  Incarnation id() { return cluster_->row()->incarnation; }
  Judge& judge() { return cluster_->judge(); }
  Broker& broker() { return cluster_->broker(); }

  std::string trace_;
  std::unique_ptr<Cluster> cluster_;
};

TEST_F(History, NormalJob) {
  cluster_->StartMaster();
  StartWorker(2);
  EndWell();
  EXPECT_GE(truth()->step(kMap).tasks, 5u) << "the other tests need some";
  EXPECT_EQ(truth()->attempts(), truth()->step(kMap).tasks + truth()->step(kReduce).tasks);
  EXPECT_EQ(claims(), 1u);
}

TEST_F(History, JournalDeleted) {
  Make({.codes = {78}});
  cluster_->Supervise(false);
  MasterNode& master = cluster_->StartMaster();
  WorkerNode& worker = StartWorker(2);
  ASSERT_TRUE(UntilCommitted(kMap, 2));
  broker().Recreate(id(), Topic::kJournal);
  EXPECT_EQ(ExitOf(master), 78);
  EXPECT_EQ(ExitOf(worker), 78);
  MasterNode& next = cluster_->StartMaster();
  EXPECT_EQ(ExitOf(next), 78);
  EXPECT_NE(next.last_words().find("journal is gone"), std::string::npos) << next.last_words();
  EXPECT_EQ(claims(), 0u) << "nothing was begun in the new one";
}

TEST_F(History, JournalTruncated) {
  Make({.codes = {78}});
  cluster_->Supervise(false);
  MasterNode& master = cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilCommitted(kMap, 2));
  master.Kill();
  broker().Trim(id(), Topic::kJournal, 2);
  const int64_t end = broker().RangeOf(id(), Topic::kJournal).second;
  EXPECT_EQ(ExitOf(cluster_->StartMaster()), 78);
  EXPECT_EQ(broker().RangeOf(id(), Topic::kJournal).second, end);
}

TEST_F(History, SameNameAgain) {
  MasterNode& zombie = cluster_->StartMaster();
  WorkerNode& stopped = StartWorker(1);
  StartWorker(2);
  ASSERT_TRUE(UntilBegun(kMap, 2));
  stopped.SetStopped(true);
  ASSERT_TRUE(UntilJob([](const Job& job) { return job.finished() != nullptr; }));
  zombie.SetStopped(true);  // before it has said so in the row, and cleaned up
  MasterNode& other = cluster_->StartMaster();
  EXPECT_EQ(ExitOf(other), 0);
  ASSERT_TRUE(Until([&] { return cluster_->workers().size() == 1; }));

  StoreLink link;
  SimStore store(&cluster_->database(), &link);
  const Incarnation before = id();
  const JobRow anew{Incarnation{0xfee1}, kSpecHash, JobState::kOpen, 0};
  ASSERT_EQ(store.CompareAndSetJob(kJobName, cluster_->row(), anew).value(), anew);
  MasterNode& master = cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilCommitted(kMap, 2));
  const int64_t journal_before = broker().RangeOf(before, Topic::kJournal).second;
  zombie.SetStopped(false);
  stopped.SetStopped(false);
  EXPECT_EQ(ExitOf(zombie), 75);
  EXPECT_EQ(ExitOf(stopped), 0);
  EndWell();
  EXPECT_EQ(ExitOf(master), 0);
  EXPECT_EQ(broker().RangeOf(before, Topic::kJournal).second, journal_before);
  EXPECT_EQ(claims(), 1u);
}

TEST_F(History, TwoSpecsOneName) {
  Make({.codes = {64}});
  cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilCommitted(kMap, 2));
  EXPECT_EQ(ExitOf(cluster_->StartMaster(kSpecHash + 1)), 64);
  EndWell();
  EXPECT_EQ(claims(), 1u);
}

TEST_F(History, Replanned) {
  MasterNode& master = cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilCommitted(kMap, 2));
  master.Kill();
  cluster_->RunOf(id()).plan.set_partitions(truth()->accepted()->partitions() + 1);
  EndWell();
  EXPECT_EQ(cluster_->plans_made(), 1);
}

TEST_F(History, BatchOfAssignments) {
  cluster_->weather().append_twice = 1000;
  cluster_->weather().append_late_ms_max = 300;
  cluster_->StartMaster();
  StartWorker(3);
  StartWorker(2);
  EndWell();
}

TEST_F(History, LateStarter) {
  MasterNode& zombie = cluster_->StartMaster();
  StartWorker(1);
  ASSERT_TRUE(UntilCommitted(kMap, 1));
  zombie.SetStopped(true);
  const uint64_t old_epoch = truth()->epoch();
  cluster_->StartMaster();
  ASSERT_TRUE(UntilJob([&](const Job& job) { return job.epoch() != old_epoch; }));
  // What the zombie had sent lands now: an attempt for whoever is its worker 0.
  proto::JournalMessage late;
  late.set_epoch(old_epoch);
  late.set_sequence(1'000);
  proto::AttemptAssigned* assigned = late.add_records()->mutable_attempt_assigned();
  assigned->set_n(1'000);
  assigned->set_task(truth()->step(kMap).tasks - 1);
  WorkerNode& starter = StartWorker(2);
  assigned->set_worker_id(starter.id().bits);
  for (int i = 0; i < 3; ++i) {
    broker().Land(id(), Topic::kJournal, late.SerializeAsString());
    Pass(40);
  }
  zombie.SetStopped(false);
  EXPECT_EQ(ExitOf(zombie), 75);
  EndWell();
  EXPECT_EQ(ExitOf(starter), 0);
}

TEST_F(History, AppendTimeout) {
  cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilCommitted(kMap, 1));
  cluster_->weather().append_lost = 1000;
  Pass(15'000);
  cluster_->weather().append_lost = 0;
  ASSERT_TRUE(UntilCommitted(kMap, 3));
  cluster_->weather().append_late = 1000;  // the next ones land before it
  cluster_->weather().append_late_ms_max = 40'000;
  Pass(60'000);
  cluster_->weather().append_late = 0;
  EndWell();
  EXPECT_EQ(claims(), 1u);
}

TEST_F(History, ClaimTwice) {
  MasterNode& dead = cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilCommitted(kMap, 1));
  const std::string claim = broker().MessagesOf(id(), Topic::kJournal).at(0);
  dead.Kill();
  const uint64_t old_epoch = truth()->epoch();
  MasterNode& healthy = cluster_->StartMaster();
  ASSERT_TRUE(UntilJob([&](const Job& job) { return job.epoch() != old_epoch; }));
  const uint64_t epoch = truth()->epoch();
  broker().Land(id(), Topic::kJournal, claim);
  EXPECT_EQ(ExitOf(healthy), 0);
  EndWell();
  EXPECT_EQ(truth()->epoch(), epoch);
}

TEST_F(History, CrashBeside) {
  cluster_->Supervise(false);
  cluster_->StartMaster();
  WorkerNode& crashed = StartWorker(4);
  ASSERT_TRUE(UntilBegun(kMap, 1));
  crashed.Kill();
  ASSERT_TRUE(Until([&] { return crashed.is_gone(); }));
  ASSERT_EQ(crashed.ran_when_killed().size(), 4u);
  FormerChild former;
  former.id = crashed.id();
  former.culprit = crashed.ran_when_killed().at(0);
  former.signal = 11;
  cluster_->StartWorker({.slots = 4, .role = proto::PHASE_NONE, .former = former});
  EndWell();
  EXPECT_EQ(truth()->failures(), 1u);
  EXPECT_EQ(truth()->StateOf(former.culprit), AttemptState::kFailed);
  for (uint32_t task = 0; task < truth()->step(kMap).tasks; ++task) {
    EXPECT_EQ(truth()->task({kMap, task}).losses, 0) << "none that counts";
  }
}

TEST_F(History, InboxRecreated) {
  MasterNode& master = cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilBegun(kMap, 2));
  master.SetStopped(true);
  ASSERT_TRUE(UntilFact([](const proto::Fact& fact) { return fact.has_task_done(); }));
  broker().Recreate(id(), Topic::kInbox);
  master.SetStopped(false);
  EndWell();
  EXPECT_EQ(judge().losses(), 0u);
}

TEST_F(History, StaleJoined) {
  cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilBegun(kMap, 2));
  const std::string joined = FindFact([](const proto::Fact& fact) {
    return fact.has_worker_joined() && fact.worker_joined().live().empty();
  });
  ASSERT_FALSE(joined.empty());
  broker().Land(id(), Topic::kInbox, joined);
  EndWell();
  EXPECT_EQ(judge().losses(), 0u);
}

TEST_F(History, PauseReplayed) {
  cluster_->StartMaster();
  StartWorker(1);
  ASSERT_TRUE(UntilCommitted(kMap, 1));
  Ask(1, true);
  ASSERT_TRUE(UntilJob([](const Job& job) { return job.is_paused(); }));
  const std::string paused =
      FindFact([](const proto::Fact& fact) { return fact.has_pause_requested(); });
  Ask(2, false);
  ASSERT_TRUE(UntilJob([](const Job& job) { return !job.is_paused(); }));
  broker().Land(id(), Topic::kInbox, paused);
  bool was_paused = false;
  ASSERT_TRUE(Until([&] {
    was_paused = was_paused || truth()->is_paused();
    return truth()->finished() != nullptr;
  }));
  EXPECT_FALSE(was_paused);
  EndWell();
}

TEST_F(History, MapOutputLost) {
  cluster_->StartMaster();
  WorkerNode& mapper = StartWorker(2, proto::PHASE_MAP);
  ASSERT_EQ(ExitOf(mapper), 0);
  StartWorker(1, proto::PHASE_REDUCE);
  ASSERT_TRUE(UntilBegun(kReduce, 0));
  const AttemptId winner = truth()->task({kMap, 1}).winner;
  ASSERT_GT(cluster_->database().ShuffleBlocksOf(id(), winner), 0u);
  judge().OnHarmed(id(), winner);
  while (cluster_->database().ShuffleBlocksOf(id(), winner) > 0) {
    cluster_->database().RemoveShuffleBlock(id(), winner, 0);
  }
  EndWell();
  EXPECT_EQ(judge().outputs_lost(), 1u);
  EXPECT_NE(truth()->task({kMap, 1}).winner, winner);
}

TEST_F(History, TimeoutIsNotLoss) {
  cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilJob([](const Job& job) { return job.open_step() == kReduce; }));
  cluster_->weather().is_store_away = true;
  Pass(20'000);
  cluster_->weather().is_store_away = false;
  EndWell();
  EXPECT_EQ(judge().outputs_lost(), 0u);
}

// While one reads, map tasks are lost and committed again, twice.
TEST_F(History, MixedAttempts) {
  cluster_->weather().store_ms_max = 400;
  cluster_->StartMaster();
  StartWorker(1);
  StartWorker(1);
  for (uint32_t round = 0; round < 2; ++round) {
    ASSERT_TRUE(UntilJob([&](const Job& job) {
      return job.open_step() == kReduce && judge().outputs_lost() == round &&
             job.step(kMap).committed == job.step(kMap).tasks;
    }));
    const AttemptId winner = truth()->task({kMap, round}).winner;
    judge().OnHarmed(id(), winner);
    for (size_t left = cluster_->database().ShuffleBlocksOf(id(), winner); left > 0; --left) {
      cluster_->database().DamageShuffleBlock(id(), winner, left - 1, round == 1);
    }
    ASSERT_TRUE(Until([&] { return judge().outputs_lost() == round + 1; }));
  }
  EndWell();
}

TEST_F(History, PauseForDays) {
  for (const bool is_too_old : {false, true}) {
    Make({.max_age_ms = is_too_old ? kDay : 30 * kDay, .codes = {78}});
    cluster_->Supervise(false);
    MasterNode& master = cluster_->StartMaster();
    WorkerNode& worker = StartWorker(1);
    ASSERT_TRUE(UntilCommitted(kMap, 2));
    Ask(1, true);
    ASSERT_TRUE(UntilJob([](const Job& job) { return job.is_paused() && job.live().empty(); }));
    const uint64_t attempts = truth()->attempts();
    master.Kill();
    worker.Kill();
    Pass(3 * kDay);
    MasterNode& next = cluster_->StartMaster();
    StartWorker(1);
    if (is_too_old) {
      EXPECT_EQ(ExitOf(next), 78);
      EXPECT_EQ(truth()->attempts(), attempts) << "nothing is run again";
      continue;
    }
    Pass(2 * kMinute);
    EXPECT_EQ(truth()->attempts(), attempts);
    Ask(2, false);
    EndWell();
    EXPECT_EQ(truth()->attempts(), truth()->step(kMap).tasks + truth()->step(kReduce).tasks);
  }
}

TEST_F(History, TwoCreates) {
  cluster_->StartMaster();
  cluster_->StartMaster();
  StartWorker(2);
  EndWell();
  EXPECT_GE(claims(), 1u);
}

// A task that gets worker after worker killed.
TEST_F(History, LeakingTask) {
  Make({.losses_max = 20, .codes = {70}});
  cluster_->Supervise(false);
  MasterNode& master = cluster_->StartMaster();
  ASSERT_TRUE(UntilJob([](const Job& job) { return job.open_step().has_value(); }));
  int killed = 0;
  while (cluster_->row()->state != JobState::kFinished && killed < 100) {
    WorkerNode& worker = StartWorker(1);
    const bool has_begun = Until([&] {
      if (master.is_gone()) return true;
      return std::ranges::any_of(truth()->LiveAttemptsOf({kMap, 0}), [&](AttemptId attempt) {
        return truth()->WorkerOf(attempt) == worker.id() && judge().HasBegun(id(), attempt);
      });
    });
    ASSERT_TRUE(has_begun);
    if (master.is_gone()) break;
    worker.Kill();
    ++killed;
  }
  EXPECT_EQ(killed, 20);
  EXPECT_EQ(ExitOf(master), 70);
  EXPECT_NE(master.last_words().find("lost 20 times"), std::string::npos) << master.last_words();
}

TEST_F(History, NoWorkers) {
  cluster_->Supervise(false);
  MasterNode& master = cluster_->StartMaster();
  EXPECT_EQ(ExitOf(master), 75);
  EXPECT_NE(master.last_words().find("no worker"), std::string::npos) << master.last_words();
  EXPECT_GE(cluster_->loop().now_ms(), 60 * kMinute);
  cluster_->StartMaster();
  StartWorker(2);
  EndWell();
}

TEST_F(History, OutageAndLeases) {
  cluster_->Supervise(false);
  MasterNode& master = cluster_->StartMaster();
  WorkerNode& worker = StartWorker(2);
  worker.slowness = 300;
  ASSERT_TRUE(UntilJob([](const Job& job) { return job.live().size() >= 2; }));
  cluster_->weather().is_log_away = true;
  Pass(13'000);
  cluster_->weather().is_log_away = false;
  Pass(5'000);
  master.SetStopped(true);
  Pass(60'000);
  master.SetStopped(false);
  Pass(20'000);
  EXPECT_EQ(judge().losses(), 0u);
  worker.SetStopped(true);
  Pass(25'000);  // less than a lease
  worker.SetStopped(false);
  master.Kill();
  cluster_->StartMaster();
  worker.slowness = 1;
  EndWell();
  EXPECT_EQ(judge().losses(), 0u);
  EXPECT_EQ(truth()->attempts(), truth()->step(kMap).tasks + truth()->step(kReduce).tasks);
}

TEST_F(History, GateAfterEnd) {
  cluster_->StartMaster();
  StartWorker(2);
  EndWell();
  const uint64_t before = claims();
  EXPECT_EQ(ExitOf(StartWorker(2)), 0);
  EXPECT_EQ(ExitOf(StartWorker(2, proto::PHASE_REDUCE)), 0);
  EXPECT_EQ(ExitOf(cluster_->StartMaster()), 0);
  EXPECT_EQ(claims(), before);
}

// What waits behind a slow attempt goes to a worker that is idle.
TEST_F(History, SlowFront) {
  cluster_->StartMaster();
  WorkerNode& slow = StartWorker(1);
  ASSERT_TRUE(UntilJob([](const Job& job) { return job.live().size() == 2; }));
  slow.SetStopped(true);  // its lease runs, and less than that is enough
  StartWorker(2);
  const uint32_t others = truth()->step(kMap).tasks - 1;
  const int64_t begun_ms = cluster_->loop().now_ms();
  ASSERT_TRUE(UntilCommitted(kMap, others));
  EXPECT_LT(cluster_->loop().now_ms() - begun_ms, 25'000);
  slow.SetStopped(false);
  EndWell();
}

TEST_F(History, DoneTooEarly) {
  cluster_->weather().store_late = 200;
  cluster_->weather().store_unanswered = 200;
  cluster_->weather().store_late_ms_max = 20'000;
  cluster_->StartMaster();
  StartWorker(2);
  ASSERT_TRUE(UntilCommitted(kMap, 3));
  cluster_->weather().store_late = cluster_->weather().store_unanswered = 0;
  EndWell();
}

// A worker that nobody hears of any more does its work all the same, and comes back when it was
// done elsewhere.
TEST_F(History, LoserAfterLost) {
  cluster_->StartMaster();
  WorkerNode& unheard = StartWorker(1);
  ASSERT_TRUE(UntilBegun(kMap, 1));
  const AttemptId attempt = truth()->live().begin()->first;
  const TaskId task = truth()->TaskOf(attempt);
  unheard.is_cut_from_log = true;
  StartWorker(2);
  ASSERT_TRUE(UntilJob([&](const Job& job) { return job.task(task).winner.n != 0; }));
  EXPECT_EQ(truth()->StateOf(attempt), AttemptState::kLost);
  cluster_->machinery().weather.append_ms_max = 2'000;  // there is time for what it says to land
  unheard.is_cut_from_log = false;
  unheard.Ready();
  ASSERT_TRUE(UntilFact([&](const proto::Fact& fact) {
    return fact.has_task_done() && FromProto(fact.task_done().attempt()) == attempt;
  }));
  EndWell();
  EXPECT_NE(truth()->task(task).winner, attempt);
}

// What a stopped master and a stopped worker still say counts for nothing.
TEST_F(History, ZombiesGoOn) {
  MasterNode& master = cluster_->StartMaster();
  WorkerNode& worker = StartWorker(2);
  StartWorker(1);
  ASSERT_TRUE(UntilBegun(kMap, 3));
  master.SetStopped(true);
  worker.SetStopped(true);
  cluster_->StartMaster();
  ASSERT_TRUE(UntilJob([](const Job& job) { return job.open_step() == kReduce; }));
  master.SetStopped(false);
  worker.SetStopped(false);
  EXPECT_EQ(ExitOf(master), 75);
  EndWell();
}

// Killed at each record of the journal, and started again: no committed task runs again.
class Killed : public History, public testing::WithParamInterface<int> {};

TEST_P(Killed, AtEachRecord) {
  const auto begin = [&] {
    Make({.kind = static_cast<JobKind>(GetParam())});
    return cluster_->row() ? 0 : 1;
  };
  ASSERT_EQ(begin(), 1);
  cluster_->StartMaster();
  StartWorker(2);
  EndWell();
  const int64_t length = broker().RangeOf(id(), Topic::kJournal).second;
  for (int64_t at = 1; at <= length && !HasFailure(); ++at) {
    SCOPED_TRACE(fmt::format("at record {} of {}", at, length));
    begin();
    MasterNode& master = cluster_->StartMaster();
    StartWorker(2);
    ASSERT_TRUE(Until(
        [&] { return cluster_->row() && broker().RangeOf(id(), Topic::kJournal).second >= at; }));
    master.Kill();
    EndWell();
    EXPECT_EQ(truth()->attempts(), judge().commits()) << "each task ran once";
    for (const std::string& violation : judge().violations()) ADD_FAILURE() << violation;
  }
}

INSTANTIATE_TEST_SUITE_P(Jobs, Killed, testing::Range(0, kJobKinds));

}  // namespace
}  // namespace minke::sim
