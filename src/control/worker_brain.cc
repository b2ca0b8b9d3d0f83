#include "control/worker_brain.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <map>
#include <utility>

#include "control/fleet.h"
#include "control/journal.h"

namespace minke {
namespace {

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
  bool phase_was_read = false;
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
  void SayFacts();
  void Heartbeat(std::span<const proto::AttemptProgress> progress);
  void StartWaiting();
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
  phase_was_read = true;
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
      Answered(FromProto(record.attempt_lost().attempt()), false);
      break;
    case proto::JournalRecord::kAttemptCancelled:
      Answered(FromProto(record.attempt_cancelled().attempt()), false);
      break;
    case proto::JournalRecord::kJobFinished:
      Leave(0, "");
      break;
    default:
      break;
  }
}

void WorkerBrain::State::TakeAssigned(const proto::AttemptAssigned& assigned, uint64_t epoch) {
  if (assigned.worker_id() == options.id.bits) number = assigned.worker();
  if (!number || assigned.worker() != *number) return;
  const AttemptId id{epoch, assigned.n()};
  Held& attempt = held[id];
  attempt.start.id = id;
  attempt.start.kind = gate.steps.at(assigned.step());
  attempt.start.task = {assigned.step(), assigned.task()};
  attempt.start.careful = assigned.careful();
  attempt.start.winners = assigned.winners();
  attempt.start.splitters = splitters;
  attempt.start.shuffle_table = shuffle_table;
  waiting.push_back(id);
}

void WorkerBrain::State::Answered(AttemptId id, bool is_committed) {
  const auto found = held.find(id);
  if (found == held.end()) return;
  Held& attempt = found->second;
  if (attempt.slot) {  // it still runs: nobody waits for it any more
    attempt.is_unwanted = true;
    Say(CancelAttempt{*attempt.slot, id});
    return;
  }
  if (attempt.ended_well && !is_committed) Say(DropOutput{id});
  std::erase(waiting, id);
  held.erase(found);
}

// Everything that has no answer yet, in one message.
void WorkerBrain::State::SayFacts() {
  proto::InboxMessage message;
  if (is_stopping) {
    proto::WorkerLeaving* leaving = message.add_facts()->mutable_worker_leaving();
    leaving->set_worker_id(options.id.bits);
    leaving->set_asked(true);
  } else if (must_join) {
    *message.add_facts() = JoinedFact();
  }
  must_join = false;
  for (const auto& [id, attempt] : held) {
    if (attempt.fact && !attempt.is_unwanted) *message.add_facts() = *attempt.fact;
  }
  has_news = false;
  repeat_at_ms = now_ms + options.repeat_ms;
  if (message.facts_size() > 0) Say(AppendInbox{message.SerializeAsString()});
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

WorkerBrain::WorkerBrain(WorkerOptions options, GateAnswer gate)
    : state_(std::make_unique<State>(std::move(options), std::move(gate))) {}

WorkerBrain::~WorkerBrain() = default;

void WorkerBrain::JournalRead(int64_t offset, Bytes bytes) {
  State& state = *state_;
  if (state.has_left) return;
  if (!state.phase_was_read) {
    if (offset == state.gate.phase_offset) state.ReadPhase(bytes);
    return;
  }
  if (offset < state.gate.position.offset) return;  // of the reading before
  const auto message = state.reader.Read(offset, bytes);
  state.read_to = offset;
  if (!message) return LogBroken(message.error());
  if (*message == nullptr) return;
  for (const proto::JournalRecord& record : (*message)->records()) {
    state.Apply(record, state.reader.position().epoch.value_or(0));
  }
}

void WorkerBrain::LogBroken(Error error) { state_->Leave(78, error.text); }

void WorkerBrain::AttemptEnded(size_t slot, const Status& result,
                               std::span<const uint32_t> missing_map_tasks) {
  State& state = *state_;
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
    for (const uint32_t task : missing_map_tasks) missing->add_map_tasks(task);
  } else {
    proto::TaskFailed* failed = fact.mutable_task_failed();
    ToProto(id, failed->mutable_attempt());
    failed->set_code(static_cast<int32_t>(result.error().code));
    failed->set_text(result.error().text);
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
  if (state.phase_was_read && !state.has_left) {
    const bool has_open_facts = std::ranges::any_of(
        state.held, [](const auto& entry) { return entry.second.fact.has_value(); });
    if (state.must_join || state.has_news || (has_open_facts && now_ms >= state.repeat_at_ms)) {
      state.SayFacts();
    }
    if (state.is_stopping) {
      state.Leave(143, "terminated");
    } else {
      state.StartWaiting();
      state.Heartbeat(progress);
    }
  }
  return std::exchange(state.effects, {});
}

int64_t WorkerBrain::wake_at_ms() const {
  const State& state = *state_;
  if (state.has_left) return std::numeric_limits<int64_t>::max();
  int64_t at = std::numeric_limits<int64_t>::max();
  if (state.options.heartbeat_ms != 0) at = state.heartbeat_at_ms;
  for (const auto& [id, attempt] : state.held) {
    if (attempt.fact) return std::min(at, state.repeat_at_ms);
  }
  return at;
}

}  // namespace minke
