#include "control/master_brain.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <map>
#include <numeric>
#include <set>

#include "base/hash.h"
#include "control/journal.h"
#include "control/manifest.h"
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

// Effects that have not ended yet; none is said a second time before that.
struct Asked {
  bool row = false;
  bool plan = false;
  std::string table;  // its name
  bool splitters = false;
  uint64_t manifest = 0;  // its checksum
  bool publish = false;
  std::set<AttemptId> reports;
};

// Winners' blocks that are being written, a part of them at a time.
struct WinnersUnderWay {
  uint32_t number = 0;
  std::vector<uint32_t> partitions;
  bool is_all = false;
  size_t next = 0;        // of the partitions
  bool is_stale = false;  // a winner was lost since: they will never be named
};

}  // namespace

struct MasterBrain::State {
  explicit State(MasterOptions given) : options(std::move(given)) {}

  MasterOptions options;
  Stage stage = Stage::kRow;
  std::optional<Row> row;
  Incarnation incarnation;
  JournalReader reader;
  Job job;
  Fleet fleet;
  Tally tally;
  std::map<TaskId, std::vector<std::string>> samples;  // until splitters are chosen of them
  Outcomes outcomes;
  std::optional<proto::Plan> plan;
  std::optional<InFlight> in_flight;
  uint64_t epoch = 0;
  uint64_t sequence = 0;    // of the last message sent
  int64_t inbox_read = 0;   // offset behind the last message noted
  std::set<TaskId> unread;  // committed tasks whose report is to be read
  Asked asked;
  uint32_t winners_counted = 0;
  std::optional<WinnersUnderWay> winners;
  // Reports of attempts that stand in the winners' blocks and were lost; nothing: it is gone too.
  std::map<AttemptId, std::optional<proto::Report>> former_reports;
  bool row_is_finished = false;
  int64_t finished_ms = -1;        // when we knew that it is
  std::vector<proto::Fact> facts;  // heard since the last Step
  std::vector<proto::Heartbeat> heartbeats;
  bool has_claimed = false;     // since the last Step
  bool phase_is_fresh = false;  // opened since the last Step
  int64_t now_ms = 0;
  int64_t unix_ms = 0;
  int64_t woken_by_ms = std::numeric_limits<int64_t>::max();  // what wake_at_ms was
  int64_t begun_ms = -1;
  int64_t phase_begun_ms = 0;
  int64_t last_worker_ms = 0;
  std::vector<MasterEffect> effects;

  void Say(MasterEffect effect) { effects.push_back(std::move(effect)); }
  void Leave(int code, std::string text) {
    if (stage == Stage::kExited) return;
    stage = Stage::kExited;
    Say(Exit{code, std::move(text)});
  }
  void Leave(const Error& error) { Leave(ExitCodeOf(error.code), error.text); }
  Error GoneJournal() const {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("the job {0} was accepted, but its journal is gone, or its beginning "
                             "is: nothing can be said of what it did; minke rerun {0} begins anew",
                             options.job_name)};
  }

  void TakeRow();
  void Claim(uint64_t uuid);
  void Apply(int64_t offset, const proto::JournalRecord& record);
  void Run();
  void Prepare();
  bool PrepareJob();
  void PublishOutput();
  bool HasAllReports() const;
  void ReadReports();
  void ReadFormerReports();
  void PrepareWinners();
  std::vector<uint32_t> OutdatedPartitions(uint32_t map_step) const;
  void WriteMoreWinners();
  void TakeIn(const Moment& moment);
  void Append();
  void Conclude();
  void WatchWorkers();
  bool HasWorkers() const;
};

void MasterBrain::State::TakeRow() {
  incarnation = row->incarnation;
  if (auto answer = AnswerOfRow(*row, options.job_name, options.spec_hash)) {
    return Leave(answer->code, std::move(answer->text));
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
      has_claimed = true;
      facts.clear();
      heartbeats.clear();
      fleet = Fleet(epoch);
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
      samples.erase({record.output_lost().step(), task});
    }
    outcomes.winners.reset();
    if (winners) winners->is_stale = true;
    asked.manifest = outcomes.manifest = 0;
  } else if (record.has_phase_opened()) {
    phase_is_fresh = true;
  } else if (record.has_publish_decided()) {
    outcomes.publish_conflict.reset();
  } else if (record.has_winners_written()) {
    outcomes.winners.reset();
    former_reports.clear();
  }
}

