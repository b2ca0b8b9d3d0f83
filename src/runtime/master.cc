#include "runtime/master.h"

#include <fmt/format.h>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/hash.h"
#include "control/plan.h"
#include "runtime/job_blocks.h"
#include "task/attempt.h"
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

}  // namespace

Result<std::optional<Row>> ReadRow(Store& store, const std::string& job_name) {
  const auto row = MINKE_TRY(store.GetJob(job_name));
  return row ? std::optional(ToRow(*row)) : std::nullopt;
}

Master::Master(MasterPorts ports, MasterDuties duties, MasterOptions options)
    : ports_(ports),
      duties_(std::move(duties)),
      job_name_(options.job_name),
      brain_(std::move(options)) {}

Master::~Master() = default;

Result<bool> Master::ReadLog() {
  bool read = false;
  const auto poll = [&](LogReader* reader, auto take) -> Status {
    if (reader == nullptr) return {};
    for (LogMessage& message : MINKE_TRY(reader->Poll(kPollBytes))) {
      take(message);
      read = true;
    }
    return {};
  };
  MINKE_TRY_STATUS(poll(journal_.get(), [this](const LogMessage& message) {
    brain_.JournalRead(message.offset, message.bytes);
  }));
  MINKE_TRY_STATUS(poll(inbox_.get(), [this](const LogMessage& message) {
    brain_.InboxRead(message.offset, message.bytes);
  }));
  MINKE_TRY_STATUS(poll(heartbeat_.get(), [this](const LogMessage& message) {
    brain_.HeartbeatRead(message.bytes);
  }));
  return read;
}

Result<bool> Master::RunOnce() {
  if (exit_) return false;
  auto read = ReadLog();
  bool went_on = read && *read;
  if (!read) {
    if (read.error().code != ErrorCode::kCorruption) return read;
    brain_.LogBroken(std::move(read).error());
    went_on = true;
  }
  Moment moment;
  moment.now_ms = ports_.clock->NowMs();
  moment.unix_ms = ports_.clock->UnixMs();
  for (MasterEffect& effect : brain_.Step(moment)) {
    went_on = true;
    if (Status status = Carry(effect); !status) brain_.EffectFailed(std::move(status).error());
  }
  return went_on;
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
  if (!effect.create) MINKE_TRY(ports_.log->Range(Topic::kJournal));
  MINKE_TRY_STATUS(ports_.log->Create());
  const auto journal = MINKE_TRY(ports_.log->Range(Topic::kJournal));
  const auto heartbeat = MINKE_TRY(ports_.log->Range(Topic::kHeartbeat));
  journal_ = MINKE_TRY(ports_.log->Read(Topic::kJournal, journal.first));
  heartbeat_ = MINKE_TRY(ports_.log->Read(Topic::kHeartbeat, heartbeat.second));
  brain_.LogOpened(journal.first, journal.second);
  return {};
}

Status Master::Do(AppendJournal& effect) {
  return ports_.log->Append(Topic::kJournal, std::move(effect.bytes));
}

Status Master::Do(ReadInbox& effect) {
  const auto range = MINKE_TRY(ports_.log->Range(Topic::kInbox));
  const int64_t from = effect.offset < 0 ? range.first : effect.offset;
  inbox_ = MINKE_TRY(ports_.log->Read(Topic::kInbox, from));
  return {};
}

Status Master::Do(MakePlan&) {
  const proto::Plan plan = MINKE_TRY(duties_.make_plan());
  const std::string bytes = plan.SerializeAsString();
  const uint64_t checksum = PlanChecksum(bytes);
  MINKE_TRY_STATUS(ports_.store->PutBlock(brain_.incarnation(), PlanName(checksum), bytes));
  partitions_ = plan.partitions();
  brain_.PlanMade(checksum, plan);
  return {};
}

Status Master::Do(ReadPlan& effect) {
  const proto::Plan plan =
      MINKE_TRY(LoadPlan(*ports_.store, brain_.incarnation(), effect.checksum));
  partitions_ = plan.partitions();
  brain_.PlanRead(plan);
  return {};
}

Status Master::Do(MakeShuffleTable& effect) {
  MINKE_TRY_STATUS(ports_.store->MakeShuffleTable(brain_.incarnation(), effect.name));
  brain_.ShuffleTableReady();
  return {};
}

Status Master::Do(ReadReport& effect) {
  auto bytes = ports_.store->GetBlock(brain_.incarnation(), ReportName(effect.attempt));
  proto::Report report;
  if (bytes && report.ParseFromString(*bytes)) {
    brain_.ReportRead(effect.attempt, &report);
  } else if (!bytes && bytes.error().code != ErrorCode::kNotFound) {
    return std::move(bytes).error();
  } else {
    brain_.ReportRead(effect.attempt, nullptr);
  }
  return {};
}

Status Master::Do(ChooseSplitters& effect) {
  std::vector<std::string> sample;
  for (const AttemptId attempt : effect.samples) {
    proto::Report report;
    const std::string bytes =
        MINKE_TRY(ports_.store->GetBlock(brain_.incarnation(), ReportName(attempt)));
    if (!report.ParseFromString(bytes)) {
      return Error{ErrorCode::kCorruption,
                   fmt::format("the report of attempt {} cannot be read", attempt.Text())};
    }
    for (std::string& key : *report.mutable_samples()) sample.push_back(std::move(key));
  }
  proto::Splitters splitters;
  for (std::string& key : PickSplitters(std::move(sample), partitions_)) {
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

Status Master::Do(Publish&) {
  MINKE_TRY_STATUS(duties_.publish(brain_.job()));
  brain_.Published();
  return {};
}

Status Master::Do(CleanUp& effect) {
  if (!effect.shuffle_table.empty()) {
    MINKE_TRY_STATUS(ports_.store->DropShuffleTable(brain_.incarnation(), effect.shuffle_table));
  }
  MINKE_TRY_STATUS(ports_.log->Close());
  brain_.CleanedUp();
  return {};
}

Status Master::Do(Exit& effect) {
  exit_ = std::move(effect);
  return {};
}

}  // namespace minke
