#include "control/worker_brain.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <utility>

#include "base/check.h"
#include "control/fleet.h"
#include "control/journal.h"

namespace minke {
namespace {

constexpr size_t kTextBytesMax = 1000;       // of a failure
constexpr size_t kMessageBytes = 48u << 10;  // one more fact may follow, of 16 KiB at most
constexpr size_t kMissingMax = 3'000;        // map tasks in one fact; the next attempt finds more
constexpr int kFormerRepeats = 3;

// An attempt that was assigned to this worker and has no answer yet.
struct Held {
  StartAttempt start;
  std::optional<size_t> slot;       // where it runs
  std::optional<proto::Fact> fact;  // what became of it, to be repeated
  bool ended_well = false;
  bool is_unwanted = false;  // cancelled or lost: what it still says is of no use
};

}  // namespace

struct WorkerBrain::State {
  State(WorkerOptions given, GateAnswer answer)
      : options(std::move(given)),
        gate(std::move(answer)),
        reader(gate.position),
        splitters(gate.splitters),
        shuffle_table(gate.shuffle_table),
        slots(options.slots) {}

  WorkerOptions options;
  GateAnswer gate;
  JournalReader reader;
  uint64_t splitters;
  std::string shuffle_table;
  std::vector<std::optional<AttemptId>> slots;
  std::map<AttemptId, Held> held;
  std::deque<AttemptId> waiting;
  std::optional<uint32_t> number;  // our short one in this epoch
  bool has_begun = false;          // ReadJournal was said
  bool is_moving = false;  // ReadJournal is being said: what comes is still of the reading before
  bool phase_was_read = false;
  bool is_over = false;    // no step that our role serves is left
  int former_repeats = 0;  // how often its end is still to be told
  bool must_join = true;
  bool is_stopping = false;
  bool has_left = false;
  int64_t read_to = -1;
  int64_t now_ms = 0;
  int64_t repeat_at_ms = 0;
  int64_t heartbeat_at_ms = 0;
  bool has_news = false;  // facts that were not said yet
  std::vector<WorkerEffect> effects;

  void Say(WorkerEffect effect) { effects.push_back(std::move(effect)); }
  void Leave(int code, std::string text) {
    if (has_left) return;
    has_left = true;
    Say(ExitWorker{code, std::move(text)});
  }

  void ReadPhase(Bytes bytes);
  void Apply(const proto::JournalRecord& record, uint64_t epoch);
  void TakeAssigned(const proto::AttemptAssigned& assigned, uint64_t epoch);
  void Answered(AttemptId attempt, bool is_committed);
  void Lost(AttemptId attempt);
  void End(std::map<AttemptId, Held>::iterator found, bool is_committed);
  bool ServesAfter(uint32_t step) const;
  std::vector<proto::Fact> OpenFacts() const;
  void AddFormer(std::vector<proto::Fact>& facts) const;
  proto::Fact LeavingFact() const;
  void SayLeaving();
  void SayFacts();
  void Heartbeat(std::span<const proto::AttemptProgress> progress);
  void StartWaiting();
  void Run(std::span<const proto::AttemptProgress> progress);
  bool HasOpenFacts() const;
  proto::Fact JoinedFact() const;
};

// The message at the gate's phase_offset: is this the journal that the gate spoke of?
void WorkerBrain::State::ReadPhase(Bytes bytes) {
  proto::JournalMessage message;
  const bool is_phase = message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) &&
                        std::ranges::any_of(message.records(), [](const auto& record) {
                          return record.has_phase_opened();
                        });
  if (!is_phase) {
    return Leave(78, "the journal does not hold the phase that the gate named: it was made anew");
  }
  phase_was_read = is_moving = true;
  Say(ReadJournal{gate.position.offset});
}