void MasterBrain::State::ReadReports() {
  for (const TaskId task : std::exchange(unread, {})) {
    const AttemptId winner = job.task(task).winner;
    if (asked.reports.insert(winner).second) Say(ReadReport{winner});
  }
  const auto sample = job.StepOf(proto::PHASE_SAMPLE);
  if (!sample || job.splitters() != 0 || outcomes.splitters != 0 || asked.splitters) return;
  if (tally.reports(*sample) != job.step(*sample).tasks) return;
  ChooseSplitters choose;
  for (auto& [task, keys] : samples) std::ranges::move(keys, std::back_inserter(choose.samples));
  samples.clear();
  asked.splitters = true;
  Say(std::move(choose));
}

// What attempts had left that stand in the blocks and are winners no more.
void MasterBrain::State::ReadFormerReports() {
  for (const auto& [task, attempt] : job.outdated_winners()) {
    if (former_reports.contains(attempt) || !asked.reports.insert(attempt).second) continue;
    Say(ReadReport{attempt});
  }
}

// Partitions whose blocks name, or will have to name, a map task that was lost and has won again.
std::vector<uint32_t> MasterBrain::State::OutdatedPartitions(uint32_t map_step) const {
  std::vector<uint32_t> found;
  const auto holds = [&](uint32_t partition) {
    return std::ranges::any_of(job.outdated_winners(), [&](const auto& outdated) {
      const auto& report = former_reports.at(outdated.second);
      return !report || HoldsPartition(*report, partition) ||
             tally.Holds({map_step, outdated.first}, partition);
    });
  };
  for (uint32_t partition = 0; partition < job.accepted()->partitions(); ++partition) {
    if (holds(partition)) found.push_back(partition);
  }
  if (found.empty()) found.push_back(0);  // a record that names none would mean all
  return found;
}

// The winners' blocks, once every map task's report is at hand.
void MasterBrain::State::PrepareWinners() {
  const auto map = job.StepOf(proto::PHASE_MAP);
  if (!map || !job.StepOf(proto::PHASE_REDUCE) || winners || outcomes.winners) return;
  if (job.open_step() < *map || job.HasCurrentWinners() || job.publish() != nullptr) return;
  ReadFormerReports();
  if (tally.reports(*map) != job.step(*map).tasks || !asked.reports.empty()) return;
  winners.emplace();
  // A number that no other master uses: epochs are offsets, and for each number that was given up
  // or used there stands a message.
  winners->number = static_cast<uint32_t>(epoch) + 1 + winners_counted++;
  winners->is_all = job.outdated_winners().empty();
  if (winners->is_all) {
    winners->partitions.resize(job.accepted()->partitions());
    std::iota(winners->partitions.begin(), winners->partitions.end(), 0);
  } else {
    winners->partitions = OutdatedPartitions(*map);
  }
  WriteMoreWinners();
}

void MasterBrain::State::WriteMoreWinners() {
  const uint32_t map = *job.StepOf(proto::PHASE_MAP);
  WriteWinners write{winners->number, {}};
  for (size_t bytes = 0;
       winners->next < winners->partitions.size() && bytes < options.winners_bytes_max;) {
    const uint32_t partition = winners->partitions[winners->next++];
    write.blocks.emplace_back(partition, tally.WinnersBlock(map, partition));
    bytes += write.blocks.back().second.size();
  }
  Say(std::move(write));
}

// Plan and row, one after the other. False: not there yet.
bool MasterBrain::State::PrepareJob() {
  if (job.accepted() == nullptr && row->state == RowState::kAccepted) {
    Leave(GoneJournal());
    return false;
  }
  if (job.accepted() == nullptr ? !outcomes.plan : !plan) {
    if (asked.plan) return false;
    asked.plan = true;
    if (job.accepted() == nullptr) {
      Say(MakePlan{});
    } else {
      Say(ReadPlan{job.accepted()->plan_checksum()});
    }
    return false;
  }
  if (job.accepted() != nullptr && row->state == RowState::kOpen) {
    if (asked.row) return false;
    asked.row = true;
    Row accepted = *row;
    accepted.state = RowState::kAccepted;
    Say(CompareAndSetRow{row, accepted});
    return false;
  }
  return true;
}

