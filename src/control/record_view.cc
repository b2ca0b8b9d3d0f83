#include "control/record_view.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

#include "base/ids.h"
#include "control/fleet.h"
#include "control/job_view.h"

namespace minke {
namespace {

std::string Hex(uint64_t bits) { return fmt::format("{:016x}", bits); }
std::string Text(const proto::AttemptId& id) { return FromProto(id).Text(); }

std::string TaskText(const Job& job, uint32_t step, uint32_t task) {
  if (step >= job.steps()) return fmt::format("{}/{}", step, task);
  return fmt::format("{}-{}", NameOf(job.step(step).kind), task);
}

// Fields one after the other; what is not set is left out.
class Fields {
 public:
  explicit Fields(std::string kind) { view_.kind = std::move(kind); }

  Fields& Add(const char* name, RecordView::Value value) {
    view_.fields.emplace_back(name, std::move(value));
    return *this;
  }
  Fields& Number(const char* name, uint64_t value) { return Add(name, value); }
  Fields& Signed(const char* name, int64_t value) { return Add(name, value); }
  Fields& Bits(const char* name, uint64_t bits) { return Add(name, Hex(bits)); }
  Fields& Attempt(const proto::AttemptId& id, const Job& job) {
    Add("attempt", Text(id));
    if (job.StateOf(FromProto(id)) == AttemptState::kUnknown) return *this;
    const TaskId task = job.TaskOf(FromProto(id));
    return Add("task", TaskText(job, task.step, task.index));
  }
  Fields& If(bool value, const char* name) { return value ? Add(name, true) : *this; }
  template <typename List, typename ToText>
  Fields& All(const char* name, const List& list, const ToText& to_text) {
    std::string text;
    for (const auto& one : list) text += fmt::format("{}{}", text.empty() ? "" : ",", to_text(one));
    return Add(name, std::move(text));
  }
  RecordView Take() { return std::move(view_); }