proto::Fact WorkerBrain::State::JoinedFact() const {
  proto::Fact fact;
  proto::WorkerJoined* joined = fact.mutable_worker_joined();
  joined->set_worker_id(options.id.bits);
  joined->set_slots(options.slots);
  joined->set_role(options.role);
  joined->set_job_hash(options.job_hash);
  joined->set_as_of(static_cast<uint64_t>(std::max<int64_t>(read_to, gate.position.offset - 1)));
  for (const auto& [id, attempt] : held) {
    if (!attempt.is_unwanted) ToProto(id, joined->add_live());
  }
  return fact;
}

void WorkerBrain::State::Apply(const proto::JournalRecord& record, uint64_t epoch) {
  switch (record.record_case()) {
    case proto::JournalRecord::kMasterClaimed:
      number.reset();
      must_join = true;
      has_news = true;
      break;
    case proto::JournalRecord::kSplittersChosen:
      if (splitters == 0) splitters = record.splitters_chosen().checksum();
      break;
    case proto::JournalRecord::kShuffleTableMade:
      if (shuffle_table.empty()) shuffle_table = record.shuffle_table_made().table();
      break;
    case proto::JournalRecord::kAttemptAssigned:
      TakeAssigned(record.attempt_assigned(), epoch);
      break;
    case proto::JournalRecord::kTaskCommitted:
      Answered(FromProto(record.task_committed().attempt()), true);
      break;
    case proto::JournalRecord::kAttemptFailed:
      Answered(FromProto(record.attempt_failed().attempt()), false);
      break;
    case proto::JournalRecord::kAttemptLost:
      Lost(FromProto(record.attempt_lost().attempt()));
      break;
    case proto::JournalRecord::kPhaseOpened:
      is_over = !ServesAfter(record.phase_opened().step());
      break;
    case proto::JournalRecord::kAttemptCancelled:
      Answered(FromProto(record.attempt_cancelled().attempt()), false);
      break;
    case proto::JournalRecord::kJobFinished:
      SayLeaving();
      Leave(0, "");
      break;
    default:
      break;
  }
}

void WorkerBrain::State::TakeAssigned(const proto::AttemptAssigned& assigned, uint64_t epoch) {
  if (assigned.worker_id() == options.id.bits) number = assigned.worker();
  if (!number || assigned.worker() != *number) return;
  if (assigned.step() >= gate.steps.size()) {
    return Leave(71, "the journal assigns a task of a step that the gate did not name");
  }
  const AttemptId id{epoch, assigned.n()};
  Held& attempt = held[id];
  attempt.start.id = id;
  attempt.start.kind = gate.steps.at(assigned.step());
  attempt.start.task = {assigned.step(), assigned.task()};
  attempt.start.careful = assigned.careful();
  attempt.start.winners = assigned.winners();
  attempt.start.source = FromProto(assigned.source());
  attempt.start.splitters = splitters;
  attempt.start.shuffle_table = shuffle_table;
  waiting.push_back(id);
}

void WorkerBrain::State::Answered(AttemptId id, bool is_committed) {
  if (options.former && id == options.former->culprit) former_repeats = 0;
  const auto found = held.find(id);
  if (found != held.end()) End(found, is_committed);
}

// What was said of it may still count: it goes on being said until it is answered.
void WorkerBrain::State::Lost(AttemptId id) {
  const auto found = held.find(id);
  if (found != held.end() && !found->second.fact) End(found, false);
}

// Nobody waits for it any more.
void WorkerBrain::State::End(std::map<AttemptId, Held>::iterator found, bool is_committed) {
  Held& attempt = found->second;
  if (attempt.slot) {
    if (!attempt.is_unwanted) Say(CancelAttempt{*attempt.slot, found->first});
    attempt.is_unwanted = true;
    return;
  }
  if (attempt.ended_well && !is_committed) Say(DropOutput{found->first});
  std::erase(waiting, found->first);
  held.erase(found);
}

bool WorkerBrain::State::ServesAfter(uint32_t step) const {
  for (size_t i = step; i < gate.steps.size(); ++i) {
    if (Serves(options.role, gate.steps[i])) return true;
  }
  return false;
}

