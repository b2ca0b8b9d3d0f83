#include "storm.h"

#include <fmt/format.h>

#include "nodes.h"
#include "task/attempt.h"

namespace minke::sim {
namespace {

constexpr int64_t kStormMs = 200'000;
constexpr int64_t kCalmMs = 1'800'000;  // in which a run must end
constexpr size_t kMastersMax = 3;
constexpr size_t kWorkersMax = 6;

WorkerShape DrawShape(Random& random) {
  WorkerShape shape;
  shape.slots = static_cast<uint32_t>(random.Between(1, 3));
  const std::vector<proto::PhaseKind> roles = {proto::PHASE_NONE, proto::PHASE_NONE,
                                               proto::PHASE_MAP, proto::PHASE_REDUCE};
  shape.role = random.Of(roles);
  return shape;
}

}  // namespace

Storm::Storm(Cluster* cluster, Random random) : cluster_(*cluster), random_(random) {
  const std::vector<Fault> all = {
      &Storm::Kill,           &Storm::StopForAWhile, &Storm::CutOff,
      &Storm::StartMaster,    &Storm::StartWorker,   &Storm::TellToStop,
      &Storm::StoreAway,      &Storm::LogAway,       &Storm::Lag,
      &Storm::LoseBlock,      &Storm::LoseReport,    &Storm::MakeTopicAnew,
      &Storm::TrimHeartbeats, &Storm::RepeatMessage, &Storm::PauseAndResume};
  const uint64_t density = random_.Of(std::vector<uint64_t>{100, 250, 600});
  for (const Fault fault : all) {
    if (random_.Chance(density)) faults_.push_back(fault);
  }
  if (faults_.empty()) faults_.push_back(random_.Of(all));
  pause_ms_max_ = random_.Between(400, 9'000);
  SetWeather(density);
}

void Storm::SetWeather(uint64_t density) {
  Weather& weather = cluster_.weather();
  const auto some = [this, density](uint32_t per_mille_max) {
    return random_.Chance(density) ? static_cast<uint32_t>(random_.Below(per_mille_max)) : 0;
  };
  weather.append_ms_max = random_.Between(0, 40);
  weather.append_lost = some(60);
  weather.append_twice = some(60);
  weather.append_late = some(60);
  weather.append_refused = some(60);
  weather.append_late_ms_max = random_.Between(100, 25'000);
  weather.store_ms_max = random_.Between(0, 30);
  weather.store_refused = some(40);
  weather.store_unanswered = some(40);
  weather.store_late = some(40);
  weather.scan_misses = some(100);
  weather.store_late_ms_max = random_.Between(100, 25'000);
  weather.dies = random_.Chance(density) ? static_cast<uint32_t>(random_.Below(3'000)) : 0;
  weather.user_code = some(60);
}

void Storm::Blow(int64_t until_ms) {
  Loop& loop = cluster_.loop();
  while (loop.now_ms() < until_ms && !cluster_.HasEnded()) {
    const int64_t next_ms = loop.now_ms() + random_.Between(20, pause_ms_max_);
    if (cluster_.Go(next_ms, [this] { return cluster_.HasEnded(); })) return;
    (this->*random_.Of(faults_))();
  }
}

void Storm::Calm() {
  is_calm_ = true;
  cluster_.Say("is over");
  Weather& weather = cluster_.weather();
  weather = Weather();
  weather.append_ms_max = 10;
  weather.store_ms_max = 10;
  for (Process* process : cluster_.processes()) {
    process->SetStopped(false);
    process->is_cut_from_log = process->is_cut_from_store = false;
    process->lag = 0;
    process->slowness = 1;
  }
  proto::Fact fact;
  fact.mutable_resume_requested()->set_id(++requests_);
  cluster_.Request(fact);
  cluster_.StartWorker({.slots = 2, .role = proto::PHASE_NONE, .former = {}});
}

void Storm::Later(int64_t ms, std::function<void()> end) {
  cluster_.loop().After(ms, [this, end = std::move(end)] {
    if (!is_calm_) end();
  });
}

Process* Storm::AnyProcess() {
  const auto all = cluster_.processes();
  return all.empty() ? nullptr : random_.Of(all);
}

// Shorter than a lease as often as longer.
int64_t Storm::AWhile() {
  return random_.Chance(500) ? random_.Between(100, 25'000) : random_.Between(31'000, 75'000);
}

void Storm::Kill() {
  if (Process* process = AnyProcess()) process->Kill();
}

void Storm::StopForAWhile() {
  Process* process = AnyProcess();
  if (process == nullptr || process->is_stopped()) return;
  process->SetStopped(true);
  Later(AWhile(), [process] { process->SetStopped(false); });
}

// From the log, as often as not only from that: its attempts go on, and nobody hears of them.
void Storm::CutOff() {
  Process* process = AnyProcess();
  if (process == nullptr || process->is_cut_from_log || process->is_cut_from_store) return;
  const uint64_t dice = random_.Below(10);
  process->is_cut_from_log = dice < 8;
  process->is_cut_from_store = dice >= 5;
  process->Say(
      fmt::format("is cut off from{}{}", dice < 8 ? " log" : "", dice < 5 ? "" : " store"));
  Later(AWhile(), [process] {
    if (process->is_alive()) process->Say("reaches the services again");
    process->is_cut_from_log = process->is_cut_from_store = false;
    process->Ready();
  });
}

void Storm::StartMaster() {
  if (cluster_.masters().size() < kMastersMax) cluster_.StartMaster();
}

void Storm::StartWorker() {
  if (cluster_.workers().size() < kWorkersMax) cluster_.StartWorker(DrawShape(random_));
}

void Storm::TellToStop() {
  const auto workers = cluster_.workers();
  if (!workers.empty()) random_.Of(workers)->Stop();
}

void Storm::StoreAway() {
  if (cluster_.weather().is_store_away) return;
  cluster_.Say("the store is away");
  cluster_.weather().is_store_away = true;
  Later(random_.Between(100, 45'000), [this] {
    cluster_.Say("the store is back");
    cluster_.weather().is_store_away = false;
  });
}

void Storm::LogAway() {
  if (cluster_.weather().is_log_away) return;
  cluster_.Say("the log is away");
  cluster_.weather().is_log_away = true;
  Later(random_.Between(100, 45'000), [this] {
    cluster_.Say("the log is back");
    cluster_.weather().is_log_away = false;
    for (Process* process : cluster_.processes()) process->Ready();
  });
}

void Storm::Lag() {
  Process* process = AnyProcess();
  if (process == nullptr) return;
  process->lag = random_.Chance(500) ? random_.Between(0, 8'000) : 0;
  process->slowness = random_.Chance(500) ? static_cast<uint32_t>(random_.Between(1, 30)) : 1;
  process->Say(fmt::format("lags {} ms, is {} times as slow", process->lag, process->slowness));
}

// What is public already, or about to be, is not made again.
bool Storm::MayHarm() const {
  const auto row = cluster_.row();
  const Job* job = row ? cluster_.judge().JobOf(row->incarnation) : nullptr;
  return job != nullptr && job->publish() == nullptr && job->finished() == nullptr;
}

void Storm::LoseBlock() {
  const auto row = cluster_.row();
  if (!row || !MayHarm()) return;
  const auto winners = cluster_.judge().WinnersOf(row->incarnation);
  if (winners.empty()) return;
  const AttemptId attempt = random_.Of(winners);
  const size_t blocks = cluster_.database().ShuffleBlocksOf(row->incarnation, attempt);
  if (blocks == 0) return;
  const size_t number = random_.Below(blocks);
  cluster_.judge().OnHarmed(row->incarnation, attempt);
  if (random_.Chance(500)) {
    cluster_.Say(fmt::format("block {} of {} is lost", number, attempt.Text()));
    cluster_.database().RemoveShuffleBlock(row->incarnation, attempt, number);
  } else {
    const bool is_known = random_.Chance(500);
    cluster_.Say(fmt::format("block {} of {} is damaged", number, attempt.Text()));
    cluster_.database().DamageShuffleBlock(row->incarnation, attempt, number, is_known);
  }
}

void Storm::LoseReport() {
  const auto row = cluster_.row();
  if (!row || !MayHarm()) return;
  const auto winners = cluster_.judge().WinnersOf(row->incarnation);
  if (winners.empty()) return;
  const AttemptId attempt = random_.Of(winners);
  cluster_.Say(fmt::format("the report of {} is lost", attempt.Text()));
  cluster_.judge().OnReportLost(row->incarnation, attempt);
  cluster_.database().RemoveBlock(row->incarnation, ReportName(attempt));
}

void Storm::MakeTopicAnew() {
  const auto row = cluster_.row();
  if (!row) return;
  const bool is_inbox = random_.Chance(600);
  cluster_.Say(is_inbox ? "the inbox is made anew" : "the heartbeats are made anew");
  cluster_.broker().Recreate(row->incarnation, is_inbox ? Topic::kInbox : Topic::kHeartbeat);
  for (Process* process : cluster_.processes()) process->Ready();
}

void Storm::TrimHeartbeats() {
  const auto row = cluster_.row();
  if (!row) return;
  const auto range = cluster_.broker().RangeOf(row->incarnation, Topic::kHeartbeat);
  cluster_.broker().Trim(row->incarnation, Topic::kHeartbeat,
                         random_.Between(range.first, range.second));
}

void Storm::RepeatMessage() {
  const auto row = cluster_.row();
  if (!row) return;
  const Topic topic = random_.Chance(500) ? Topic::kJournal : Topic::kInbox;
  const auto all = cluster_.broker().MessagesOf(row->incarnation, topic);
  if (all.empty()) return;
  cluster_.Say("a late copy lands");
  cluster_.broker().Land(row->incarnation, topic, random_.Of(all));
}

void Storm::PauseAndResume() {
  proto::Fact fact;
  fact.mutable_pause_requested()->set_id(++requests_);
  cluster_.Say("asks for a pause");
  cluster_.Request(fact);
  Later(random_.Between(100, 20'000), [this] {
    proto::Fact resume;
    resume.mutable_resume_requested()->set_id(++requests_);
    cluster_.Request(resume);
  });
}

RunResult RunSeed(uint64_t seed, const RunTrace& trace) {
  Random random(seed * 0x9e3779b97f4a7c15 + 1);
  ClusterOptions options;
  options.seed = random.Next();
  options.kind = static_cast<JobKind>(seed % kJobKinds);
  options.has_backups = random.Chance(500);
  if (random.Chance(300)) options.records_bytes_max = 250;
  if (random.Chance(300)) options.winners_bytes_max = 20;
  options.trace = trace.sink;
  options.has_calls = trace.has_calls;
  Cluster cluster(options);
  Storm storm(&cluster, random.Branch());
  cluster.StartMaster();
  if (random.Chance(250)) cluster.StartMaster();
  for (int64_t left = random.Between(1, 3); left > 0; --left) {
    cluster.StartWorker(DrawShape(random));
  }
  storm.Blow(kStormMs);
  storm.Calm();
  const bool has_ended =
      cluster.Go(cluster.loop().now_ms() + kCalmMs, [&] { return cluster.HasEnded(); });
  RunResult result;
  result.ended_ms = cluster.loop().now_ms();
  if (!has_ended) {
    cluster.judge().Violation("the run does not end, though no fault is left");
  } else {
    if (cluster.row()->exit_code != 0) {
      cluster.judge().Violation(fmt::format("the job ends with {}", cluster.row()->exit_code));
    }
    cluster.CheckOutput();
  }
  result.violations = cluster.judge().violations();
  result.commits = cluster.judge().commits();
  result.outputs_lost = cluster.judge().outputs_lost();
  return result;
}

}  // namespace minke::sim
