// `minke master`, `mapper` and `reducer`, the processes of a job on a cluster; and `minke run` with
// all of them on this machine.
#include <cstdint>
#include <fmt/format.h>
#include <memory>
#include <string>
#include <utility>

#include "base/logging.h"
#include "base/result.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/run_flags.h"
#include "cli/service_flags.h"
#include "runtime/cluster/cluster_run.h"
#include "runtime/cluster/master_process.h"
#include "runtime/cluster/worker_process.h"

namespace minke {
namespace {

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 64 usage, 65 bad input, 70 the job's code failed, 71 minke's own fault,\n"
    "74 output, 75 try again, 78 configuration, 130 interrupted or cancelled, 143 terminated.";

// What all three have.
struct ProcessFlags {
  ServiceFlags services;
  RunFlags run;
  std::string job_id, log_level = "info", config;
};

void AddProcessFlags(CLI::App& command, ProcessFlags* flags) {
  command.add_option("--job-id", flags->job_id, "Name of the job")
      ->envname("MINKE_JOB_ID")
      ->required();
  AddServiceFlags(command, &flags->services);
  command.add_option("--log-level", flags->log_level, "debug, info, warning, error or off")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "off"}))
      ->envname("MINKE_LOG_LEVEL")
      ->capture_default_str();
  AddConfigFlag(command, &flags->config);
}

// Everything but the job.
Status TakeProcessFlags(CLI::App& command, const char* role, const ProcessFlags& flags) {
  MINKE_TRY_STATUS(ApplyConfigFile(command, flags.config));
  LoggingOptions logging;
  logging.role = role;
  ParseLogLevel(flags.log_level, &logging.level);
  StartLogging(logging);
  return CheckServiceFlags(flags.services);
}

int Refused(const Error& error) {
  LogFormatted(LogLevel::kError, "{}", error.text);
  return ExitCodeOf(error.code);
}

// ---- master

struct MasterFlags : ProcessFlags {
  MasterRequest request;
  uint32_t input_timeout = 0, no_worker_timeout = 3600, max_age = 30 * 24 * 3600, lease = 30;
  bool no_backups = false;
};

Status TakeMasterFlags(CLI::App& command, MasterFlags& flags) {
  MINKE_TRY_STATUS(TakeProcessFlags(command, "master", flags));
  MasterRequest& request = flags.request;
  request.run = MINKE_TRY(ToRequest(flags.run));
  request.run.backups = !flags.no_backups;
  request.run.max_age_s = flags.max_age;
  request.job_name = flags.job_id;
  request.input_timeout_ms = int64_t{flags.input_timeout} * 1000;
  request.no_worker_timeout_ms = int64_t{flags.no_worker_timeout} * 1000;
  request.lease_ms = int64_t{flags.lease} * 1000;
  return {};
}

int MasterMain(CLI::App& command, MasterFlags& flags) {
  const Status taken = TakeMasterFlags(command, flags);
  if (!taken) return Refused(taken.error());
  return RunMaster(flags.request, ServicesOf(flags.services));
}