proto::Fact WorkerBrain::State::LeavingFact() const {
  proto::Fact fact;
  fact.mutable_worker_leaving()->set_worker_id(options.id.bits);
  fact.mutable_worker_leaving()->set_asked(true);
  return fact;
}

// The job is over: nothing else that we have to say is of use any more.
void WorkerBrain::State::SayLeaving() {
  if (has_left) return;
  proto::InboxMessage message;
  *message.add_facts() = LeavingFact();
  Say(AppendInbox{message.SerializeAsString()});
}

// How the child before this one has ended.
void WorkerBrain::State::AddFormer(std::vector<proto::Fact>& facts) const {
  const FormerChild& former = *options.former;
  proto::WorkerLeaving* leaving = facts.emplace_back().mutable_worker_leaving();
  leaving->set_worker_id(former.id.bits);
  if (former.culprit.n == 0) return;
  ToProto(former.culprit, leaving->mutable_culprit());
  proto::TaskFailed* failed = facts.emplace_back().mutable_task_failed();
  ToProto(former.culprit, failed->mutable_attempt());
  failed->set_code(static_cast<int32_t>(ErrorCode::kUserCode));
  failed->set_text(former.text.substr(0, kTextBytesMax));
  failed->set_culprit(true);
  failed->set_record(former.record);
  failed->set_signal(former.signal);
}

// Everything that has no answer yet.
std::vector<proto::Fact> WorkerBrain::State::OpenFacts() const {
  std::vector<proto::Fact> facts;
  if (former_repeats > 0) AddFormer(facts);
  if (is_stopping || (is_over && held.empty())) {
    facts.push_back(LeavingFact());
  } else if (must_join) {
    facts.push_back(JoinedFact());
  }
  for (const auto& [id, attempt] : held) {
    if (attempt.fact && !attempt.is_unwanted) facts.push_back(*attempt.fact);
  }
  return facts;
}

void WorkerBrain::State::SayFacts() {
  proto::InboxMessage message;
  const auto send = [&] {
    if (message.facts_size() > 0) Say(AppendInbox{message.SerializeAsString()});
    message.Clear();
  };
  for (proto::Fact& fact : OpenFacts()) {
    *message.add_facts() = std::move(fact);
    if (message.ByteSizeLong() > kMessageBytes) send();
  }
  send();
  if (former_repeats > 0) --former_repeats;
  must_join = has_news = false;
  repeat_at_ms = now_ms + options.repeat_ms;
}

void WorkerBrain::State::Heartbeat(std::span<const proto::AttemptProgress> progress) {
  if (options.heartbeat_ms == 0 || now_ms < heartbeat_at_ms) return;
  heartbeat_at_ms = now_ms + options.heartbeat_ms;
  proto::Heartbeat heartbeat;
  heartbeat.set_worker_id(options.id.bits);
  heartbeat.set_slots(options.slots);
  heartbeat.set_role(options.role);
  heartbeat.set_job_hash(options.job_hash);
  for (const proto::AttemptProgress& one : progress) *heartbeat.add_attempts() = one;
  Say(AppendHeartbeat{heartbeat.SerializeAsString()});
}

void WorkerBrain::State::StartWaiting() {
  for (size_t slot = 0; slot < slots.size() && !waiting.empty(); ++slot) {
    if (slots[slot]) continue;
    Held& attempt = held.at(waiting.front());
    slots[slot] = waiting.front();
    waiting.pop_front();
    attempt.slot = slot;
    attempt.start.slot = slot;
    Say(attempt.start);
  }
}

void WorkerBrain::State::Run(std::span<const proto::AttemptProgress> progress) {
  if (is_over && held.empty()) has_news = true;
  if (must_join || has_news || (HasOpenFacts() && now_ms >= repeat_at_ms)) SayFacts();
  if (is_stopping) return Leave(143, "terminated");
  if (is_over && held.empty()) return Leave(0, "");
  StartWaiting();
  Heartbeat(progress);
}

