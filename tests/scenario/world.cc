#include "world.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

#include "base/check.h"
#include "base/hash.h"
#include "control/fleet.h"
#include "control/job_view.h"

namespace minke {
namespace {

constexpr int64_t kUnixMs = 1'800'000'000'000;  // when the world begins
constexpr size_t kRoundsMax = 3'000;
constexpr const char* kRowStates[] = {"open", "accepted", "finished"};

std::string RowName(const std::optional<Row>& row) {
  if (!row) return "none";
  std::string text = kRowStates[static_cast<size_t>(row->state)];
  if (row->state == RowState::kFinished) text += fmt::format("({})", row->exit_code);
  return text;
}

const char* NameOfEffect(const MasterEffect& effect) {
  constexpr const char* kNames[] = {"row",      "open-log", "append",   "inbox",     "plan",
                                    "plan",     "table",    "report",   "splitters", "winners",
                                    "manifest", "publish",  "clean-up", "exit"};
  return kNames[effect.index()];
}

proto::Report FullReport(uint32_t partitions) {
  proto::Report report;
  report.mutable_partitions()->assign((partitions + 7) / 8, static_cast<char>(0xff));
  report.set_records_in(10);
  return report;
}

// Map tasks whose output a reduce attempt looks for in vain.
std::vector<uint32_t> MissingFor(const Life& life, const StartAttempt& start) {
  std::vector<uint32_t> missing;
  if (start.kind != proto::PHASE_REDUCE) return missing;
  const auto block = life.winners.find({start.winners, start.task.index});
  proto::Winners winners;
  MINKE_CHECK(block != life.winners.end() && winners.ParseFromString(block->second));
  for (int i = 0; i < winners.attempts_size(); ++i) {
    const AttemptId attempt = FromProto(winners.attempts(i));
    if (life.lost_outputs.contains(attempt) || life.dropped.contains(attempt)) {
      missing.push_back(winners.map_tasks(i));
    }
  }
  return missing;
}

}  // namespace

struct World::Master {
  std::unique_ptr<MasterBrain> brain;
  Incarnation incarnation;
  bool has_log = false, reads_inbox = false, is_frozen = false, has_left = false;
  size_t journal_at = 0, inbox_at = 0, heartbeat_at = 0;
  std::vector<MasterEffect> held;
};

struct World::Worker {
  std::unique_ptr<WorkerBrain> brain;
  std::string name;
  Incarnation incarnation;
  std::optional<size_t> journal_at;
  bool is_frozen = false, is_cut = false, has_left = false;
  std::vector<std::optional<Attempt>> slots;
};

Life& World::LifeOf(Incarnation incarnation) {
  return lives_.try_emplace(incarnation, &tell_, tuning.master.decide.records_bytes_max)
      .first->second;
}

// ---- masters

void World::StartMaster(const std::string& name, uint64_t spec) {
  auto master = std::make_shared<Master>();
  MasterOptions options = tuning.master;
  options.job_name = "job";
  options.version = "1";
  options.uuid = next_id_;
  options.fresh_incarnation = {0xa0 + next_id_};
  options.spec_hash = spec;
  tell_.masters[next_id_++] = name;
  master->brain = std::make_unique<MasterBrain>(std::move(options));
  masters_[name] = std::move(master);
}

// What stands in the logs; true if there was anything new.
bool World::Listen(Master& master) {
  if (!master.has_log || outage_) return false;
  Life& life = LifeOf(master.incarnation);
  const auto& journal = life.messages(Topic::kJournal);
  const auto& inbox = life.messages(Topic::kInbox);
  bool read = false;
  if (master.journal_at > journal.size()) {
    master.brain->LogBroken(Error{ErrorCode::kCorruption, "the journal is shorter than was read"});
    return true;
  }
  for (; master.journal_at < journal.size(); ++master.journal_at, read = true) {
    master.brain->JournalRead(static_cast<int64_t>(master.journal_at), journal[master.journal_at]);
  }
  if (master.reads_inbox && master.inbox_at > inbox.size()) {
    master.reads_inbox = false;
    master.brain->InboxOutOfRange(next_id_);
    tell_.masters[next_id_++] = "again";
    read = true;
  }
  for (; master.reads_inbox && master.inbox_at < inbox.size(); ++master.inbox_at) {
    master.brain->InboxRead(static_cast<int64_t>(master.inbox_at), inbox[master.inbox_at]);
    read = true;
  }
  for (; master.heartbeat_at < life.heartbeats.size(); ++master.heartbeat_at, read = true) {
    master.brain->HeartbeatRead(life.heartbeats[master.heartbeat_at]);
  }
  return read;
}

bool World::RunMaster(const std::string& name) {
  const std::shared_ptr<Master> master = masters_.at(name);
  if (master->is_frozen) return false;
  bool went_on = Listen(*master);
  const Moment moment{tell_.now_ms, kUnixMs + tell_.now_ms, !outage_};
  for (MasterEffect& effect : master->brain->Step(moment)) {
    went_on = true;
    if (holding_.contains(NameOfEffect(effect))) {
      tell_.Say(fmt::format("{} {}: held", name, NameOfEffect(effect)));
      master->held.push_back(std::move(effect));
    } else if (!Perform(name, effect)) {
      return true;
    }
  }
  return went_on;
}

void World::Release() {
  holding_.clear();
  for (const std::string& name : masters()) {
    const std::shared_ptr<Master> master = masters_.at(name);
    for (MasterEffect& effect : std::exchange(master->held, {})) {
      if (!Perform(name, effect)) break;
    }
  }
}

// Carries out what a master says.
struct World::Carry {
  World& world;
  Master& master;
  const std::string& name;

