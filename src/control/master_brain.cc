#include "control/master_brain.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>
#include <set>

#include "control/journal.h"
#include "control/plan.h"
#include "control/tally.h"

namespace minke {
namespace {

enum class Stage : uint8_t { kRow, kLog, kClaim, kRunning, kCleaning, kExited };

// The message that was sent and not read back yet.
struct InFlight {
  std::string bytes;
  uint64_t sequence = 0;
  int64_t sent_ms = 0;
};

}  // namespace

struct MasterBrain::State {
  explicit State(MasterOptions given) : options(std::move(given)) {}

  MasterOptions options;
  Stage stage = Stage::kRow;
  bool row_is_asked = false;
  std::optional<Row> row;
  Incarnation incarnation;
  JournalReader reader;
  Job job;
  Fleet fleet;
  Tally tally;
  Outcomes outcomes;
  std::optional<proto::Plan> plan;
  std::optional<InFlight> in_flight;
  uint64_t epoch = 0;
  uint64_t sequence = 0;    // of the last message sent
  int64_t inbox_read = 0;   // offset behind the last message noted
  std::set<TaskId> unread;  // committed tasks whose report is to be read
  uint32_t winners_counted = 0;
  bool winners_under_way = false;
  std::vector<WriteWinners> winners_left;
  bool row_is_finished = false;
  int64_t now_ms = 0;
  int64_t begun_ms = -1;
  int64_t phase_begun_ms = 0;
  int64_t last_worker_ms = 0;
  int64_t last_step_ms = 0;
  std::vector<MasterEffect> effects;

  void Say(MasterEffect effect) { effects.push_back(std::move(effect)); }
  void Leave(int code, std::string text) {
    if (stage == Stage::kExited) return;
    stage = Stage::kExited;
    Say(Exit{code, std::move(text)});
  }
  void Leave(const Error& error) { Leave(ExitCodeOf(error.code), error.text); }

