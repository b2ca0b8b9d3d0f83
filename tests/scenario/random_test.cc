// Seeded faults on the scenarios' world: whatever happens, the laws hold (World and Life check
// them), every reader of the journal has the same Job, and the job finishes once the faults stop.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "control/journal.h"
#include "world.h"

namespace minke {
namespace {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t Below(uint64_t bound) {  // splitmix64
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) % bound;
  }
  bool Chance(uint64_t percent) { return Below(100) < percent; }
  template <typename T>
  const T& Of(const std::vector<T>& all) {
    return all[Below(all.size())];
  }

 private:
  uint64_t state_;
};

class Storm {
 public:
  explicit Storm(uint64_t seed)
      : random_(seed), world_([this](const std::string& line) { trace_ += line + "\n"; }) {
    world_.shape.samples = random_.Chance(30) ? 2 : 0;
    world_.shape.maps = static_cast<uint32_t>(1 + random_.Below(40));
    world_.shape.reduces = static_cast<uint32_t>(random_.Below(7));
    world_.shape.exports = random_.Below(4) == 0;
    world_.shape.attempts_max = 1'000;
    world_.shape.backups = random_.Chance(50);
    world_.tuning.master.decide.losses_max = 1'000;
    world_.tuning.master.decide.records_bytes_max = random_.Chance(30) ? 250 : 64 << 10;
    world_.tuning.master.winners_bytes_max = 20;
  }

  void Blow(int operations) {
    world_.fate = [this](Topic) {
      const uint64_t dice = random_.Below(100);
      if (dice < 4) return Fate::kLost;
      if (dice < 8) return Fate::kTwice;
      return dice < 13 ? Fate::kHeld : Fate::kLands;
    };
    for (int i = 0; i < operations && !IsFinished(); ++i) {
      KeepAlive();
      Once();
      world_.Pump();
      CompareJobs();
    }
  }