  void Say(const std::string& text) const { world.tell_.Say(name + " " + text); }
  MasterBrain& brain() const { return *master.brain; }

  void operator()(CompareAndSetRow& effect) const {
    const std::optional<Row> before = world.row_;
    if (before == effect.expected) world.row_ = effect.desired;
    if (world.row_ != before)
      Say(fmt::format("row {} -> {}", RowName(before), RowName(world.row_)));
    brain().RowRead(*world.row_);
  }
  void operator()(OpenLog& effect) const {
    if (!effect.create && !world.lives_.contains(effect.incarnation)) {
      return brain().EffectFailed(Error{ErrorCode::kNotFound, "there is no such topic"});
    }
    const Life& life = world.LifeOf(effect.incarnation);
    master.incarnation = effect.incarnation;
    master.has_log = true;
    master.heartbeat_at = life.heartbeats.size();
    brain().LogOpened(0, static_cast<int64_t>(life.messages(Topic::kJournal).size()));
  }
  void operator()(AppendJournal& effect) const {
    world.Append(master.incarnation, Topic::kJournal, std::move(effect.bytes));
  }
  void operator()(ReadInbox& effect) const {
    master.inbox_at = static_cast<size_t>(std::max<int64_t>(0, effect.offset));
    master.reads_inbox = true;
  }
  void operator()(MakePlan&) const {
    const proto::Plan plan = world.MakePlanNow();
    const uint64_t checksum = Hash64(plan.SerializeAsString());
    world.plans_[checksum] = plan;
    Say("makes a plan");
    brain().PlanMade(checksum, plan);
  }
  void operator()(ReadPlan& effect) const {
    Say("reads the plan");
    brain().PlanRead(world.plans_.at(effect.checksum));
  }
  void operator()(MakeShuffleTable& effect) const {
    Say("makes table " + effect.name);
    if (!world.tables_.insert(effect.name).second) {
      world.tell_.Violation("a table of this name was made before");
    }
    brain().ShuffleTableReady();
  }
  void operator()(ReadReport& effect) const {
    const auto& reports = world.LifeOf(master.incarnation).reports;
    const auto found = reports.find(effect.attempt);
    if (found == reports.end()) Say("misses the report of " + effect.attempt.Text());
    brain().ReportRead(effect.attempt, found == reports.end() ? nullptr : &found->second);
  }
  void operator()(ChooseSplitters&) const {
    Say("chooses splitters");
    brain().SplittersReady(77);
  }
  void operator()(WriteWinners& effect) const {
    Say(fmt::format("writes winners {} of {} partitions", effect.number, effect.blocks.size()));
    auto& winners = world.LifeOf(master.incarnation).winners;
    for (const auto& [partition, bytes] : effect.blocks) {
      const auto [at, is_new] = winners.emplace(std::pair(effect.number, partition), bytes);
      if (!is_new && at->second != bytes) world.tell_.Violation("a winners block has changed");
    }
    brain().WinnersReady();
  }
  void operator()(WriteManifest& effect) const {
    Say("writes the manifest");
    world.LifeOf(master.incarnation).manifests.insert(effect.checksum);
    brain().ManifestReady(effect.checksum);
  }
  void operator()(Publish& effect) const {
    if (!world.LifeOf(master.incarnation).manifests.contains(effect.manifest)) {
      world.tell_.Violation("a manifest is published that was not written");
    }
    uint64_t& dataset = world.dataset_;
    if (dataset != effect.mine && dataset != effect.expected) {
      Say(fmt::format("finds the dataset at {:x}, not {:x}", dataset, effect.expected));
      return brain().PublishConflict(dataset);
    }
    if (dataset != effect.mine) Say(fmt::format("publishes {:x} after {:x}", effect.mine, dataset));
    dataset = effect.mine;
    brain().Published();
  }
  void operator()(CleanUp&) const {
    Say("cleans up");
    brain().CleanedUp();
  }
  void operator()(Exit& effect) const {
    Say(fmt::format("exits {}{}{}", effect.code, effect.text.empty() ? "" : ": ", effect.text));
    master.has_left = true;
  }
};

// False: the master is gone.
bool World::Perform(const std::string& name, MasterEffect& effect) {
  const std::shared_ptr<Master> master = masters_.at(name);
  std::visit(Carry{*this, *master, name}, effect);
  if (master->has_left) masters_.erase(name);
  return !master->has_left;
}

proto::Plan World::MakePlanNow() const {
  proto::Plan plan;
  plan.set_version(1);
  plan.set_job_hash(shape.job_hash);
  plan.set_partitions(std::max(1u, shape.reduces));
  plan.set_attempts_max(shape.attempts_max);
  plan.set_backups(shape.backups);
  plan.set_max_age_ms(shape.max_age_ms);
  const auto add = [&](proto::PhaseKind kind, uint32_t tasks) {
    if (tasks == 0) return;
    proto::Step* step = plan.add_steps();
    step->set_kind(kind);
    step->set_tasks(tasks);
  };
  add(proto::PHASE_SAMPLE, shape.samples);
  add(proto::PHASE_MAP, shape.maps);
  add(proto::PHASE_REDUCE, shape.reduces);
  if (shape.exports) add(proto::PHASE_EXPORT, plan.steps().rbegin()->tasks());
  return plan;
}

// ---- workers

GateAnswer World::Gate(proto::PhaseKind role) const {
  for (auto at = masters_.rbegin(); at != masters_.rend(); ++at) {
    if (!at->second->is_frozen) return at->second->brain->Gate(role);
  }
  return {};
}

bool World::StartWorker(const std::string& name, const WorkerTuning& given) {
  const GateAnswer gate = Gate(given.role);
  if (gate.state == GateState::kOver) tell_.Say(fmt::format("the gate tells {}: over", name));
  if (gate.state == GateState::kClosed) tell_.Say(fmt::format("the gate tells {}: not yet", name));
  return gate.state == GateState::kOpen && StartWorkerAt(name, given, gate);
}

bool World::StartWorkerAt(const std::string& name, const WorkerTuning& given,
                          const GateAnswer& gate) {
  WorkerOptions options;
  options.id = {next_id_++};
  options.slots = given.slots;
  options.role = given.role;
  options.job_hash = given.job_hash;
  options.repeat_ms = tuning.repeat_ms;
  options.heartbeat_ms = tuning.heartbeat_ms;
  for (const auto& [id, other] : tell_.workers) {
    if (other != given.former || given.former.empty()) continue;
    options.former = FormerChild{.id = id,
                                 .culprit = given.culprit,
                                 .signal = given.signal,
                                 .record = 99,
                                 .text = "the process died"};
  }
  auto worker = std::make_shared<Worker>();
  tell_.workers[options.id] = name;
  worker->name = name;
  worker->incarnation = gate.incarnation;
  worker->slots.resize(given.slots);
  worker->brain = std::make_unique<WorkerBrain>(std::move(options), gate);
  workers_[name] = std::move(worker);
  return true;
}

bool World::RunWorker(const std::string& name) {
  const std::shared_ptr<Worker> worker = workers_.at(name);
  if (worker->is_frozen) return false;
  bool went_on = false;
  const auto& journal = LifeOf(worker->incarnation).messages(Topic::kJournal);
  if (worker->journal_at && !worker->is_cut && !outage_) {
    if (*worker->journal_at > journal.size()) {
      worker->brain->LogBroken(
          Error{ErrorCode::kCorruption, "the journal is shorter than was read"});
    }
    for (; *worker->journal_at < journal.size(); ++*worker->journal_at, went_on = true) {
      worker->brain->JournalRead(static_cast<int64_t>(*worker->journal_at),
                                 journal[*worker->journal_at]);
    }
  }
  std::vector<proto::AttemptProgress> progress;
  for (const auto& slot : worker->slots) {
    if (!slot) continue;
    const uint64_t rate = rates_.contains(name) ? rates_.at(name) : 1000;
    proto::AttemptProgress& one = progress.emplace_back();
    ToProto(slot->start.id, one.mutable_attempt());
    one.set_bytes(static_cast<uint64_t>(tell_.now_ms - slot->begun_ms) * rate / 1000);
  }
  for (WorkerEffect& effect : worker->brain->Step(tell_.now_ms, progress)) {
    went_on = true;
    Perform(*worker, effect);
  }
  if (worker->has_left) workers_.erase(name);
  return went_on;
}

void World::Perform(Worker& worker, WorkerEffect& effect) {
  if (auto* read = std::get_if<ReadJournal>(&effect)) {
    worker.journal_at = static_cast<size_t>(read->offset);
  } else if (auto* inbox = std::get_if<AppendInbox>(&effect)) {
    if (!worker.is_cut) Append(worker.incarnation, Topic::kInbox, std::move(inbox->bytes));
  } else if (auto* heartbeat = std::get_if<AppendHeartbeat>(&effect)) {
    if (!worker.is_cut && !outage_) {
      LifeOf(worker.incarnation).heartbeats.push_back(std::move(heartbeat->bytes));
    }
  } else if (auto* start = std::get_if<StartAttempt>(&effect)) {
    tell_.Say(fmt::format("{} starts {} {} in slot {}{}", worker.name, start->id.Text(),
                          LifeOf(worker.incarnation).TaskName(start->task.step, start->task.index),
                          start->slot, start->careful ? ", careful" : ""));
    if (worker.slots.at(start->slot)) tell_.Violation("the slot is not idle");
    worker.slots[start->slot] = Attempt{*start, tell_.now_ms};
  } else if (auto* cancel = std::get_if<CancelAttempt>(&effect)) {
    tell_.Say(fmt::format("{} cancels {}", worker.name, cancel->id.Text()));
    End(worker, cancel->id, Error{ErrorCode::kCancelled, "cancelled"}, {});
  } else if (auto* drop = std::get_if<DropOutput>(&effect)) {
    tell_.Say(fmt::format("{} drops {}", worker.name, drop->id.Text()));
    LifeOf(worker.incarnation).dropped.insert(drop->id);
  } else if (auto* exit = std::get_if<ExitWorker>(&effect)) {
    tell_.Say(fmt::format("{} exits {}{}{}", worker.name, exit->code,
                          exit->text.empty() ? "" : ": ", exit->text));
    worker.has_left = true;
  }
}

std::vector<Attempt> World::RunningOn(const std::string& worker) const {
  std::vector<Attempt> all;
  const auto found = workers_.find(worker);
  if (found == workers_.end()) return all;
  for (const auto& slot : found->second->slots) {
    if (slot) all.push_back(*slot);
  }
  return all;
}

void World::End(Worker& worker, AttemptId attempt, const Status& status,
                const std::vector<uint32_t>& missing) {
  for (size_t slot = 0; slot < worker.slots.size(); ++slot) {
    if (!worker.slots[slot] || worker.slots[slot]->start.id != attempt) continue;
    worker.slots[slot].reset();
    worker.brain->AttemptEnded(slot, status, missing);
    return;
  }
  tell_.Violation(fmt::format("{} does not run {}", worker.name, attempt.Text()));
}

void World::Done(const std::string& name, AttemptId attempt) {
  for (const Attempt& running : RunningOn(name)) {
    if (running.start.id != attempt) continue;
    Worker& worker = *workers_.at(name);
    Life& life = LifeOf(worker.incarnation);
    const std::vector<uint32_t> missing = MissingFor(life, running.start);
    if (!missing.empty()) {
      return End(worker, attempt, Error{ErrorCode::kNotFound, "rows are gone"}, missing);
    }
    life.ended_well.insert(attempt);
    const auto preset = life.preset.find(attempt);
    life.reports[attempt] =
        preset != life.preset.end() ? preset->second : FullReport(std::max(1u, shape.reduces));
    return End(worker, attempt, {}, {});
  }
  tell_.Violation(fmt::format("{} does not run {}", name, attempt.Text()));
}

void World::Fail(const std::string& name, AttemptId attempt, Error error) {
  const auto found = workers_.find(name);
  if (found == workers_.end()) return tell_.Violation(fmt::format("there is no worker {}", name));
  End(*found->second, attempt, std::move(error), {});
}

void World::JoinCrowd(const std::string& name, uint32_t count) {
  for (uint32_t i = 0; i < count;) {
    proto::InboxMessage message;
    for (; i < count && message.facts_size() < 1000; ++i) {
      proto::WorkerJoined* joined = message.add_facts()->mutable_worker_joined();
      joined->set_worker_id(next_id_);
      joined->set_slots(1);
      joined->set_as_of(life().messages(Topic::kJournal).size() - 1);
      tell_.workers[{next_id_++}] = fmt::format("{}{}", name, i);
    }
    Append(Topic::kInbox, message.SerializeAsString());
  }
}

// ---- both

void World::Kill(const std::string& name) {
  if (masters_.erase(name) + workers_.erase(name) == 0)
    tell_.Violation("there is no process " + name);
}

void World::Stop(const std::string& worker) { workers_.at(worker)->brain->Stop(); }

void World::SetFrozen(const std::string& name, bool is_frozen) {
  if (const auto found = masters_.find(name); found != masters_.end()) {
    found->second->is_frozen = is_frozen;
  } else if (const auto worker = workers_.find(name); worker != workers_.end()) {
    worker->second->is_frozen = is_frozen;
  } else {
    tell_.Violation("there is no process " + name);
  }
}

void World::SetCutOff(const std::string& worker, bool is_cut) {
  workers_.at(worker)->is_cut = is_cut;
}

void World::SetOutage(bool is_on) {
  outage_ = is_on;
  for (Sent& sent : std::exchange(delayed_, {})) Append(sent.incarnation, sent.topic, sent.bytes);
}

bool World::IsFrozen(const std::string& name) const {
  const auto master = masters_.find(name);
  const auto worker = workers_.find(name);
  return (master != masters_.end() && master->second->is_frozen) ||
         (worker != workers_.end() && worker->second->is_frozen);
}

MasterBrain* World::master(const std::string& name) {
  const auto found = masters_.find(name);
  return found == masters_.end() ? nullptr : found->second->brain.get();
}

std::vector<std::string> World::masters() const {
  std::vector<std::string> names;
  names.reserve(masters_.size());
  for (const auto& [name, master] : masters_) names.push_back(name);
  return names;
}

std::vector<std::string> World::workers() const {
  std::vector<std::string> names;
  names.reserve(workers_.size());
  for (const auto& [name, worker] : workers_) names.push_back(name);
  return names;
}

// ---- logs and store

void World::Append(Incarnation incarnation, Topic topic, std::string bytes) {
  if (outage_) return delayed_.push_back({incarnation, topic, std::move(bytes)});
  const char* name = topic == Topic::kJournal ? "journal" : "inbox";
  switch (fate ? fate(topic) : Fate::kLands) {
    case Fate::kLost:
      return tell_.Say(fmt::format("{}: a message is lost", name));
    case Fate::kHeld:
      tell_.Say(fmt::format("{}: a message is kept back", name));
      return held_.push_back({incarnation, topic, std::move(bytes)});
    case Fate::kTwice:
      LifeOf(incarnation).Put(topic, bytes);
      break;
    case Fate::kLands:
      break;
  }
  if (incarnation != row_->incarnation) tell_.Say("of the old incarnation:");
  LifeOf(incarnation).Put(topic, bytes);
}

void World::Append(const proto::Fact& fact) {
  proto::InboxMessage message;
  *message.add_facts() = fact;
  Append(Topic::kInbox, message.SerializeAsString());
}

void World::Land(size_t index) {
  if (index >= held_.size()) return tell_.Violation("nothing is kept back");
  const Sent sent = held_[index];
  held_.erase(held_.begin() + static_cast<ptrdiff_t>(index));
  LifeOf(sent.incarnation).Put(sent.topic, sent.bytes);
}

void World::Rerun() {
  MINKE_CHECK(row_ && row_->state == RowState::kFinished);
  row_ = Row{{0xa0 + next_id_++}, row_->spec_hash, RowState::kOpen, 0};
  tell_.Say("the row is open again, of a new incarnation");
}

std::string World::RowText() const {
  if (!row_) return "none";
  return fmt::format("{}, incarnation {:x}", RowName(row_), row_->incarnation.bits);
}

// ---- time

void World::Pump() {
  for (size_t round = 0;; ++round) {
    bool went_on = false;
    for (const std::string& name : masters()) went_on = RunMaster(name) || went_on;
    for (const std::string& name : workers()) went_on = RunWorker(name) || went_on;
    if (!went_on) return CheckWakes();
    if (round == kRoundsMax) return tell_.Violation("never quiet");
  }
}

// Whoever has nothing to say now must not ask to be called at once.
void World::CheckWakes() {
  for (const auto& [name, master] : masters_) {
    if (master->is_frozen || master->brain->wake_at_ms() > tell_.now_ms) continue;
    tell_.Violation(name + " spins");
  }
  for (const auto& [name, worker] : workers_) {
    if (worker->is_frozen || worker->brain->wake_at_ms() > tell_.now_ms) continue;
    tell_.Violation(name + " spins");
  }
}

void World::PassTime(int64_t ms) {
  const int64_t target = tell_.now_ms + ms;
  Pump();
  for (;;) {
    int64_t next = std::numeric_limits<int64_t>::max();
    for (const auto& [name, master] : masters_) {
      if (!master->is_frozen) next = std::min(next, master->brain->wake_at_ms());
    }
    for (const auto& [name, worker] : workers_) {
      if (!worker->is_frozen) next = std::min(next, worker->brain->wake_at_ms());
    }
    if (next >= target) break;
    tell_.now_ms = std::max(next, tell_.now_ms + 1);
    Pump();
  }
  tell_.now_ms = target;
  Pump();
}

}  // namespace minke
