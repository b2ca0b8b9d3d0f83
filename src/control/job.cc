#include "control/job.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <tuple>
#include <utility>

#include "base/check.h"

namespace minke {
namespace {

struct Attempt {
  uint32_t task = 0;
  uint32_t worker = 0;  // index into State::workers
  uint8_t step = 0;
  AttemptState state = AttemptState::kUnknown;
  bool operator==(const Attempt&) const = default;
};

// One master's time: its attempts are numbered from 1 without gaps.
struct Term {
  uint64_t epoch = 0;
  std::vector<Attempt> attempts;
  bool operator==(const Term&) const = default;
};

struct Worker {
  WorkerId id;
  uint32_t blamed = 0;
  bool is_quarantined = false;
  bool operator==(const Worker&) const = default;
};

// A step's tasks, with a bit for each that waits.
struct Tasks {
  StepState state;
  std::vector<TaskState> tasks;
  std::vector<uint64_t> waiting;
  bool operator==(const Tasks&) const = default;

  void SetWaiting(uint32_t task, bool waits) {
    uint64_t& word = waiting[task / 64];
    const uint64_t bit = uint64_t{1} << (task % 64);
    if (((word & bit) != 0) == waits) return;
    word ^= bit;
    state.waiting += waits ? 1 : uint32_t(-1);
  }
};

Error Corrupt(int64_t offset, std::string_view what) {
  return Error{ErrorCode::kCorruption, fmt::format("the journal at offset {} {}", offset, what)};
}

template <typename Message>
bool Same(const std::optional<Message>& a, const std::optional<Message>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->SerializeAsString() == b->SerializeAsString();
}

template <typename Map, typename Key>
auto SpanOf(const Map& map, const Key& key) {
  const auto found = map.find(key);
  using Value = typename Map::mapped_type::value_type;
  return found == map.end() ? std::span<const Value>() : std::span<const Value>(found->second);
}

// Takes `attempt` out of the list under `key`; an empty list goes.
template <typename Map, typename Key>
void Drop(Map& map, const Key& key, AttemptId attempt) {
  const auto found = map.find(key);
  MINKE_CHECK(found != map.end());
  std::erase(found->second, attempt);
  if (found->second.empty()) map.erase(found);
}

}  // namespace

struct Job::State {
  std::optional<proto::JobAccepted> accepted;
  std::optional<proto::JobFinished> finished;
  std::optional<proto::PublishDecided> publish;
  std::optional<proto::CancelAccepted> cancelled;
  uint64_t splitters = 0;
  std::string shuffle_table;
  bool is_paused = false;
  std::set<uint64_t> answered;
  std::optional<JobFailure> last_failure;

  std::vector<Term> terms;  // by epoch
  std::vector<Tasks> steps;
  std::optional<uint32_t> open_step;
  std::map<TaskId, std::vector<WorkerId>> failed_on;
  std::map<TaskId, JobFailure> troubled;
  std::set<TaskId> contested;

  std::vector<Worker> workers;
  std::map<WorkerId, uint32_t> worker_index;
  std::vector<uint32_t> numbered;              // of this epoch: short number → index
  std::map<WorkerId, uint32_t> worker_number;  // of this epoch
  std::map<AttemptId, LiveAttempt> live;
  std::map<TaskId, std::vector<AttemptId>> live_by_task;
  std::map<WorkerId, std::vector<AttemptId>> live_by_worker;
  uint64_t attempts = 0, failures = 0, losses = 0;

  uint32_t winners_number = 0;                     // of the last WinnersWritten
  uint32_t winners_of_all = 0;                     // … of the last that was for all partitions
  std::map<uint32_t, uint32_t> winners_of;         // partition → a later number
  std::map<uint32_t, AttemptId> outdated_winners;  // map task → attempt in the blocks
  std::map<uint32_t, uint32_t> won_again;          // map task → first number with its new winner