  // The faults stop, what was kept back lands, and everybody works.
  void Calm() {
    world_.fate = nullptr;
    world_.SetOutage(false);
    while (world_.held() > 0) world_.Land(0);
    for (const auto& all : {world_.masters(), world_.workers()}) {
      for (const std::string& name : all) world_.SetFrozen(name, false);
    }
    for (const std::string& name : world_.workers()) world_.SetCutOff(name, false);
    Request(false);
    for (int round = 0; round < 200 && !IsFinished(); ++round) {
      KeepAlive();
      if (world_.workers().size() < 2) StartWorker();
      for (const std::string& worker : world_.workers()) {
        for (const Attempt& attempt : world_.RunningOn(worker)) {
          world_.Done(worker, attempt.start.id);
        }
      }
      world_.PassTime(5'000);
      CompareJobs();
    }
  }

  bool IsFinished() const { return world_.row() && world_.row()->state == RowState::kFinished; }
  World& world() { return world_; }
  const std::string& trace() const { return trace_; }

 private:
  void KeepAlive() {
    if (world_.masters().empty()) world_.StartMaster(fmt::format("m{:04}", ++masters_));
    world_.Pump();
  }

  void StartWorker() {
    WorkerTuning tuning;
    tuning.slots = static_cast<uint32_t>(1 + random_.Below(3));
    const proto::PhaseKind roles[] = {proto::PHASE_NONE, proto::PHASE_MAP, proto::PHASE_REDUCE};
    tuning.role = roles[random_.Below(3)];
    if (!died_.empty() && random_.Chance(60)) {
      tuning.former = died_;
      if (random_.Chance(50)) tuning.culprit = culprit_;
      tuning.signal = 9;
      died_.clear();
    }
    world_.StartWorker(fmt::format("w{:04}", ++workers_), tuning);
  }

  void KillWorker(const std::string& name) {
    const auto running = world_.RunningOn(name);
    culprit_ = running.empty() ? AttemptId() : running.front().start.id;
    died_ = name;
    world_.Kill(name);
  }

  void EndOne() {
    const auto workers = world_.workers();
    if (workers.empty()) return StartWorker();
    const std::string worker = random_.Of(workers);
    const auto running = world_.RunningOn(worker);
    if (running.empty() || world_.IsFrozen(worker)) return;
    const AttemptId attempt = random_.Of(running).start.id;
    if (random_.Chance(85)) return world_.Done(worker, attempt);
    const ErrorCode code = random_.Chance(50) ? ErrorCode::kUserCode : ErrorCode::kUnavailable;
    world_.Fail(worker, attempt, Error{code, "by chance"});
  }

  void LoseRows() {
    if (!world_.row() || world_.row()->state != RowState::kAccepted) return;
    const Job& job = world_.life().truth();
    const auto map = job.StepOf(proto::PHASE_MAP);
    if (!map) return;
    const auto task = static_cast<uint32_t>(random_.Below(job.step(*map).tasks));
    const AttemptId winner = job.task({*map, task}).winner;
    if (random_.Chance(50)) {
      world_.life().lost_outputs.insert(winner);
    } else {
      world_.life().reports.erase(winner);
    }
  }

  void Request(bool is_pause) {
    proto::Fact fact;
    if (is_pause) {
      fact.mutable_pause_requested()->set_id(++requests_);
    } else {
      fact.mutable_resume_requested()->set_id(++requests_);
    }
    if (world_.row()) world_.Append(fact);
  }

  void Repeat() {
    if (!world_.row()) return;
    const Topic topic = random_.Chance(50) ? Topic::kJournal : Topic::kInbox;
    const auto& messages = world_.life().messages(topic);
    if (messages.empty()) return;
    const std::string copy = random_.Of(messages);
    world_.life().Put(topic, copy);
  }

  void Once() {
    const uint64_t dice = random_.Below(100);
    const auto masters = world_.masters();
    const auto workers = world_.workers();
    const bool is_worker = random_.Chance(70);
    const auto& processes = is_worker ? workers : masters;
    if (dice < 40) return EndOne();
    if (dice < 60) return world_.PassTime(static_cast<int64_t>(random_.Below(12'000)));
    if (dice < 67) return StartWorker();
    if (dice < 72) return world_.StartMaster(fmt::format("m{:04}", ++masters_));
    if (dice < 75) return Repeat();
    if (dice < 77) return Request(random_.Chance(30));
    if (dice < 80) return LoseRows();
    if (dice < 84 && world_.held() > 0) return world_.Land(random_.Below(world_.held()));
    if (dice < 86) return world_.SetOutage(random_.Chance(40));
    if (dice < 87 && world_.row()) return world_.life().Erase(Topic::kInbox);
    if (processes.empty()) return;
    const std::string& name = random_.Of(processes);
    if (dice < 93) return world_.SetFrozen(name, random_.Chance(40));
    if (dice < 97 && is_worker) return world_.SetCutOff(name, random_.Chance(40));
    is_worker ? KillWorker(name) : world_.Kill(name);
  }

  // Whoever has read the journal has the same Job.
  void CompareJobs() {
    if (!world_.row()) return;
    for (const std::string& name : world_.masters()) {
      MasterBrain& master = *world_.master(name);
      if (master.job().epoch() == 0 || world_.IsFrozen(name) ||
          master.Gate(proto::PHASE_NONE).state != GateState::kOpen) {
        continue;
      }
      const auto read = static_cast<size_t>(master.Gate(proto::PHASE_NONE).position.offset);
      if (read != world_.life().messages(Topic::kJournal).size()) continue;
      EXPECT_EQ(master.job(), world_.life().truth()) << name;
    }
  }

  Random random_;
  std::string trace_;
  World world_;
  int masters_ = 0, workers_ = 0;
  uint64_t requests_ = 0;
  std::string died_;
  AttemptId culprit_;
};

Job Replay(const std::vector<std::string>& journal) {
  JournalReader reader;
  Job job;
  for (size_t i = 0; i < journal.size(); ++i) {
    auto message = reader.Read(static_cast<int64_t>(i), journal[i]);
    EXPECT_TRUE(message.has_value()) << message.error().text;
    if (!message || *message == nullptr) continue;
    for (const proto::JournalRecord& record : (*message)->records()) {
      const Status applied = job.Apply(static_cast<int64_t>(i), *reader.position().epoch, record);
      EXPECT_TRUE(applied.has_value()) << applied.error().text;
    }
  }
  return job;
}

class RandomFaults : public testing::TestWithParam<uint64_t> {};

TEST_P(RandomFaults, BreakNoLawAndTheJobFinishesWhenTheyStop) {
  for (uint64_t i = 0; i < 40 && !HasFailure(); ++i) {
    const uint64_t seed = GetParam() * 1'000 + i;
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Storm storm(seed);
    storm.Blow(250);
    storm.Calm();
    EXPECT_EQ(storm.world().violations(), 0u) << storm.trace();
    ASSERT_TRUE(storm.IsFinished()) << storm.trace();
    EXPECT_EQ(storm.world().row()->exit_code, 0) << storm.trace();
    const Job job = Replay(storm.world().life().messages(Topic::kJournal));
    EXPECT_EQ(job, storm.world().life().truth());
    for (uint32_t step = 0; step < job.steps(); ++step) {
      EXPECT_EQ(job.step(step).committed, job.step(step).tasks);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFaults, testing::Range<uint64_t>(0, 10));

TEST(RandomFaults, SameSeedSameTrace) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    Storm first(seed);
    Storm second(seed);
    first.Blow(250);
    second.Blow(250);
    EXPECT_EQ(first.trace(), second.trace());
  }
}

}  // namespace
}  // namespace minke