bool WorkerBrain::State::HasOpenFacts() const {
  return former_repeats > 0 ||
         std::ranges::any_of(held, [](const auto& entry) { return entry.second.fact.has_value(); });
}

WorkerBrain::WorkerBrain(WorkerOptions options, GateAnswer gate)
    : state_(std::make_unique<State>(std::move(options), std::move(gate))) {
  if (state_->options.former) state_->former_repeats = kFormerRepeats;
}

WorkerBrain::~WorkerBrain() = default;

void WorkerBrain::JournalRead(int64_t offset, Bytes bytes) {
  State& state = *state_;
  if (state.has_left || state.is_moving) return;
  if (!state.phase_was_read) {
    if (offset == state.gate.phase_offset) state.ReadPhase(bytes);
    return;
  }
  const auto message = state.reader.Read(offset, bytes);
  state.read_to = offset;
  if (!message) return state.Leave(ExitCodeOf(message.error().code), message.error().text);
  if (*message == nullptr) return;
  for (const proto::JournalRecord& record : (*message)->records()) {
    state.Apply(record, state.reader.position().epoch.value_or(0));
  }
}

void WorkerBrain::LogBroken(const Error& error) { state_->Leave(78, error.text); }

void WorkerBrain::GiveUp(const Error& error) { state_->Leave(ExitCodeOf(error.code), error.text); }

void WorkerBrain::AttemptEnded(size_t slot, const Status& result,
                               std::span<const uint32_t> missing_map_tasks) {
  State& state = *state_;
  MINKE_CHECK(slot < state.slots.size() && state.slots[slot]);
  const AttemptId id = *std::exchange(state.slots[slot], std::nullopt);
  const auto found = state.held.find(id);
  if (found == state.held.end()) return;
  Held& attempt = found->second;
  attempt.slot.reset();
  attempt.ended_well = result.has_value();
  if (attempt.is_unwanted) {
    if (attempt.ended_well) state.Say(DropOutput{id});
    state.held.erase(found);
    return;
  }
  proto::Fact& fact = attempt.fact.emplace();
  if (result) {
    ToProto(id, fact.mutable_task_done()->mutable_attempt());
  } else if (result.error().code == ErrorCode::kNotFound && !missing_map_tasks.empty()) {
    proto::MapOutputMissing* missing = fact.mutable_map_output_missing();
    ToProto(id, missing->mutable_attempt());
    missing->set_winners(attempt.start.winners);
    for (const uint32_t task :
         missing_map_tasks.first(std::min(missing_map_tasks.size(), kMissingMax))) {
      missing->add_map_tasks(task);
    }
  } else {
    proto::TaskFailed* failed = fact.mutable_task_failed();
    ToProto(id, failed->mutable_attempt());
    failed->set_code(static_cast<int32_t>(result.error().code));
    failed->set_text(result.error().text.substr(0, kTextBytesMax));
    failed->set_record(-1);
  }
  state.has_news = true;
}

void WorkerBrain::Stop() {
  state_->is_stopping = true;
  state_->has_news = true;
}

std::vector<WorkerEffect> WorkerBrain::Step(int64_t now_ms,
                                            std::span<const proto::AttemptProgress> progress) {
  State& state = *state_;
  state.now_ms = now_ms;
  if (!state.has_begun) {
    state.has_begun = true;
    state.Say(ReadJournal{state.gate.phase_offset});
  }
  if (!state.has_left && (state.phase_was_read || state.is_stopping)) state.Run(progress);
  state.is_moving = false;
  return std::exchange(state.effects, {});
}

int64_t WorkerBrain::wake_at_ms() const {
  const State& state = *state_;
  int64_t at = std::numeric_limits<int64_t>::max();
  if (state.has_left || !state.phase_was_read) return at;
  if (state.options.heartbeat_ms != 0) at = state.heartbeat_at_ms;
  if (state.HasOpenFacts()) at = std::min(at, state.repeat_at_ms);
  return at;
}

}  // namespace minke
