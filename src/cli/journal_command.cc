// `minke journal show|check|export|import`: a job's journal, for people, for programs, and to keep.
#include <algorithm>
#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "cli/commands.h"
#include "cli/open_job.h"
#include "runtime/http/json.h"
#include "runtime/job_blocks.h"
#include "runtime/journal/journal_file.h"
#include "runtime/journal/journal_fold.h"
#include "runtime/journal/record_json.h"

namespace minke {
namespace {

struct JournalFlags {
  JobFlags job;
  std::string file;
  bool json = false;
};

using Flags = std::shared_ptr<JournalFlags>;

// ---- where a journal comes from

// The messages of the job's journal, or of the file.
Status ReadAsked(const JournalFlags& flags, const std::function<Status(const LogMessage&)>& take) {
  if (!flags.file.empty()) {
    for (const LogMessage& message : MINKE_TRY(ReadJournalFile(flags.file))) {
      MINKE_TRY_STATUS(take(message));
    }
    return {};
  }
  if (flags.job.name.empty()) {
    return Error{ErrorCode::kInvalidArgument, "name a job, or an exported journal: --file FILE"};
  }
  const OpenedJob job = MINKE_TRY(OpenJob(flags.job));
  Status read = ReadJournal(*job.log, take);
  if (!read && read.error().code == ErrorCode::kNotFound) return NoJournal(flags.job, job.row);
  return read;
}

// ---- show

void ShowAsText(const LogMessage& message, const JournalFold& fold, bool counts) {
  const proto::JournalMessage& journal = fold.message();
  for (const proto::JournalRecord& record : journal.records()) {
    fmt::print("{:>6}  {}  {:>8}  {}{}\n", message.offset, UtcText(message.append_unix_ms),
               fmt::format("{}.{}", journal.epoch(), journal.sequence()),
               counts ? "" : "(dropped) ", TextOf(ViewOf(record, journal.epoch(), fold.job())));
  }
}

void ShowAsJson(const LogMessage& message, const JournalFold& fold, bool counts) {
  const proto::JournalMessage& journal = fold.message();
  nlohmann::json records = nlohmann::json::array();
  for (const proto::JournalRecord& record : journal.records()) {
    records.push_back(JsonOf(ViewOf(record, journal.epoch(), fold.job())));
  }
  fmt::print("{}\n", JsonText({{"offset", message.offset},
                               {"time", UtcText(message.append_unix_ms)},
                               {"epoch", journal.epoch()},
                               {"sequence", journal.sequence()},
                               {"counts", counts},
                               {"bytes", message.bytes.size()},
                               {"records", std::move(records)}}));
}

Status Show(const JournalFlags& flags) {
  JournalFold fold;
  return ReadAsked(flags, [&](const LogMessage& message) -> Status {
    const bool counts = MINKE_TRY(fold.Take(message));
    (flags.json ? ShowAsJson : ShowAsText)(message, fold, counts);
    return {};
  });
}

// ---- check

struct Sums {
  uint64_t messages = 0, dropped = 0, records = 0, bytes = 0, claims = 0, largest = 0;
  uint64_t inbox_read = 0;  // messages of the inbox that masters have read
};

std::string StateText(const Job& job) {
  if (const auto* finished = job.finished()) {
    return fmt::format("finished with {}", finished->exit_code());
  }
  return job.accepted() != nullptr ? "open" : "not yet accepted";
}

Status Check(const JournalFlags& flags) {
  JournalFold fold;
  Sums sums;
  MINKE_TRY_STATUS(ReadAsked(flags, [&](const LogMessage& message) -> Status {
    const bool counts = MINKE_TRY(fold.Take(message));
    ++sums.messages;
    sums.bytes += message.bytes.size();
    sums.largest = std::max<uint64_t>(sums.largest, message.bytes.size());
    sums.dropped += counts ? 0 : 1;
    if (!counts) return {};
    sums.inbox_read = std::max(sums.inbox_read, fold.message().inbox_read());
    sums.records += static_cast<uint64_t>(fold.message().records_size());
    for (const proto::JournalRecord& record : fold.message().records()) {
      sums.claims += record.has_master_claimed() ? 1 : 0;
    }
    return {};
  }));
  const Job& job = fold.job();
  uint64_t tasks = 0, committed = 0;
  for (uint32_t step = 0; step < job.steps(); ++step) {
    tasks += job.step(step).tasks;
    committed += job.step(step).committed;
  }
  if (flags.json) {
    fmt::print("{}\n", JsonText({{"state", StateText(job)},
                                 {"messages", sums.messages},
                                 {"dropped", sums.dropped},
                                 {"records", sums.records},
                                 {"bytes", sums.bytes},
                                 {"largest_message", sums.largest},
                                 {"claims", sums.claims},
                                 {"inbox_messages", sums.inbox_read},
                                 {"tasks", tasks},
                                 {"committed", committed},
                                 {"attempts", job.attempts()},
                                 {"failures", job.failures()},
                                 {"losses", job.losses()}}));
    return {};
  }
  fmt::print(
      "sound: {} messages ({} of fenced masters or copies), {} records, {} bytes, the "
      "largest message {}\n{}: {} of {} tasks committed, {} attempts, {} failures, {} "
      "losses, {} claims of masters\n",
      sums.messages, sums.dropped, sums.records, sums.bytes, sums.largest, StateText(job),
      committed, tasks, job.attempts(), job.failures(), job.losses(), sums.claims);
  return {};
}

// ---- export, import

Status Export(const JournalFlags& flags) {
  std::vector<LogMessage> messages;
  MINKE_TRY_STATUS(ReadAsked(flags, [&](const LogMessage& message) -> Status {
    messages.push_back(message);
    return {};
  }));
  const std::string path = flags.file.empty() ? flags.job.name + ".journal" : flags.file;
  MINKE_TRY_STATUS(WriteJournalFile(path, messages));
  fmt::print(stderr, "{}: {} messages\n", path, messages.size());
  return {};
}

// A journal names its plan, which lies in the store under the job's incarnation: so it is known
// whether the two belong together.
Status CheckIsOfJob(const JournalFlags& flags, const OpenedJob& job, const Job& folded) {
  if (folded.accepted() == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}: no job was accepted in this journal, there is nothing to go on "
                             "with",
                             flags.file)};
  }
  const auto plan = LoadPlan(*job.store, job.row.incarnation, folded.accepted()->plan_checksum());
  if (!plan && plan.error().code != ErrorCode::kNotFound) return plan.error();
  if (plan) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{}: this is not a journal of the job {} as it now stands (incarnation "
                           "{}): its plan is not in the store",
                           flags.file, flags.job.name, job.row.incarnation.Hex())};
}

