#include "runtime/master.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/hash.h"
#include "control/plan.h"
#include "runtime/job_blocks.h"
#include "task/attempt.h"
#include "task/dataset/dataset.h"
#include "task/partitioner.h"

namespace minke {
namespace {

constexpr size_t kPollBytes = 1 << 20;

Row ToRow(const JobRow& row) {
  return {row.incarnation, row.spec_hash, static_cast<RowState>(row.state), row.exit_code};
}

JobRow ToJobRow(const Row& row) {
  return {row.incarnation, row.spec_hash, static_cast<JobState>(row.state), row.exit_code};
}

// Hands on, by `take`, what is at hand. True: there was something.
template <typename Take>
Result<bool> Poll(LogReader* reader, Take take) {
  if (reader == nullptr) return false;
  const auto batch = MINKE_TRY(reader->Poll(kPollBytes));
  for (const LogMessage& message : batch) take(message);
  return !batch.empty();
}

}  // namespace

Result<std::optional<Row>> ReadRow(Store& store, const std::string& job_name) {
  const auto row = MINKE_TRY(store.GetJob(job_name));
  return row ? std::optional(ToRow(*row)) : std::nullopt;
}

Master::Master(MasterPorts ports, MasterDuties duties, MasterOptions options)
    : ports_(std::move(ports)),
      duties_(std::move(duties)),
      job_name_(options.job_name),
      brain_(std::move(options)) {}

Master::~Master() = default;

// The journal comes first: what facts and heartbeats speak of stands in it.
Result<bool> Master::ReadLog() {
  bool read = MINKE_TRY(Poll(journal_.get(), [this](const LogMessage& message) {
    brain_.JournalRead(message.offset, message.bytes);
    if (ports_.on_journal) ports_.on_journal(message);
  }));
  auto inbox = Poll(inbox_.get(), [this](const LogMessage& message) {
    brain_.InboxRead(message.offset, message.bytes);
  });
  if (!inbox && inbox.error().code == ErrorCode::kCorruption) {
    inbox_.reset();
    brain_.InboxOutOfRange(ports_.random_bits());
    return true;
  }
  read = MINKE_TRY(std::move(inbox)) || read;
  return MINKE_TRY(ReadHeartbeats()) || read;
}

// Never state: where they are trimmed or made anew, reading goes on at their end.
Result<bool> Master::ReadHeartbeats() {
  auto read = Poll(heartbeat_.get(),
                   [this](const LogMessage& message) { brain_.HeartbeatRead(message.bytes); });
  if (heartbeat_ != nullptr && (read || read.error().code != ErrorCode::kCorruption)) return read;
  heartbeat_.reset();
  const auto range = log_->Range(Topic::kHeartbeat);
  if (!range && range.error().code == ErrorCode::kNotFound) {
    brain_.InboxOutOfRange(ports_.random_bits());  // the claim makes both anew
    return true;
  }
  const auto [first, end] = MINKE_TRY(range);
  heartbeat_ = MINKE_TRY(log_->Read(Topic::kHeartbeat, end));
  return true;
}

bool Master::TakeLog(int64_t now_ms) {
  if (log_ == nullptr || !log_patience_.IsDue(now_ms)) return false;
  auto read = ReadLog();
  if (read) {
    log_patience_.Answered();
    return *read;
  }
  if (read.error().code == ErrorCode::kUnavailable) {
    log_patience_.Failed(now_ms, std::move(read).error());
    return false;
  }
  brain_.LogBroken(std::move(read).error());
  return true;
}

bool Master::RunOnce() {
  if (exit_) return false;
  Moment moment;
  moment.now_ms = ports_.clock->NowMs();
  moment.unix_ms = ports_.clock->UnixMs();
  bool went_on = TakeLog(moment.now_ms);
  moment.heartbeats_at_end =
      heartbeat_ != nullptr && heartbeat_->is_at_end() && !log_patience_.is_waiting();
  LookAtPatience(moment.now_ms);
  Enqueue(brain_.Step(moment));
  const auto carried = effects_.CarryOut(moment.now_ms, [this](MasterEffect& effect) -> Status {
    Status done = Carry(effect);
    if (done || done.error().code == ErrorCode::kUnavailable) return done;
    brain_.EffectFailed(std::move(done).error());
    return {};
  });
  return *carried || went_on;
}

void Master::LookAtPatience(int64_t now_ms) {
  const Error* lost = log_patience_.Lost(now_ms, ports_.service_timeout_ms);
  if (lost == nullptr) lost = effects_.patience().Lost(now_ms, ports_.service_timeout_ms);
  if (lost == nullptr) return;
  brain_.GiveUp(
      {ErrorCode::kUnavailable,
       fmt::format("{}; given up after {} s: the job stays open, the same command goes on",
                   lost->text, ports_.service_timeout_ms / 1000)});
}

// What is sent stands for what was to be sent before it, and behind an Exit nothing is to be done.
void Master::Enqueue(std::vector<MasterEffect> effects) {
  for (const MasterEffect& effect : effects) {
    const bool is_exit = std::holds_alternative<Exit>(effect);
    if (!is_exit && !std::holds_alternative<AppendJournal>(effect)) continue;
    effects_.Drop([is_exit](const MasterEffect& earlier) {
      return is_exit || std::holds_alternative<AppendJournal>(earlier);
    });
  }
  effects_.Add(std::move(effects));
}

int64_t Master::wake_at_ms() const {
  return std::min(
      {brain_.wake_at_ms(), log_patience_.retry_at_ms(), effects_.patience().retry_at_ms()});
}

Status Master::Carry(MasterEffect& effect) {
  return std::visit([this](auto& known) { return Do(known); }, effect);
}

Status Master::Do(CompareAndSetRow& effect) {
  std::optional<JobRow> expected;
  if (effect.expected) expected = ToJobRow(*effect.expected);
  brain_.RowRead(ToRow(
      MINKE_TRY(ports_.store->CompareAndSetJob(job_name_, expected, ToJobRow(effect.desired)))));
  return {};
}

Status Master::Do(OpenLog& effect) {
  auto log = MINKE_TRY(ports_.open_log(effect.incarnation));
  if (!effect.create) MINKE_TRY(log->Range(Topic::kJournal));
  MINKE_TRY_STATUS(log->Create());
  const auto range = MINKE_TRY(log->Range(Topic::kJournal));
  const auto heartbeats = MINKE_TRY(log->Range(Topic::kHeartbeat));
  journal_ = MINKE_TRY(log->Read(Topic::kJournal, range.first));
  heartbeat_ = MINKE_TRY(log->Read(Topic::kHeartbeat, heartbeats.second));
  log_ = std::move(log);
  brain_.LogOpened(range.first, range.second);
  return {};
}

// A refused message is as good as a lost one: the brain sends it again.
Status Master::Do(AppendJournal& effect) {
  Status sent = log_->Append(Topic::kJournal, std::move(effect.bytes));
  if (!sent && sent.error().code == ErrorCode::kUnavailable) return {};
  return sent;
}

Status Master::Do(ReadInbox& effect) {
  auto range = log_->Range(Topic::kInbox);
  if (!range && range.error().code == ErrorCode::kNotFound) {
    MINKE_TRY_STATUS(log_->Create());
    range = log_->Range(Topic::kInbox);
  }
  const int64_t from = effect.offset < 0 ? MINKE_TRY(range).first : effect.offset;
  inbox_ = MINKE_TRY(log_->Read(Topic::kInbox, from));
  return {};
}

Status Master::Do(MakePlan&) {
  const proto::Plan plan = MINKE_TRY(duties_.make_plan());
  const std::string bytes = plan.SerializeAsString();
  const uint64_t checksum = PlanChecksum(bytes);
  MINKE_TRY_STATUS(ports_.store->PutBlock(brain_.incarnation(), PlanName(checksum), bytes));
  Keep(plan);
  brain_.PlanMade(checksum, plan);
  return {};
}

Status Master::Do(ReadPlan& effect) {
  const proto::Plan plan =
      MINKE_TRY(LoadPlan(*ports_.store, brain_.incarnation(), effect.checksum));
  Keep(plan);
  brain_.PlanRead(plan);
  return {};
}

void Master::Keep(const proto::Plan& plan) {
  partitions_ = plan.partitions();
  shape_ = {.span = plan.span(), .max_age_ms = plan.max_age_ms()};
}

Status Master::Do(MakeShuffleTable& effect) {
  MINKE_TRY_STATUS(ports_.store->MakeShuffleTable(brain_.incarnation(), effect.name, shape_));
  brain_.ShuffleTableReady();
  return {};
}

Status Master::Do(ReadReport& effect) {
  auto bytes = ports_.store->GetBlock(brain_.incarnation(), ReportName(effect.attempt));
  proto::Report report;
  const bool is_lost = !bytes && (bytes.error().code == ErrorCode::kNotFound ||
                                  bytes.error().code == ErrorCode::kCorruption);
  if (!bytes && !is_lost) return std::move(bytes).error();
  const bool is_whole = bytes && report.ParseFromString(*bytes);
  brain_.ReportRead(effect.attempt, is_whole ? &report : nullptr);
  return {};
}

Status Master::Do(ChooseSplitters& effect) {
  proto::Splitters splitters;
  for (std::string& key : PickSplitters(std::move(effect.samples), partitions_)) {
    splitters.add_keys(std::move(key));
  }
  const std::string bytes = splitters.SerializeAsString();
  const uint64_t checksum = Hash64(bytes);
  MINKE_TRY_STATUS(ports_.store->PutBlock(brain_.incarnation(), SplittersName(checksum), bytes));
  brain_.SplittersReady(checksum);
  return {};
}

Status Master::Do(WriteWinners& effect) {
  for (const auto& [partition, bytes] : effect.blocks) {
    MINKE_TRY_STATUS(
        ports_.store->PutBlock(brain_.incarnation(), WinnersName(effect.number, partition), bytes));
  }
  brain_.WinnersReady();
  return {};
}

Status Master::Do(WriteManifest& effect) {
  MINKE_TRY_STATUS(
      ports_.store->PutBlock(brain_.incarnation(), ManifestName(effect.checksum), effect.bytes));
  brain_.ManifestReady(effect.checksum);
  return {};
}

Status Master::Do(Publish& effect) {
  const proto::Manifest manifest =
      MINKE_TRY(LoadManifest(*ports_.store, brain_.incarnation(), effect.manifest));
  const uint64_t standing = MINKE_TRY(duties_.publish(effect, manifest));
  if (standing == effect.mine) {
    brain_.Published();
  } else {
    brain_.PublishConflict(standing);
  }
  return {};
}

Status Master::Do(CleanUp& effect) {
  if (!effect.shuffle_table.empty()) {
    MINKE_TRY_STATUS(ports_.store->DropShuffleTable(brain_.incarnation(), effect.shuffle_table));
  }
  MINKE_TRY_STATUS(log_->Close());
  brain_.CleanedUp();
  return {};
}

Status Master::Do(Exit& effect) {
  exit_ = std::move(effect);
  return {};
}

}  // namespace minke
