// `minke rerun`, `sweep`, `doctor`: what is done when none of a job's processes is there.
#include <cstdio>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "adapter/system_clock.h"
#include "base/result.h"
#include "cli/commands.h"
#include "cli/open_job.h"
#include "runtime/http/json.h"
#include "runtime/upkeep/doctor.h"
#include "runtime/upkeep/rerun.h"
#include "runtime/upkeep/sweep.h"

namespace minke {
namespace {

struct UpkeepFlags {
  JobFlags job;
  std::string spill = "/tmp";
  bool dry_run = false, also_unbegun = false, json = false, quiet = false;
};

using Flags = std::shared_ptr<UpkeepFlags>;
using Body = std::function<Result<int>(const UpkeepFlags& flags)>;

// `flags` outlives it.
JobLogs LogsOf(const UpkeepFlags& flags) {
  JobLogs logs;
  logs.open = [&flags](Incarnation job) { return OpenLog(flags.job.log, job); };
  logs.remove = [&flags](Incarnation job) { return RemoveLog(flags.job.log, job); };
  return logs;
}

Result<int> Rerun(const UpkeepFlags& flags) {
  const auto store = MINKE_TRY(OpenStore(flags.job.store));
  const Incarnation anew = MINKE_TRY(RerunJob(*store, LogsOf(flags), flags.job.name));
  fmt::print(stderr, "{} is open again, as {}: start its processes as before\n", flags.job.name,
             anew.Hex());
  return 0;
}

Result<int> SweepAll(const UpkeepFlags& flags) {
  const auto store = MINKE_TRY(OpenStore(flags.job.store));
  SweepOptions options;
  options.is_dry = flags.dry_run;
  options.also_unbegun = flags.also_unbegun;
  options.on_line = [&flags](const std::string& line) {
    if (!flags.json && !flags.quiet) fmt::print(stderr, "{}\n", line);
  };
  const Swept swept = MINKE_TRY(Sweep(*store, LogsOf(flags), SystemClock(), options));
  if (flags.json) {
    fmt::print("{}\n", JsonText({{"jobs_closed", swept.jobs_closed},
                                 {"logs", swept.logs},
                                 {"versions", swept.versions},
                                 {"dry_run", flags.dry_run}}));
  } else if (!flags.quiet) {
    fmt::print(stderr, "{}: {} jobs past their age, {} logs, {} versions\n",
               flags.dry_run ? "would go" : "gone", swept.jobs_closed, swept.logs, swept.versions);
  }
  return 0;
}

const char* GradeText(Finding::Grade grade) {
  switch (grade) {
    case Finding::Grade::kGood:
      return "good";
    case Finding::Grade::kWarning:
      return "warning";
    case Finding::Grade::kBad:
      break;
  }
  return "bad";
}

Result<int> Examine(const UpkeepFlags& flags) {
  const SystemClock clock;
  DoctorPorts ports;
  ports.look_at_store = [&flags] { return LookAtStore(flags.job.store); };
  ports.open_store = [&flags] { return OpenStore(flags.job.store); };
  ports.logs = LogsOf(flags);
  ports.clock = &clock;
  ports.spill_folder = flags.spill;
  int code = 0;
  Diagnose(ports, [&](const Finding& finding) {
    const char* grade = GradeText(finding.grade);
    if (finding.grade == Finding::Grade::kBad && code == 0) code = ExitCodeOf(finding.code);
    if (flags.json) {
      fmt::print(
          "{}\n",
          JsonText({{"subject", finding.subject}, {"grade", grade}, {"text", finding.text}}));
    } else {
      fmt::print("{:<8} {}: {}\n", grade, finding.subject, finding.text);
    }
    std::fflush(stdout);
  });
  return code;
}

CLI::App* Add(CLI::App& app, int* exit_code, const char* name, const char* what, const Flags& flags,
              Body body) {
  CLI::App* command = app.add_subcommand(name, what);
  AddJobFlags(*command, &flags->job);
  WhenChosen(*command, &flags->job.config, exit_code,
             [flags, body = std::move(body)] { return body(*flags); });
  return command;
}

}  // namespace

void AddUpkeepCommands(CLI::App& app, int* exit_code) {
  const auto rerun = std::make_shared<UpkeepFlags>();
  CLI::App* command =
      Add(app, exit_code, "rerun", "Let a job that is over begin anew", rerun, Rerun);
  command->add_option("JOB", rerun->job.name, "Name of the job")->required();
  command->footer(
      "Examples:\n  minke rerun counts\n\n"
      "Its processes are started as before: the same job, arguments, inputs and output. Also for "
      "a\n"
      "job whose journal is gone.\n\n"
      "Exit codes: 0 done, 64 it is not over, 65 no such job, 75 try again, 78 configuration.");

  const auto sweep = std::make_shared<UpkeepFlags>();
  command = Add(app, exit_code, "sweep", "Remove what nobody reads any more", sweep, SweepAll);
  command->add_flag("-n,--dry-run", sweep->dry_run, "Only say what would go");
  command->add_flag("--also-unbegun", sweep->also_unbegun,
                    "Though there are jobs that have not begun, and might read it");
  command->add_flag("--json", sweep->json, "Print JSON");
  command->add_flag("-q,--quiet", sweep->quiet, "Only errors");
  command->footer(
      "Examples:\n  minke sweep --dry-run\n  minke sweep\n\n"
      "What jobs left that are over or past their age, and versions of datasets that no name\n"
      "stands for and no open job reads. May run at any time, as from a CronJob.");

  const auto doctor = std::make_shared<UpkeepFlags>();
  command = Add(app, exit_code, "doctor", "Try Kafka, Cassandra and this machine", doctor, Examine);
  command->add_option("--spill", doctor->spill, "The spill folder to look at")
      ->envname("MINKE_SPILL")
      ->capture_default_str();
  command->add_flag("--json", doctor->json, "Print a JSON object per line");
  command->footer(
      "Examples:\n  minke doctor\n\n"
      "Makes topics and a table of its own, and removes them. Exit codes: 0 no finding is bad; "
      "else\n"
      "that of the first one that is: 75 it does not answer, 78 configuration.");
}

}  // namespace minke