void AddPlaceFlags(CLI::App& command, uint32_t* mappers, uint32_t* reducers) {
  command.add_option("-m,--mappers", *mappers, "Mappers that are to be")
      ->check(CLI::Range(1u, 100'000u))
      ->envname("MINKE_MAPPERS")
      ->capture_default_str();
  command.add_option("-r,--reducers", *reducers, "Reducers that are to be")
      ->check(CLI::Range(1u, 100'000u))
      ->envname("MINKE_REDUCERS")
      ->capture_default_str();
}

void AddMaster(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<MasterFlags>();
  flags->request.listen = "127.0.0.1:8080";
  CLI::App* command = app.add_subcommand("master", "Lead a job on a cluster: its master");
  command->add_option(
      "JOB INPUT...", flags->run.words,
      "A built-in job or a job file, then dataset:NAME or table:KEYSPACE.TABLE, or these "
      "behind TAG=");
  command->add_option("-o,--output", flags->run.output, "dataset:NAME or table:KEYSPACE.TABLE");
  AddPlaceFlags(*command, &flags->request.mappers, &flags->request.reducers);
  AddJobFlags(*command, &flags->run);
  command
      ->add_option("--listen", flags->request.listen,
                   "HOST:PORT of gate, status and metrics; port 0: one that is free")
      ->envname("MINKE_LISTEN")
      ->capture_default_str();
  command
      ->add_option("--input-timeout", flags->input_timeout,
                   "Seconds that tables and datasets may still be missing")
      ->envname("MINKE_INPUT_TIMEOUT")
      ->capture_default_str();
  command
      ->add_option("--no-worker-timeout", flags->no_worker_timeout,
                   "Seconds without any worker before this ends with 75; 0: never")
      ->envname("MINKE_NO_WORKER_TIMEOUT")
      ->capture_default_str();
  command
      ->add_option("--lease", flags->lease,
                   "Seconds of silence after which a worker's tasks are given to others")
      ->check(CLI::Range(5u, 3600u))
      ->envname("MINKE_LEASE")
      ->capture_default_str();
  command
      ->add_option("--max-age", flags->max_age,
                   "Seconds after which a job that was not finished is refused")
      ->check(CLI::Range(60u, 1'000'000'000u))
      ->envname("MINKE_MAX_AGE")
      ->capture_default_str();
  command->add_flag("--no-backups", flags->no_backups, "No second attempt beside a slow one")
      ->envname("MINKE_NO_BACKUPS");
  AddProcessFlags(*command, flags.get());
  command->footer(
      fmt::format("Examples:\n"
                  "  minke master --job-id words -m 4 -r 2 wordcount dataset:books -o "
                  "dataset:counts\n"
                  "  minke master --job-id words -m 4 -r 2 --listen 0.0.0.0:8080 wordcount "
                  "dataset:books -o dataset:counts\n\n"
                  "The same command goes on with a job that was begun, wherever its master died.\n"
                  "Numbers of workers only guide the plan; the output does not depend on them.\n\n"
                  "{}",
                  kExitCodes));
  command->callback([command, flags, exit_code] { *exit_code = MasterMain(*command, *flags); });
}

// ---- mapper, reducer

struct WorkerFlags : ProcessFlags {
  WorkerRequest request;
  uint32_t gate_timeout = 600;
};

int WorkerMain(CLI::App& command, const char* name, WorkerFlags& flags) {
  const Status taken = TakeProcessFlags(command, name, flags);
  if (!taken) return Refused(taken.error());
  auto machine = ToMachine(flags.run);
  if (!machine) return Refused(machine.error());
  flags.request.machine = *std::move(machine);
  flags.request.job_name = flags.job_id;
  flags.request.gate_timeout_ms = int64_t{flags.gate_timeout} * 1000;
  return RunWorker(flags.request, ServicesOf(flags.services));
}

void AddWorker(CLI::App& app, int* exit_code, const char* name, proto::PhaseKind role) {
  const auto flags = std::make_shared<WorkerFlags>();
  flags->request.role = role;
  flags->request.master = "http://127.0.0.1:8080";
  CLI::App* command = app.add_subcommand(name, fmt::format("Run tasks of a job: a {}", name));
  command->add_option("--master", flags->request.master, "URL of the job's master")
      ->envname("MINKE_MASTER")
      ->capture_default_str();
  command
      ->add_option("--gate-timeout", flags->gate_timeout,
                   "Seconds without any word of the job before this ends with 75")
      ->check(CLI::Range(1u, 1'000'000u))
      ->envname("MINKE_GATE_TIMEOUT")
      ->capture_default_str();
  command
      ->add_option("--job-file", flags->request.job_file,
                   "Where the job file lies here; default: where the master has it")
      ->envname("MINKE_JOB_FILE");
  AddMachineFlags(*command, &flags->run);
  AddProcessFlags(*command, flags.get());
  command->footer(fmt::format(
      "Examples:\n"
      "  minke {} --job-id words --master http://master:8080\n"
      "  minke {} --job-id words --threads 4 --memory 2G --spill /scratch\n\n"
      "Waits at the master's gate until its phase begins, and ends when nothing is left for it.\n"
      "What it is to do it learns from the master; any number may come and go.\n\n"
      "{}",
      name, name, kExitCodes));
  command->callback(
      [command, name, flags, exit_code] { *exit_code = WorkerMain(*command, name, *flags); });
}

// ---- minke run

struct ClusterRunFlags {
  ServiceFlags services;
  ClusterRunRequest request;
};

}  // namespace

void AddProcessCommands(CLI::App& app, int* exit_code) {
  AddMaster(app, exit_code);
  AddWorker(app, exit_code, "mapper", proto::PHASE_MAP);
  AddWorker(app, exit_code, "reducer", proto::PHASE_REDUCE);
}

RunElsewhere OnClusterServices() {
  const auto flags = std::make_shared<ClusterRunFlags>();
  RunElsewhere elsewhere;
  elsewhere.add_flags = [flags](CLI::App& command) {
    AddServiceFlags(command, &flags->services);
    AddPlaceFlags(command, &flags->request.mappers, &flags->request.reducers);
  };
  elsewhere.is_asked_for = [flags] {
    return !flags->services.log.kafka.empty() && !flags->services.store.cassandra.empty();
  };
  elsewhere.run = [flags](CLI::App& command, const RunRequest& request, RunObserver& observer) {
    flags->request.run = request;
    flags->request.service_words = ServiceWords(command);
    return RunOnCluster(flags->request, ServicesOf(flags->services), observer);
  };
  return elsewhere;
}

}  // namespace minke