  Attempt* Find(AttemptId id) {
    const auto term = std::ranges::lower_bound(terms, id.epoch, {}, &Term::epoch);
    if (term == terms.end() || term->epoch != id.epoch) return nullptr;
    return id.n == 0 || id.n > term->attempts.size() ? nullptr : &term->attempts[id.n - 1];
  }

  TaskState& TaskOf(const Attempt& attempt) { return steps[attempt.step].tasks[attempt.task]; }

  // After every change of a task's winner or live attempts.
  void Index(TaskId id) {
    const TaskState& task = steps[id.step].tasks[id.index];
    steps[id.step].SetWaiting(id.index, task.winner.n == 0 && task.live == 0);
    if (task.winner.n != 0 && task.live != 0) {
      contested.insert(id);
    } else {
      contested.erase(id);
    }
  }

  // The attempt is over, one way or another.
  void End(AttemptId id, Attempt& attempt, AttemptState state) {
    const bool was_live = attempt.state == AttemptState::kLive;
    attempt.state = state;
    if (!was_live) return;
    const TaskId task{attempt.step, attempt.task};
    --TaskOf(attempt).live;
    live.erase(id);
    Drop(live_by_task, task, id);
    Drop(live_by_worker, workers[attempt.worker].id, id);
    Index(task);
  }

  // Who it is that a claimed number, or an id that is new in this epoch, stands for.
  std::optional<uint32_t> WorkerOf(const proto::AttemptAssigned& assigned) {
    if (assigned.worker_id() == 0) {
      if (assigned.worker() >= numbered.size()) return std::nullopt;
      return numbered[assigned.worker()];
    }
    if (assigned.worker() != numbered.size()) return std::nullopt;
    const WorkerId id{assigned.worker_id()};
    const uint32_t index = IndexOf(id);
    if (!worker_number.emplace(id, assigned.worker()).second) return std::nullopt;
    numbered.push_back(index);
    return index;
  }

  uint32_t IndexOf(WorkerId id) {
    const auto [entry, is_new] = worker_index.emplace(id, static_cast<uint32_t>(workers.size()));
    if (is_new) workers.push_back({.id = id});
    return entry->second;
  }