Status Import(const JournalFlags& flags) {
  const std::vector<LogMessage> messages = MINKE_TRY(ReadJournalFile(flags.file));
  JournalFold fold;
  for (const LogMessage& message : messages) {
    if (auto taken = fold.Take(message); !taken) return std::move(taken).error().Within(flags.file);
  }
  const OpenedJob job = MINKE_TRY(OpenJob(flags.job));
  MINKE_TRY_STATUS(CheckIsOfJob(flags, job, fold.job()));
  MINKE_TRY_STATUS(RestoreJournal(*job.log, messages));
  fmt::print(stderr, "{}: {} messages\n", flags.job.name, messages.size());
  return {};
}

// ---- the commands

CLI::App* Add(CLI::App& journal, const char* name, const char* what, const Flags& flags,
              int* exit_code, Status (*body)(const JournalFlags&)) {
  CLI::App* command = journal.add_subcommand(name, what);
  AddJobFlags(*command, &flags->job);
  WhenChosen(*command, &flags->job.config, exit_code, [flags, body]() -> Result<int> {
    MINKE_TRY_STATUS(body(*flags));
    return 0;
  });
  return command;
}

void AddSource(CLI::App& command, const Flags& flags) {
  CLI::Option* job = command.add_option("JOB", flags->job.name, "Name of the job");
  CLI::Option* file = command.add_option("--file", flags->file, "An exported journal instead");
  job->excludes(file);
  command.add_flag("--json", flags->json, "Print JSON");
}

}  // namespace

void AddJournalCommand(CLI::App& app, int* exit_code) {
  CLI::App* journal = app.add_subcommand("journal", "A job's journal: show, check, export, import");
  journal->require_subcommand(1);
  const auto show = std::make_shared<JournalFlags>();
  AddSource(*Add(*journal, "show", "Print every record, a line each", show, exit_code, Show), show);
  const auto check = std::make_shared<JournalFlags>();
  AddSource(
      *Add(*journal, "check", "Fold it, and say whether it is sound", check, exit_code, Check),
      check);
  const auto out = std::make_shared<JournalFlags>();
  CLI::App* command = Add(*journal, "export", "Write it into a file", out, exit_code, Export);
  command->add_option("JOB", out->job.name, "Name of the job")->required();
  command->add_option("FILE", out->file, "Default: JOB.journal");
  const auto in = std::make_shared<JournalFlags>();
  command = Add(*journal, "import", "Make a lost journal anew from a file", in, exit_code, Import);
  command->add_option("JOB", in->job.name, "Name of the job")->required();
  command->add_option("FILE", in->file, "As export wrote it")->required();
  command->footer(
      "End the job's master first. Its row, its blocks and its shuffle table must still be there;\n"
      "a journal that is there is never touched.");
  journal->footer(
      "Examples:\n"
      "  minke journal show counts\n"
      "  minke journal show counts --json | jq 'select(.counts) | .records[]'\n"
      "  minke journal check counts\n"
      "  minke journal export counts counts.journal\n"
      "  minke journal show --file counts.journal\n"
      "  minke journal import counts counts.journal\n\n"
      "Exit codes: 0 done, 64 usage, 65 no such job or file, 71 damaged, 74 the file cannot be\n"
      "written, 75 try again, 78 configuration, or the journal is gone.");
}

}  // namespace minke