  void TakeRow();
  void Claim(uint64_t uuid);
  void Apply(int64_t offset, const proto::JournalRecord& record);
  void Run();
  void Prepare();
  void ReadReports();
  void PrepareWinners();
  void Append();
  void Conclude();
  void WatchWorkers();
};

void MasterBrain::State::TakeRow() {
  incarnation = row->incarnation;
  if (row->spec_hash != options.spec_hash) {
    return Leave(64,
                 fmt::format("there is a job {} with other inputs, arguments, output or program: "
                             "choose another name, or the same ones",
                             options.job_name));
  }
  if (row->state == RowState::kFinished) {
    return Leave(row->exit_code, fmt::format("the job {} has ended; minke rerun {} runs it again",
                                             options.job_name, options.job_name));
  }
  stage = Stage::kLog;
  Say(OpenLog{incarnation, row->state == RowState::kOpen});
}

void MasterBrain::State::Claim(uint64_t uuid) {
  stage = Stage::kClaim;
  proto::JournalMessage message;
  proto::MasterClaimed* claim = message.add_records()->mutable_master_claimed();
  claim->set_uuid(uuid);
  claim->set_version(options.version);
  options.uuid = uuid;
  in_flight = InFlight{message.SerializeAsString(), 0, now_ms};
  Say(AppendJournal{in_flight->bytes});
}

void MasterBrain::State::Apply(int64_t offset, const proto::JournalRecord& record) {
  const uint64_t of = reader.position().epoch.value_or(0);
  if (Status applied = job.Apply(offset, of, record); !applied) return Leave(applied.error());
  if (record.has_master_claimed()) {
    if (record.master_claimed().uuid() == options.uuid) {
      epoch = of;
      sequence = 0;
      in_flight.reset();
      stage = Stage::kRunning;
      last_worker_ms = now_ms;
      fleet = Fleet();
      fleet.NoteLeasesAnew(now_ms);
      Say(ReadInbox{-1});
    } else if (stage != Stage::kClaim) {
      Leave(75, "another master of the job has claimed it: this one stops");
    }
  } else if (record.has_task_committed()) {
    unread.insert(job.TaskOf(FromProto(record.task_committed().attempt())));
  } else if (record.has_output_lost()) {
    for (const uint32_t task : record.output_lost().tasks()) {
      unread.erase({record.output_lost().step(), task});
      tally.Remove({record.output_lost().step(), task});
    }
  } else if (record.has_phase_opened()) {
    phase_begun_ms = now_ms;
  } else if (record.has_winners_written()) {
    outcomes.winners.reset();
    winners_under_way = false;
  }
}

void MasterBrain::State::ReadReports() {
  for (const TaskId task : unread) Say(ReadReport{job.task(task).winner});
  unread.clear();
}

// The winners' blocks, once every map task's report is at hand.
void MasterBrain::State::PrepareWinners() {
  const auto map = job.StepOf(proto::PHASE_MAP);
  if (!map || !job.StepOf(proto::PHASE_REDUCE) || winners_under_way || outcomes.winners) return;
  if (job.step(*map).committed != job.step(*map).tasks || job.HasCurrentWinners()) return;
  if (job.open_step() < *map) return;
  for (uint32_t task = 0; task < job.step(*map).tasks; ++task) {
    if (!tally.Has({*map, task}, job.task({*map, task}).winner)) return;
  }
  winners_under_way = true;
  // A number that no other master uses: epochs are offsets, and every number stands in a message.
  const auto number = static_cast<uint32_t>(epoch) + 1 + winners_counted++;
  WriteWinners write{number, {}};
  size_t bytes = 0;
  for (uint32_t partition = 0; partition < job.accepted()->partitions(); ++partition) {
    std::string block = tally.WinnersBlock(*map, partition);
    bytes += block.size();
    write.blocks.emplace_back(partition, std::move(block));
    if (bytes < options.winners_bytes_max) continue;
    winners_left.push_back(std::exchange(write, WriteWinners{number, {}}));
    bytes = 0;
  }
  winners_left.push_back(std::move(write));
  Say(winners_left.front());
}

// Asks for what the rules of Decide wait for.
void MasterBrain::State::Prepare() {
  if (job.accepted() == nullptr) {
    if (!outcomes.plan) Say(MakePlan{});
    return;
  }
  if (!plan) {
    Say(ReadPlan{job.accepted()->plan_checksum()});
    return;
  }
  if (row->state == RowState::kOpen) {
    Row accepted = *row;
    accepted.state = RowState::kAccepted;
    Say(CompareAndSetRow{row, accepted});
    return;
  }
  outcomes.row_accepted = true;
  outcomes.publish_mine = incarnation.bits;
  if (job.StepOf(proto::PHASE_REDUCE) && job.shuffle_table().empty() &&
      outcomes.shuffle_table.empty()) {
    outcomes.shuffle_table = fmt::format("shuffle_{}_{}", incarnation.Hex(), epoch);
    Say(MakeShuffleTable{outcomes.shuffle_table});
  }
  ReadReports();
  const auto sample = job.StepOf(proto::PHASE_SAMPLE);
  if (sample && job.splitters() == 0 && outcomes.splitters == 0 &&
      job.step(*sample).committed == job.step(*sample).tasks) {
    ChooseSplitters choose;
    for (uint32_t task = 0; task < job.step(*sample).tasks; ++task) {
      choose.samples.push_back(job.task({*sample, task}).winner);
    }
    Say(std::move(choose));
  }
  PrepareWinners();
}

void MasterBrain::State::Append() {
  fleet.Note(outcomes);
  fleet.Settle(job);
  auto records = Decide(job, fleet, now_ms, options.decide);
  if (records.empty()) return;
  proto::JournalMessage message;
  message.set_epoch(epoch);
  message.set_sequence(++sequence);
  message.set_inbox_read(static_cast<uint64_t>(inbox_read));
  for (proto::JournalRecord& record : records) *message.add_records() = std::move(record);
  in_flight = InFlight{message.SerializeAsString(), sequence, now_ms};
  Say(AppendJournal{in_flight->bytes});
}

void MasterBrain::State::WatchWorkers() {
  if (!fleet.workers().empty() || job.is_paused()) last_worker_ms = now_ms;
  if (options.no_worker_timeout_ms == 0) return;
  if (now_ms - last_worker_ms <= options.no_worker_timeout_ms) return;
  Leave(75,
        fmt::format("no worker was heard of for {} s: the job stays open, the same command goes "
                    "on",
                    options.no_worker_timeout_ms / 1000));
}

// The job has finished: the row says so, then everything is cleaned up.
void MasterBrain::State::Conclude() {
  if (!row_is_finished) {
    Row finished = *row;
    finished.state = RowState::kFinished;
    finished.exit_code = job.finished()->exit_code();
    Say(CompareAndSetRow{row, finished});
    return;
  }
  stage = Stage::kCleaning;
  Say(CleanUp{job.shuffle_table()});
}

void MasterBrain::State::Run() {
  if (in_flight) {
    if (now_ms - in_flight->sent_ms < options.append_timeout_ms) return;
    in_flight->sent_ms = now_ms;
    return Say(AppendJournal{in_flight->bytes});
  }
  if (job.finished() != nullptr) return Conclude();
  Prepare();
  if (!effects.empty()) return;
  outcomes.reports_read = unread.empty();
  if (job.publish() != nullptr && !outcomes.published && !outcomes.publish_failed) {
    return Say(Publish{job.publish()->expected(), job.publish()->mine()});
  }
  Append();
  WatchWorkers();
}

MasterBrain::MasterBrain(MasterOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}

MasterBrain::~MasterBrain() = default;

void MasterBrain::JournalRead(int64_t offset, Bytes bytes) {
  State& state = *state_;
  if (state.stage == Stage::kExited) return;
  auto message = state.reader.Read(offset, bytes);
  if (!message) return state.Leave(message.error());
  if (*message == nullptr) return;
  const proto::JournalMessage copy = **message;
  for (const proto::JournalRecord& record : copy.records()) state.Apply(offset, record);
  const bool is_ours = state.stage == Stage::kRunning && copy.epoch() == state.epoch;
  if (is_ours && state.in_flight && copy.sequence() == state.in_flight->sequence) {
    state.in_flight.reset();
  }
}

void MasterBrain::InboxRead(int64_t offset, Bytes bytes) {
  State& state = *state_;
  proto::InboxMessage message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  for (const proto::Fact& fact : message.facts()) state.fleet.Note(fact, state.now_ms);
  state.inbox_read = offset + 1;
}

void MasterBrain::HeartbeatRead(Bytes bytes) {
  proto::Heartbeat heartbeat;
  if (heartbeat.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    state_->fleet.Note(heartbeat, state_->now_ms);
  }
}

void MasterBrain::InboxOutOfRange(uint64_t fresh_uuid) { state_->Claim(fresh_uuid); }

void MasterBrain::LogBroken(Error error) {
  error.code = ErrorCode::kConfiguration;
  state_->Leave(error);
}

void MasterBrain::RowRead(const Row& row) {
  State& state = *state_;
  const bool is_first = !state.row;
  state.row = row;
  if (is_first) return state.TakeRow();
  if (row.incarnation != state.incarnation) {
    return state.Leave(75, "the job was started anew under its name: this master stops");
  }
  state.row_is_finished = row.state == RowState::kFinished;
}

void MasterBrain::LogOpened(int64_t, int64_t journal_end) {
  State& state = *state_;
  if (state.row->state == RowState::kAccepted && journal_end == 0) {
    return state.Leave(78, fmt::format("the job {} was accepted, but its journal is gone: nothing "
                                       "can be said of what it did; minke rerun {} begins anew",
                                       state.options.job_name, state.options.job_name));
  }
  state.Claim(state.options.uuid);
}

void MasterBrain::PlanMade(uint64_t checksum, const proto::Plan& plan) {
  proto::JobAccepted accepted;
  accepted.set_plan_checksum(checksum);
  *accepted.mutable_steps() = plan.steps();
  accepted.set_partitions(plan.partitions());
  accepted.set_attempts_max(plan.attempts_max());
  accepted.set_backups(plan.backups());
  accepted.set_max_age_ms(plan.max_age_ms());
  accepted.set_job_hash(plan.job_hash());
  state_->outcomes.plan = std::move(accepted);
  state_->plan = plan;
}

void MasterBrain::PlanRead(const proto::Plan& plan) { state_->plan = plan; }

void MasterBrain::ShuffleTableReady() {}

void MasterBrain::ReportRead(AttemptId attempt, const proto::Report* report) {
  State& state = *state_;
  if (report == nullptr) {
    state.outcomes.reports_missing.insert(attempt);
    return;
  }
  const TaskId task = state.job.TaskOf(attempt);
  state.tally.Add(task, state.job.step(task.step).kind, attempt, *report);
}

void MasterBrain::SplittersReady(uint64_t checksum) { state_->outcomes.splitters = checksum; }

void MasterBrain::WinnersReady() {
  State& state = *state_;
  const uint32_t number = state.winners_left.front().number;
  state.winners_left.erase(state.winners_left.begin());
  if (!state.winners_left.empty()) return state.Say(state.winners_left.front());
  state.outcomes.winners.emplace().set_number(number);
}

void MasterBrain::Published() { state_->outcomes.published = true; }

void MasterBrain::PublishConflict(uint64_t current) { state_->outcomes.publish_conflict = current; }

void MasterBrain::CleanedUp() {
  State& state = *state_;
  state.Leave(state.job.finished()->exit_code(), state.job.finished()->text());
}

void MasterBrain::EffectFailed(Error error) {
  State& state = *state_;
  if (state.job.publish() != nullptr && state.job.finished() == nullptr) {
    state.outcomes.publish_failed = std::move(error);
  } else if (state.stage == Stage::kCleaning) {
    CleanedUp();
  } else {
    state.Leave(error);
  }
}

std::vector<MasterEffect> MasterBrain::Step(const Moment& moment) {
  State& state = *state_;
  state.now_ms = moment.now_ms;
  if (state.begun_ms < 0) state.begun_ms = state.last_step_ms = moment.now_ms;
  const bool gap = state.options.loop_gap_ms != 0 &&
                   moment.now_ms - state.last_step_ms > state.options.loop_gap_ms;
  if (gap || !moment.heartbeats_at_end) state.fleet.NoteLeasesAnew(moment.now_ms);
  state.last_step_ms = moment.now_ms;
  if (state.outcomes.plan && state.outcomes.plan->unix_ms() == 0) {
    state.outcomes.plan->set_unix_ms(moment.unix_ms);
  }
  if (state.stage == Stage::kRow && !state.row_is_asked) {
    state.row_is_asked = true;
    state.Say(CompareAndSetRow{
        std::nullopt,
        {state.options.fresh_incarnation, state.options.spec_hash, RowState::kOpen, 0}});
  }
  if (state.effects.empty() && (state.stage == Stage::kRunning || state.stage == Stage::kClaim)) {
    state.Run();
  }
  return std::exchange(state.effects, {});
}

int64_t MasterBrain::wake_at_ms() const {
  const State& state = *state_;
  int64_t at = std::numeric_limits<int64_t>::max();
  if (state.in_flight) at = state.in_flight->sent_ms + state.options.append_timeout_ms;
  if (state.options.decide.lease_ms != 0 && !state.job.live().empty()) {
    at = std::min(at, state.now_ms + state.options.decide.lease_ms / 4);
  }
  if (state.options.no_worker_timeout_ms != 0) {
    at = std::min(at, state.last_worker_ms + state.options.no_worker_timeout_ms + 1);
  }
  return at;
}

GateAnswer MasterBrain::Gate(proto::PhaseKind role) const {
  const State& state = *state_;
  if (state.stage != Stage::kRunning) return {};
  GateAnswer answer = AnswerGate(state.job, state.reader.position(), role);
  answer.incarnation = state.incarnation;
  return answer;
}

JobView MasterBrain::View() const {
  const State& state = *state_;
  ViewContext context;
  context.name = state.options.job_name;
  context.incarnation = state.incarnation;
  if (state.plan) {
    for (const proto::InputFile& file : state.plan->files()) context.input_bytes += file.size();
  }
  context.begun_ms = state.begun_ms;
  context.phase_begun_ms = state.phase_begun_ms;
  context.now_ms = state.now_ms;
  context.lease_ms = state.options.decide.lease_ms;
  return MakeJobView(state.job, state.fleet, state.tally, context);
}

const Job& MasterBrain::job() const { return state_->job; }

Incarnation MasterBrain::incarnation() const { return state_->incarnation; }

}  // namespace minke