// Asks for what the rules of Decide wait for.
void MasterBrain::State::Prepare() {
  if (job.accepted() == nullptr) return;
  const proto::JobAccepted& accepted = *job.accepted();
  outcomes.row_accepted = true;
  outcomes.publish_mine = incarnation.bits;
  outcomes.is_too_old =
      accepted.max_age_ms() != 0 && unix_ms - accepted.unix_ms() > accepted.max_age_ms();
  if (job.StepOf(proto::PHASE_REDUCE) && job.shuffle_table().empty() &&
      outcomes.shuffle_table.empty() && asked.table.empty()) {
    asked.table = fmt::format("shuffle_{}_{}", incarnation.Hex(), epoch);
    Say(MakeShuffleTable{asked.table});
  }
  ReadReports();
  PrepareWinners();
  outcomes.reports_read = unread.empty() && asked.reports.empty();
  PublishOutput();
}

// First the manifest, from all winners' reports, so that none of these is needed any more once the
// journal says that it is published. Those that are there are still counted.
void MasterBrain::State::PublishOutput() {
  if (job.publish() == nullptr) {
    if (!HasAllReports() || asked.manifest != 0 || outcomes.manifest != 0) return;
    std::string bytes = MakeManifest(job, tally).SerializeAsString();
    asked.manifest = Hash64(bytes);
    return Say(WriteManifest{asked.manifest, std::move(bytes)});
  }
  if (asked.publish || outcomes.published || !outcomes.reports_read) return;
  if (outcomes.publish_failed || outcomes.publish_conflict) return;
  asked.publish = true;
  Say(Publish{job.publish()->expected(), job.publish()->mine(), job.publish()->manifest()});
}