 private:
  RecordView view_;
};

RecordView ViewOf(const proto::JobAccepted& accepted) {
  Fields fields("JobAccepted");
  fields.Bits("plan", accepted.plan_checksum()).Signed("unix_ms", accepted.unix_ms());
  fields.All("steps", accepted.steps(), [](const proto::Step& step) {
    return fmt::format("{}:{}", NameOf(step.kind()), step.tasks());
  });
  fields.Number("partitions", accepted.partitions())
      .Number("attempts_max", accepted.attempts_max());
  fields.If(accepted.backups(), "backups").Signed("max_age_ms", accepted.max_age_ms());
  return fields.Bits("job_hash", accepted.job_hash()).Take();
}

RecordView ViewOf(const proto::AttemptAssigned& assigned, uint64_t epoch, const Job& job) {
  Fields fields("AttemptAssigned");
  fields.Add("attempt", AttemptId{epoch, assigned.n()}.Text());
  fields.Add("task", TaskText(job, assigned.step(), assigned.task()));
  fields.Number("worker", assigned.worker());
  if (assigned.worker_id() != 0) fields.Bits("worker_id", assigned.worker_id());
  if (assigned.winners() != 0) fields.Number("winners", assigned.winners());
  if (assigned.has_source()) fields.Add("source", FromProto(assigned.source()).Text());
  return fields.If(assigned.backup(), "backup").If(assigned.careful(), "careful").Take();
}

RecordView ViewOf(const proto::OutputLost& lost, const Job& job) {
  return Fields("OutputLost")
      .All("tasks", lost.tasks(), [&](uint32_t task) { return TaskText(job, lost.step(), task); })
      .Take();
}

RecordView ViewOf(const proto::WinnersWritten& written) {
  Fields fields("WinnersWritten");
  fields.Number("number", written.number());
  if (written.partitions_size() == 0) return fields.Take();
  return fields.All("partitions", written.partitions(), [](uint32_t one) { return one; }).Take();
}

// What happens to attempts.
RecordView ViewOfAttempt(const proto::JournalRecord& record, const Job& job) {
  switch (record.record_case()) {
    case proto::JournalRecord::kAttemptLost:
      return Fields("AttemptLost")
          .Attempt(record.attempt_lost().attempt(), job)
          .If(record.attempt_lost().counted(), "counted")
          .Take();
    case proto::JournalRecord::kAttemptFailed: {
      const proto::AttemptFailed& failed = record.attempt_failed();
      return Fields("AttemptFailed")
          .Attempt(failed.attempt(), job)
          .Add("code", std::string(NameOf(static_cast<ErrorCode>(failed.code()))))
          .Add("text", failed.text())
          .Take();
    }
    case proto::JournalRecord::kAttemptCancelled:
      return Fields("AttemptCancelled").Attempt(record.attempt_cancelled().attempt(), job).Take();
    case proto::JournalRecord::kTaskCommitted:
      return Fields("TaskCommitted").Attempt(record.task_committed().attempt(), job).Take();
    default:
      return Fields(fmt::format("Unknown{}", static_cast<int>(record.record_case()))).Take();
  }
}

// What is asked of the job as a whole, and its end.
RecordView ViewOfEnd(const proto::JournalRecord& record, const Job& job) {
  switch (record.record_case()) {
    case proto::JournalRecord::kPublishDecided: {
      const proto::PublishDecided& decided = record.publish_decided();
      return Fields("PublishDecided")
          .Bits("expected", decided.expected())
          .Bits("mine", decided.mine())
          .Bits("manifest", decided.manifest())
          .Take();
    }
    case proto::JournalRecord::kJobFinished:
      return Fields("JobFinished")
          .Signed("exit_code", record.job_finished().exit_code())
          .Add("text", record.job_finished().text())
          .Take();
    case proto::JournalRecord::kJobPaused:
      return Fields("JobPaused").Bits("request", record.job_paused().request()).Take();
    case proto::JournalRecord::kJobResumed:
      return Fields("JobResumed").Bits("request", record.job_resumed().request()).Take();
    case proto::JournalRecord::kCancelAccepted:
      return Fields("CancelAccepted")
          .Bits("request", record.cancel_accepted().request())
          .Add("reason", record.cancel_accepted().reason())
          .Take();
    case proto::JournalRecord::kCancelRefused:
      return Fields("CancelRefused").Bits("request", record.cancel_refused().request()).Take();
    default:
      return ViewOfAttempt(record, job);
  }
}

bool IsPlain(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return static_cast<unsigned char>(c) > ' ' && c != '"' && c != '\\' && c != '\x7f';
  });
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

RecordView ViewOf(const proto::JournalRecord& record, uint64_t epoch, const Job& job) {
  switch (record.record_case()) {
    case proto::JournalRecord::kMasterClaimed:
      return Fields("MasterClaimed")
          .Bits("uuid", record.master_claimed().uuid())
          .Add("version", record.master_claimed().version())
          .Take();
    case proto::JournalRecord::kJobAccepted:
      return ViewOf(record.job_accepted());
    case proto::JournalRecord::kSplittersChosen:
      return Fields("SplittersChosen")
          .Bits("splitters", record.splitters_chosen().checksum())
          .Take();
    case proto::JournalRecord::kShuffleTableMade:
      return Fields("ShuffleTableMade").Add("table", record.shuffle_table_made().table()).Take();
    case proto::JournalRecord::kPhaseOpened:
      return Fields("PhaseOpened")
          .Number("step", record.phase_opened().step())
          .Add("kind", std::string(NameOf(record.phase_opened().kind())))
          .Take();
    case proto::JournalRecord::kAttemptAssigned:
      return ViewOf(record.attempt_assigned(), epoch, job);
    case proto::JournalRecord::kOutputLost:
      return ViewOf(record.output_lost(), job);
    case proto::JournalRecord::kWinnersWritten:
      return ViewOf(record.winners_written());
    case proto::JournalRecord::kWorkerQuarantined:
      return Fields("WorkerQuarantined")
          .Bits("worker_id", record.worker_quarantined().worker_id())
          .Take();
    default:
      return ViewOfEnd(record, job);
  }
}

RecordView ViewOf(const proto::Fact& fact, const Job& job) {
  switch (fact.fact_case()) {
    case proto::Fact::kWorkerJoined: {
      const proto::WorkerJoined& joined = fact.worker_joined();
      return Fields("WorkerJoined")
          .Bits("worker_id", joined.worker_id())
          .Number("slots", joined.slots())
          .Add("role", std::string(NameOf(joined.role())))
          .Number("as_of", joined.as_of())
          .All("live", joined.live(), Text)
          .Take();
    }
    case proto::Fact::kTaskDone:
      return Fields("TaskDone").Attempt(fact.task_done().attempt(), job).Take();
    case proto::Fact::kTaskFailed: {
      const proto::TaskFailed& failed = fact.task_failed();
      return Fields("TaskFailed")
          .Attempt(failed.attempt(), job)
          .Add("code", std::string(NameOf(static_cast<ErrorCode>(failed.code()))))
          .If(failed.culprit(), "culprit")
          .Add("text", failed.text())
          .Take();
    }
    case proto::Fact::kMapOutputMissing: {
      const proto::MapOutputMissing& missing = fact.map_output_missing();
      const uint32_t step = job.StepOf(proto::PHASE_MAP).value_or(job.steps());
      return Fields("MapOutputMissing")
          .Attempt(missing.attempt(), job)
          .Number("winners", missing.winners())
          .All("tasks", missing.map_tasks(),
               [&](uint32_t task) { return TaskText(job, step, task); })
          .Take();
    }
    case proto::Fact::kWorkerLeaving:
      return Fields("WorkerLeaving")
          .Bits("worker_id", fact.worker_leaving().worker_id())
          .If(fact.worker_leaving().asked(), "asked")
          .Take();
    case proto::Fact::kCancelRequested:
      return Fields("CancelRequested").Bits("request", fact.cancel_requested().id()).Take();
    case proto::Fact::kPauseRequested:
      return Fields("PauseRequested").Bits("request", fact.pause_requested().id()).Take();
    case proto::Fact::kResumeRequested:
      return Fields("ResumeRequested").Bits("request", fact.resume_requested().id()).Take();
    default:
      return Fields(fmt::format("Unknown{}", static_cast<int>(fact.fact_case()))).Take();
  }
}

std::string TextOf(const RecordView& view) {
  std::string out = view.kind;
  for (const auto& [name, value] : view.fields) {
    out += fmt::format(" {}=", name);
    if (const auto* text = std::get_if<std::string>(&value)) {
      out += IsPlain(*text) ? *text : Quoted(*text);
    } else {
      std::visit([&](const auto& one) { out += fmt::format("{}", one); }, value);
    }
  }
  return out;
}

}  // namespace minke
