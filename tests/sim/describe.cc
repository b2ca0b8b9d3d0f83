#include "describe.h"

#include <fmt/format.h>

#include "base/ids.h"
#include "control/fleet.h"

#include "proto/minke.pb.h"

namespace minke::sim {
namespace {

std::string TextOf(const proto::AttemptId& id) { return FromProto(id).Text(); }

std::string DescribeWhole(const proto::JournalRecord& record) {
  switch (record.record_case()) {
    case proto::JournalRecord::kMasterClaimed:
      return fmt::format("claim {:x}", record.master_claimed().uuid());
    case proto::JournalRecord::kJobAccepted:
      return "accept";
    case proto::JournalRecord::kSplittersChosen:
      return "splitters";
    case proto::JournalRecord::kShuffleTableMade:
      return fmt::format("table {}", record.shuffle_table_made().table());
    case proto::JournalRecord::kPhaseOpened:
      return fmt::format("open {}", record.phase_opened().step());
    case proto::JournalRecord::kOutputLost: {
      std::string text = fmt::format("output-lost {}:", record.output_lost().step());
      for (const uint32_t task : record.output_lost().tasks()) text += fmt::format(" {}", task);
      return text;
    }
    case proto::JournalRecord::kWorkerQuarantined:
      return fmt::format("quarantine {:x}", record.worker_quarantined().worker_id());
    case proto::JournalRecord::kPublishDecided:
      return "publish";
    case proto::JournalRecord::kJobFinished:
      return fmt::format("finish {} {}", record.job_finished().exit_code(),
                         record.job_finished().text());
    case proto::JournalRecord::kWinnersWritten:
      return fmt::format("winners {} of {}", record.winners_written().number(),
                         record.winners_written().partitions_size());
    case proto::JournalRecord::kJobPaused:
      return fmt::format("pause {}", record.job_paused().request());
    case proto::JournalRecord::kJobResumed:
      return fmt::format("resume {}", record.job_resumed().request());
    default:
      return fmt::format("record {}", static_cast<int>(record.record_case()));
  }
}

std::string Describe(const proto::JournalRecord& record, uint64_t epoch) {
  switch (record.record_case()) {
    case proto::JournalRecord::kAttemptAssigned: {
      const auto& to = record.attempt_assigned();
      return fmt::format("assign {}-{} {}/{} to {}{}{}", epoch, to.n(), to.step(), to.task(),
                         to.worker(),
                         to.worker_id() != 0 ? fmt::format("={:x}", to.worker_id()) : "",
                         to.backup() ? " backup" : "");
    }
    case proto::JournalRecord::kAttemptLost:
      return fmt::format("lost {}", TextOf(record.attempt_lost().attempt()));
    case proto::JournalRecord::kAttemptFailed:
      return fmt::format("failed {}", TextOf(record.attempt_failed().attempt()));
    case proto::JournalRecord::kAttemptCancelled:
      return fmt::format("cancel {}", TextOf(record.attempt_cancelled().attempt()));
    case proto::JournalRecord::kTaskCommitted:
      return fmt::format("commit {}", TextOf(record.task_committed().attempt()));
    default:
      return DescribeWhole(record);
  }
}

std::string Describe(const proto::Fact& fact) {
  switch (fact.fact_case()) {
    case proto::Fact::kWorkerJoined: {
      std::string text = fmt::format("joined {:x} as of {}, live", fact.worker_joined().worker_id(),
                                     fact.worker_joined().as_of());
      for (const auto& attempt : fact.worker_joined().live())
        text += fmt::format(" {}", TextOf(attempt));
      return text;
    }
    case proto::Fact::kTaskDone:
      return fmt::format("done {}", TextOf(fact.task_done().attempt()));
    case proto::Fact::kTaskFailed:
      return fmt::format("failed {} with {}", TextOf(fact.task_failed().attempt()),
                         fact.task_failed().code());
    case proto::Fact::kMapOutputMissing: {
      std::string text =
          fmt::format("missing {} in {}, maps", TextOf(fact.map_output_missing().attempt()),
                      fact.map_output_missing().winners());
      for (const uint32_t task : fact.map_output_missing().map_tasks()) {
        text += fmt::format(" {}", task);
      }
      return text;
    }
    case proto::Fact::kWorkerLeaving:
      return fmt::format("leaving {:x}{}", fact.worker_leaving().worker_id(),
                         fact.worker_leaving().asked() ? " asked" : "");
    default:
      return fmt::format("fact {}", static_cast<int>(fact.fact_case()));
  }
}

}  // namespace

std::string Describe(Topic topic, const LogMessage& message) {
  std::string text;
  if (topic == Topic::kHeartbeat) return fmt::format("h{}", message.offset);
  if (topic == Topic::kInbox) {
    proto::InboxMessage facts;
    text = fmt::format("i{}", message.offset);
    if (!facts.ParseFromString(message.bytes)) return text + " unreadable";
    for (const proto::Fact& fact : facts.facts()) text += fmt::format("; {}", Describe(fact));
    return text;
  }
  proto::JournalMessage journal;
  text = fmt::format("j{}", message.offset);
  if (!journal.ParseFromString(message.bytes)) return text + " unreadable";
  text += fmt::format(" [{}.{}]", journal.epoch(), journal.sequence());
  for (const proto::JournalRecord& record : journal.records()) {
    text += fmt::format("; {}", Describe(record, journal.epoch()));
  }
  return text;
}

}  // namespace minke::sim