// Of the tasks of all steps, which all have a winner then.
bool MasterBrain::State::HasAllReports() const {
  for (uint32_t step = 0; step < job.steps(); ++step) {
    if (tally.reports(step) != job.step(step).tasks) return false;
  }
  return true;
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

bool MasterBrain::State::HasWorkers() const {
  return std::ranges::any_of(fleet.workers(), [&](const auto& worker) {
    return fleet.IsAtWork(worker.first, job, now_ms, options.decide.lease_ms);
  });
}

// Nobody at work, though there is work to do: not for ever.
void MasterBrain::State::WatchWorkers() {
  const bool is_needed = job.open_step() && !job.is_paused() && job.publish() == nullptr;
  if (!is_needed || HasWorkers()) last_worker_ms = now_ms;
  if (options.no_worker_timeout_ms == 0 || in_flight) return;
  if (now_ms - last_worker_ms <= options.no_worker_timeout_ms) return;
  Leave(75,
        fmt::format("no worker was heard of for {} s: the job stays open, the same command goes "
                    "on",
                    options.no_worker_timeout_ms / 1000));
}

// The job has finished: the row says so, then workers say that they end, then everything is cleaned
// up, the inbox with it.
void MasterBrain::State::Conclude() {
  if (asked.row) return;
  if (!row_is_finished) {
    Row finished = *row;
    finished.state = RowState::kFinished;
    finished.exit_code = job.finished()->exit_code();
    asked.row = true;
    Say(CompareAndSetRow{row, finished});
    return;
  }
  if (finished_ms < 0) finished_ms = now_ms;
  if (HasWorkers() && now_ms - finished_ms < options.farewell_ms) return;
  stage = Stage::kCleaning;
  Say(CleanUp{job.shuffle_table()});
}

void MasterBrain::State::Run() {
  WatchWorkers();
  if (stage == Stage::kExited) return;
  if (in_flight) {
    if (now_ms - in_flight->sent_ms < options.append_timeout_ms) return;
    in_flight->sent_ms = now_ms;
    return Say(AppendJournal{in_flight->bytes});
  }
  if (job.finished() != nullptr) return Conclude();
  if (!PrepareJob()) return;
  Prepare();
  if (effects.empty()) Append();
}

// What has come in since the last Step has come in now. Leases start anew if we were not there to
// listen: a claim, an outage, or a Step that came later than it should.
void MasterBrain::State::TakeIn(const Moment& moment) {
  now_ms = moment.now_ms;
  unix_ms = moment.unix_ms;
  if (begun_ms < 0) begun_ms = now_ms;
  const bool is_late = options.loop_gap_ms != 0 && now_ms > woken_by_ms &&
                       now_ms - woken_by_ms > options.loop_gap_ms;
  if (is_late || has_claimed || !moment.heartbeats_at_end) fleet.NoteLeasesAnew(now_ms);
  if (has_claimed) last_worker_ms = now_ms;
  if (phase_is_fresh) phase_begun_ms = now_ms;
  has_claimed = phase_is_fresh = false;
  for (const proto::Fact& fact : std::exchange(facts, {})) fleet.Note(fact, now_ms);
  for (const proto::Heartbeat& heard : std::exchange(heartbeats, {})) fleet.Note(heard, now_ms);
  if (outcomes.plan && outcomes.plan->unix_ms() == 0) outcomes.plan->set_unix_ms(unix_ms);
}

std::optional<Exit> AnswerOfRow(const Row& row, const std::string& job_name, uint64_t spec_hash) {
  if (row.spec_hash != spec_hash) {
    return Exit{64,
                fmt::format("there is a job {} with other inputs, arguments, output or program: "
                            "choose another name, or the same ones",
                            job_name)};
  }
  if (row.state != RowState::kFinished) return std::nullopt;
  return Exit{row.exit_code,
              fmt::format("the job {0} has ended; minke rerun {0} runs it again", job_name)};
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
  state.inbox_read = offset + 1;
  proto::InboxMessage message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  for (proto::Fact& fact : *message.mutable_facts()) state.facts.push_back(std::move(fact));
}

void MasterBrain::HeartbeatRead(Bytes bytes) {
  proto::Heartbeat heartbeat;
  if (heartbeat.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    state_->heartbeats.push_back(std::move(heartbeat));
  }
}

void MasterBrain::InboxOutOfRange(uint64_t fresh_uuid) {
  if (state_->stage == Stage::kRunning) state_->Claim(fresh_uuid);
}

void MasterBrain::LogBroken(Error error) {
  error.code = ErrorCode::kConfiguration;
  state_->Leave(error);
}

void MasterBrain::RowRead(const Row& row) {
  State& state = *state_;
  const bool is_first = !state.row;
  state.row = row;
  state.asked.row = false;
  if (is_first) return state.TakeRow();
  if (row.incarnation != state.incarnation) {
    return state.Leave(75, "the job was started anew under its name: this master stops");
  }
  state.row_is_finished = row.state == RowState::kFinished;
}

void MasterBrain::LogOpened(int64_t journal_begin, int64_t journal_end) {
  State& state = *state_;
  const bool is_gone = state.row->state == RowState::kAccepted && journal_end == 0;
  if (is_gone || journal_begin != 0) return state.Leave(state.GoneJournal());
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
  PlanRead(plan);
}

void MasterBrain::PlanRead(const proto::Plan& plan) {
  state_->asked.plan = false;
  state_->plan = plan;
}

void MasterBrain::ShuffleTableReady() {
  state_->outcomes.shuffle_table = std::exchange(state_->asked.table, {});
}

void MasterBrain::ReportRead(AttemptId attempt, const proto::Report* report) {
  State& state = *state_;
  state.asked.reports.erase(attempt);
  const TaskId task = state.job.TaskOf(attempt);
  if (state.job.task(task).winner != attempt) {  // it is not, or not any more
    auto& former = state.former_reports[attempt];
    if (report != nullptr) former = *report;
  } else if (report != nullptr) {
    state.tally.Add(task, state.job.step(task.step).kind, attempt, *report);
    if (report->samples_size() > 0 && state.job.splitters() == 0) {
      state.samples[task].assign(report->samples().begin(), report->samples().end());
    }
  } else {
    state.outcomes.reports_missing.insert(attempt);
  }
}

void MasterBrain::SplittersReady(uint64_t checksum) {
  state_->asked.splitters = false;
  state_->outcomes.splitters = checksum;
}

void MasterBrain::WinnersReady() {
  State& state = *state_;
  if (!state.winners->is_stale) {
    if (state.winners->next < state.winners->partitions.size()) return state.WriteMoreWinners();
    proto::WinnersWritten& written = state.outcomes.winners.emplace();
    written.set_number(state.winners->number);
    if (!state.winners->is_all) {
      written.mutable_partitions()->Assign(state.winners->partitions.begin(),
                                           state.winners->partitions.end());
    }
  }
  state.winners.reset();
}

void MasterBrain::ManifestReady(uint64_t checksum) {
  if (state_->asked.manifest == checksum) state_->outcomes.manifest = checksum;
}

void MasterBrain::Published() {
  state_->asked.publish = false;
  state_->outcomes.published = true;
}

void MasterBrain::PublishConflict(uint64_t current) {
  state_->asked.publish = false;
  state_->outcomes.publish_conflict = current;
}

void MasterBrain::CleanedUp() {
  State& state = *state_;
  state.Leave(state.job.finished()->exit_code(), state.job.finished()->text());
}

void MasterBrain::PublishFailed(Error error) {
  state_->asked.publish = false;
  state_->outcomes.publish_failed = std::move(error);
}

void MasterBrain::EffectFailed(Error error) {
  State& state = *state_;
  if (state.asked.publish) {
    PublishFailed(std::move(error));
  } else if (state.stage == Stage::kCleaning) {
    CleanedUp();
  } else if (state.stage == Stage::kLog && error.code == ErrorCode::kNotFound) {
    state.Leave(state.GoneJournal());
  } else {
    state.Leave(error);
  }
}

void MasterBrain::GiveUp(Error error) {
  if (state_->stage == Stage::kCleaning) return CleanedUp();
  error.code = ErrorCode::kUnavailable;
  state_->Leave(error);
}

std::vector<MasterEffect> MasterBrain::Step(const Moment& moment) {
  State& state = *state_;
  state.TakeIn(moment);
  if (state.stage == Stage::kRow && !state.asked.row) {
    state.asked.row = true;
    state.Say(CompareAndSetRow{
        std::nullopt,
        {state.options.fresh_incarnation, state.options.spec_hash, RowState::kOpen, 0}});
  }
  if (state.effects.empty() && (state.stage == Stage::kRunning || state.stage == Stage::kClaim)) {
    state.Run();
  }
  state.woken_by_ms = wake_at_ms();
  return std::exchange(state.effects, {});
}

int64_t MasterBrain::wake_at_ms() const {
  const State& state = *state_;
  const int64_t never = std::numeric_limits<int64_t>::max();
  if (state.stage != Stage::kRunning && state.stage != Stage::kClaim) return never;
  if (state.in_flight) return state.in_flight->sent_ms + state.options.append_timeout_ms;
  int64_t at = never;
  if (state.options.decide.lease_ms != 0 && !state.job.live().empty()) {
    at = state.now_ms + std::max<int64_t>(1, state.options.decide.lease_ms / 4);
  }
  if (state.options.no_worker_timeout_ms != 0) {
    at = std::min(at, state.last_worker_ms + state.options.no_worker_timeout_ms + 1);
  }
  if (state.finished_ms >= 0) at = std::min(at, state.finished_ms + state.options.farewell_ms);
  const proto::JobAccepted* accepted = state.job.accepted();
  if (accepted != nullptr && accepted->max_age_ms() != 0) {
    const int64_t age_ms = state.unix_ms - accepted->unix_ms();
    if (age_ms <= accepted->max_age_ms()) {
      at = std::min(at, state.now_ms + accepted->max_age_ms() - age_ms + 1);
    }
  }
  return at;
}

bool MasterBrain::is_in_charge() const {
  return state_->stage == Stage::kRunning || state_->stage == Stage::kCleaning;
}

GateAnswer MasterBrain::Gate(proto::PhaseKind role) const {
  const State& state = *state_;
  if (!is_in_charge() && state.job.finished() == nullptr) return {};
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