  Status Accept(int64_t offset, const proto::JobAccepted& record);
  Status Open(int64_t offset, const proto::PhaseOpened& record);
  Status Assign(int64_t offset, const proto::AttemptAssigned& record);
  Status Commit(int64_t offset, AttemptId id);
  Status EndOne(int64_t offset, AttemptId id, const proto::JournalRecord& record);
  Status LoseOutput(int64_t offset, const proto::OutputLost& record);
  Status WriteWinners(int64_t offset, const proto::WinnersWritten& record);
  void Fail(AttemptId id, Attempt& attempt, const proto::AttemptFailed& record);
  void Lose(AttemptId id, Attempt& attempt, bool counted);
  void Trouble(TaskId task);  // by a loss
};

Status Job::State::Accept(int64_t offset, const proto::JobAccepted& record) {
  if (accepted) return Corrupt(offset, "accepts the job a second time");
  accepted = record;
  for (const proto::Step& step : record.steps()) {
    Tasks& tasks = steps.emplace_back();
    tasks.state = {.kind = step.kind(), .tasks = step.tasks()};
    tasks.tasks.resize(step.tasks());
    tasks.waiting.resize((step.tasks() + 63) / 64);
    for (uint32_t task = 0; task < step.tasks(); ++task) tasks.SetWaiting(task, true);
  }
  if (steps.empty() || steps.size() > 255) return Corrupt(offset, "accepts a plan without steps");
  return {};
}

Status Job::State::Open(int64_t offset, const proto::PhaseOpened& record) {
  const uint32_t next = open_step ? *open_step + 1 : 0;
  if (record.step() != next || next >= steps.size() || steps[next].state.kind != record.kind()) {
    return Corrupt(offset, fmt::format("opens step {}, which is not the next one", record.step()));
  }
  open_step = next;
  steps[next].state.opened_at = offset;
  return {};
}

Status Job::State::Assign(int64_t offset, const proto::AttemptAssigned& record) {
  Term& term = terms.back();
  if (record.n() != term.attempts.size() + 1) {
    return Corrupt(offset,
                   fmt::format("assigns attempt {} after {}", record.n(), term.attempts.size()));
  }
  if (!open_step || record.step() > *open_step ||
      record.task() >= steps[record.step()].tasks.size()) {
    return Corrupt(offset, fmt::format("assigns task {} of step {}, which is not open or not there",
                                       record.task(), record.step()));
  }
  const auto worker = WorkerOf(record);
  if (!worker) {
    return Corrupt(
        offset, fmt::format("assigns to worker number {}, whom nobody has named", record.worker()));
  }
  const AttemptId id{term.epoch, record.n()};
  const TaskId task{record.step(), record.task()};
  term.attempts.push_back({.task = task.index,
                           .worker = *worker,
                           .step = static_cast<uint8_t>(task.step),
                           .state = AttemptState::kLive});
  ++steps[task.step].tasks[task.index].live;
  ++attempts;
  live[id] = {.task = task, .worker = workers[*worker].id, .offset = offset};
  live_by_task[task].push_back(id);
  live_by_worker[workers[*worker].id].push_back(id);
  Index(task);
  return {};
}

Status Job::State::Commit(int64_t offset, AttemptId id) {
  Attempt* attempt = Find(id);
  if (attempt == nullptr ||
      (attempt->state != AttemptState::kLive && attempt->state != AttemptState::kLost)) {
    return Corrupt(offset, fmt::format("commits attempt {}, which cannot win", id.Text()));
  }
  TaskState& task = TaskOf(*attempt);
  if (task.winner.n != 0) {
    return Corrupt(offset,
                   fmt::format("commits attempt {} after {}", id.Text(), task.winner.Text()));
  }
  task.winner = id;
  ++steps[attempt->step].state.committed;
  End(id, *attempt, AttemptState::kCommitted);
  const TaskId task_id{attempt->step, attempt->task};
  Index(task_id);
  troubled.erase(task_id);
  if (const auto failed = failed_on.find(task_id); failed != failed_on.end()) {
    for (const WorkerId worker : failed->second) {
      if (worker != workers[attempt->worker].id) ++workers[IndexOf(worker)].blamed;
    }
    failed_on.erase(failed);
  }
  return {};
}

void Job::State::Fail(AttemptId id, Attempt& attempt, const proto::AttemptFailed& record) {
  const TaskId task{attempt.step, attempt.task};
  End(id, attempt, AttemptState::kFailed);
  ++failures;
  last_failure = JobFailure{.task = task, .code = record.code(), .text = record.text()};
  TaskState& state = TaskOf(attempt);
  if (state.failures < UINT16_MAX) ++state.failures;
  if (state.winner.n != 0) return;
  troubled[task] = *last_failure;
  auto& workers_failed = failed_on[task];
  const WorkerId worker = workers[attempt.worker].id;
  if (std::ranges::find(workers_failed, worker) == workers_failed.end()) {
    workers_failed.push_back(worker);
  }
}

void Job::State::Lose(AttemptId id, Attempt& attempt, bool counted) {
  End(id, attempt, AttemptState::kLost);
  ++losses;
  TaskState& state = TaskOf(attempt);
  if (!counted || state.winner.n != 0) return;
  if (state.losses < UINT16_MAX) ++state.losses;
  const TaskId task{attempt.step, attempt.task};
  Trouble(task);
}

void Job::State::Trouble(TaskId task) {
  constexpr auto kCode = static_cast<int32_t>(ErrorCode::kUnavailable);
  troubled.emplace(task, JobFailure{.task = task, .code = kCode, .text = {}});
}

// AttemptLost, AttemptFailed, AttemptCancelled. Of one that is over already they change nothing.
Status Job::State::EndOne(int64_t offset, AttemptId id, const proto::JournalRecord& record) {
  Attempt* attempt = Find(id);
  if (attempt == nullptr) {
    return Corrupt(offset, fmt::format("ends attempt {}, which was never assigned", id.Text()));
  }
  const bool is_live = attempt->state == AttemptState::kLive;
  if (!is_live && attempt->state != AttemptState::kLost) return {};
  if (record.has_attempt_failed()) {
    Fail(id, *attempt, record.attempt_failed());
  } else if (record.has_attempt_cancelled()) {
    End(id, *attempt, AttemptState::kCancelled);
  } else if (is_live) {
    Lose(id, *attempt, record.attempt_lost().counted());
  }
  return {};
}

Status Job::State::LoseOutput(int64_t offset, const proto::OutputLost& record) {
  for (const uint32_t index : record.tasks()) {
    if (record.step() >= steps.size() || index >= steps[record.step()].tasks.size() ||
        steps[record.step()].tasks[index].winner.n == 0) {
      return Corrupt(offset, fmt::format("loses the output of task {} of step {}, which has none",
                                         index, record.step()));
    }
    TaskState& task = steps[record.step()].tasks[index];
    Find(task.winner)->state = AttemptState::kOutputLost;
    if (steps[record.step()].state.kind == proto::PHASE_MAP && winners_number != 0) {
      outdated_winners.emplace(index, task.winner);
    }
    task.winner = {};
    if (task.losses < UINT16_MAX) ++task.losses;
    Trouble({record.step(), index});
    --steps[record.step()].state.committed;
    Index({record.step(), index});
  }
  return {};
}

Status Job::State::WriteWinners(int64_t offset, const proto::WinnersWritten& record) {
  if (record.number() <= winners_number) {
    return Corrupt(offset, fmt::format("uses the winners number {} after {}", record.number(),
                                       winners_number));
  }
  winners_number = record.number();
  if (record.partitions().empty()) {
    winners_of_all = winners_number;
    winners_of.clear();
  }
  for (const uint32_t partition : record.partitions()) winners_of[partition] = winners_number;
  for (const auto& [task, attempt] : outdated_winners) won_again[task] = winners_number;
  outdated_winners.clear();
  return {};
}

Job::Job() : state_(std::make_unique<State>()) {}
Job::~Job() = default;
Job::Job(const Job& other) : state_(std::make_unique<State>(*other.state_)) {}
Job& Job::operator=(const Job& other) {
  *state_ = *other.state_;
  return *this;
}

Status Job::Apply(int64_t offset, uint64_t epoch, const proto::JournalRecord& record) {
  State& s = *state_;
  using Record = proto::JournalRecord;
  if (record.record_case() == Record::kMasterClaimed) {
    s.terms.push_back({.epoch = epoch, .attempts = {}});
    s.numbered.clear();
    s.worker_number.clear();
    return {};
  }
  if (s.terms.empty() || s.terms.back().epoch != epoch) {
    return Corrupt(offset, fmt::format("is of epoch {}, which is not the newest", epoch));
  }
  const auto id = [](const proto::AttemptId& from) { return AttemptId{from.epoch(), from.n()}; };
  switch (record.record_case()) {
    case Record::kJobAccepted:
      return s.Accept(offset, record.job_accepted());
    case Record::kPhaseOpened:
      return s.Open(offset, record.phase_opened());
    case Record::kAttemptAssigned:
      return s.Assign(offset, record.attempt_assigned());
    case Record::kTaskCommitted:
      return s.Commit(offset, id(record.task_committed().attempt()));
    case Record::kAttemptLost:
      return s.EndOne(offset, id(record.attempt_lost().attempt()), record);
    case Record::kAttemptFailed:
      return s.EndOne(offset, id(record.attempt_failed().attempt()), record);
    case Record::kAttemptCancelled:
      return s.EndOne(offset, id(record.attempt_cancelled().attempt()), record);
    case Record::kOutputLost:
      return s.LoseOutput(offset, record.output_lost());
    case Record::kWinnersWritten:
      return s.WriteWinners(offset, record.winners_written());
    default:
      return ApplyToWhole(offset, record);
  }
}

Status Job::ApplyToWhole(int64_t offset, const proto::JournalRecord& record) {
  State& s = *state_;
  using Record = proto::JournalRecord;
  switch (record.record_case()) {
    case Record::kSplittersChosen:
      s.splitters = record.splitters_chosen().checksum();
      break;
    case Record::kShuffleTableMade:
      if (s.shuffle_table.empty()) s.shuffle_table = record.shuffle_table_made().table();
      break;
    case Record::kWorkerQuarantined:
      s.workers[s.IndexOf({record.worker_quarantined().worker_id()})].is_quarantined = true;
      break;
    case Record::kPublishDecided:
      s.publish = record.publish_decided();
      break;
    case Record::kJobPaused:
      s.is_paused = true;
      s.answered.insert(record.job_paused().request());
      break;
    case Record::kJobResumed:
      s.is_paused = false;
      s.answered.insert(record.job_resumed().request());
      break;
    case Record::kCancelAccepted:
      if (!s.cancelled) s.cancelled = record.cancel_accepted();
      s.answered.insert(record.cancel_accepted().request());
      break;
    case Record::kCancelRefused:
      s.answered.insert(record.cancel_refused().request());
      break;
    case Record::kJobFinished:
      if (s.finished) return Corrupt(offset, "finishes the job a second time");
      s.finished = record.job_finished();
      break;
    default:
      return Corrupt(offset, fmt::format("holds a record of kind {}, which cannot be applied",
                                         static_cast<int>(record.record_case())));
  }
  return {};
}

const proto::JobAccepted* Job::accepted() const {
  return state_->accepted ? &*state_->accepted : nullptr;
}
const proto::JobFinished* Job::finished() const {
  return state_->finished ? &*state_->finished : nullptr;
}
const proto::PublishDecided* Job::publish() const {
  return state_->publish ? &*state_->publish : nullptr;
}
uint64_t Job::splitters() const { return state_->splitters; }
const std::string& Job::shuffle_table() const { return state_->shuffle_table; }
bool Job::is_paused() const { return state_->is_paused; }
const proto::CancelAccepted* Job::cancelled() const {
  return state_->cancelled ? &*state_->cancelled : nullptr;
}
bool Job::HasAnswered(uint64_t request) const { return state_->answered.contains(request); }
const JobFailure* Job::last_failure() const {
  return state_->last_failure ? &*state_->last_failure : nullptr;
}
uint64_t Job::epoch() const { return state_->terms.empty() ? 0 : state_->terms.back().epoch; }
uint64_t Job::next_attempt() const {
  return state_->terms.empty() ? 1 : state_->terms.back().attempts.size() + 1;
}

uint32_t Job::steps() const { return static_cast<uint32_t>(state_->steps.size()); }
const StepState& Job::step(uint32_t step) const {
  MINKE_CHECK(step < state_->steps.size());
  return state_->steps[step].state;
}
std::optional<uint32_t> Job::open_step() const { return state_->open_step; }
std::optional<uint32_t> Job::StepOf(proto::PhaseKind kind) const {
  for (uint32_t step = 0; step < steps(); ++step) {
    if (state_->steps[step].state.kind == kind) return step;
  }
  return std::nullopt;
}
const TaskState& Job::task(TaskId task) const {
  MINKE_CHECK(task.step < state_->steps.size() &&
              task.index < state_->steps[task.step].tasks.size());
  return state_->steps[task.step].tasks[task.index];
}

uint32_t Job::NextWaiting(uint32_t step, uint32_t from) const {
  const std::vector<uint64_t>& words = state_->steps[step].waiting;
  size_t at = from / 64;
  if (at >= words.size()) return kNoTask;
  uint64_t word = words[at] & (~uint64_t{0} << (from % 64));
  while (word == 0) {
    if (++at == words.size()) return kNoTask;
    word = words[at];
  }
  return static_cast<uint32_t>(at * 64) + static_cast<uint32_t>(std::countr_zero(word));
}

std::span<const AttemptId> Job::LiveAttemptsOf(TaskId task) const {
  return SpanOf(state_->live_by_task, task);
}
std::span<const WorkerId> Job::FailedOn(TaskId task) const {
  return SpanOf(state_->failed_on, task);
}
const std::map<TaskId, JobFailure>& Job::troubled() const { return state_->troubled; }

AttemptState Job::StateOf(AttemptId attempt) const {
  const Attempt* found = state_->Find(attempt);
  return found == nullptr ? AttemptState::kUnknown : found->state;
}
TaskId Job::TaskOf(AttemptId attempt) const {
  const Attempt* found = state_->Find(attempt);
  MINKE_CHECK(found != nullptr);
  return {found->step, found->task};
}
WorkerId Job::WorkerOf(AttemptId attempt) const {
  const Attempt* found = state_->Find(attempt);
  MINKE_CHECK(found != nullptr);
  return state_->workers[found->worker].id;
}
const std::set<TaskId>& Job::contested() const { return state_->contested; }
const std::map<AttemptId, LiveAttempt>& Job::live() const { return state_->live; }
const std::map<WorkerId, std::vector<AttemptId>>& Job::live_by_worker() const {
  return state_->live_by_worker;
}
bool Job::IsQuarantined(WorkerId worker) const {
  const auto found = state_->worker_index.find(worker);
  return found != state_->worker_index.end() && state_->workers[found->second].is_quarantined;
}
uint32_t Job::BlamedTasks(WorkerId worker) const {
  const auto found = state_->worker_index.find(worker);
  return found == state_->worker_index.end() ? 0 : state_->workers[found->second].blamed;
}
std::optional<uint32_t> Job::NumberOf(WorkerId worker) const {
  const auto found = state_->worker_number.find(worker);
  if (found == state_->worker_number.end()) return std::nullopt;
  return found->second;
}
uint32_t Job::next_number() const { return static_cast<uint32_t>(state_->numbered.size()); }
uint64_t Job::attempts() const { return state_->attempts; }
uint64_t Job::failures() const { return state_->failures; }
uint64_t Job::losses() const { return state_->losses; }
uint32_t Job::quarantined() const {
  return static_cast<uint32_t>(std::ranges::count_if(state_->workers, &Worker::is_quarantined));
}

uint32_t Job::WinnersOf(uint32_t partition) const {
  const auto found = state_->winners_of.find(partition);
  return found == state_->winners_of.end() ? state_->winners_of_all : found->second;
}
const std::map<uint32_t, AttemptId>& Job::outdated_winners() const {
  return state_->outdated_winners;
}
bool Job::HasCurrentWinners() const {
  const auto map = StepOf(proto::PHASE_MAP);
  return map && state_->winners_number != 0 && state_->outdated_winners.empty() &&
         step(*map).committed == step(*map).tasks;
}
bool Job::IsInWinners(uint32_t map_task, uint32_t number) const {
  const auto step = StepOf(proto::PHASE_MAP);
  if (!step || map_task >= state_->steps[*step].tasks.size()) return false;
  if (state_->steps[*step].tasks[map_task].winner.n == 0) return false;
  if (state_->outdated_winners.contains(map_task)) return false;
  const auto again = state_->won_again.find(map_task);
  return again == state_->won_again.end() || number >= again->second;
}

bool Job::operator==(const Job& other) const {
  const State& a = *state_;
  const State& b = *other.state_;
  const auto rest = [](const State& s) {
    return std::tie(s.splitters, s.shuffle_table, s.is_paused, s.answered, s.last_failure, s.terms,
                    s.steps, s.open_step, s.failed_on, s.troubled, s.contested, s.workers,
                    s.numbered, s.live, s.live_by_task, s.live_by_worker, s.attempts, s.failures,
                    s.losses, s.winners_number, s.winners_of_all, s.winners_of, s.outdated_winners,
                    s.won_again);
  };
  return Same(a.accepted, b.accepted) && Same(a.finished, b.finished) &&
         Same(a.publish, b.publish) && Same(a.cancelled, b.cancelled) && rest(a) == rest(b);
}

}  // namespace minke
