// `minke gate`: what init containers run until their pod's phase begins.
#include <fmt/format.h>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "adapter/system_clock.h"
#include "base/ids.h"
#include "base/logging.h"
#include "base/result.h"
#include "cli/commands.h"
#include "cli/config_file.h"
#include "cli/store_flags.h"
#include "runtime/http/gate_client.h"
#include "runtime/master.h"
#include "runtime/stop_signals.h"
#include "runtime/waker.h"

namespace minke {
namespace {

struct GateFlags {
  StoreFlags store;
  std::string config, role, master, job;
  uint32_t timeout_s = 600;
};

// The row of the job, from a store that is opened when it is asked first; none is named: nothing.
std::function<Result<std::optional<Row>>()> RowReader(const GateFlags& flags) {
  if (flags.store.cassandra.empty()) return {};
  return [flags, store = std::shared_ptr<Store>()]() mutable -> Result<std::optional<Row>> {
    if (store == nullptr) store = MINKE_TRY(OpenStore(flags.store));
    return ReadRow(*store, flags.job);
  };
}

Result<int> Pass(const GateFlags& flags) {
  StartLogging({.role = "gate", .level = LogLevel::kInfo});
  Waker waker;
  const StopSignals signals(&waker);
  const SystemClock clock;
  GateQuestion question;
  question.job_name = flags.job;
  question.asker = RandomBits();
  GateWait wait;
  wait.master = flags.master;
  wait.read_row = RowReader(flags);
  wait.timeout_ms = int64_t{flags.timeout_s} * 1000;
  wait.clock = &clock;
  wait.waker = &waker;
  wait.stop = &StopSignals::flag();
  question.role = MINKE_TRY(RoleNamed(flags.role));
  auto reply = WaitAtGate(question, wait);
  if (!reply && signals.signal() != 0) return ExitCodeOfSignal(signals.signal());
  if (!reply) return std::move(reply).error();
  LogFormatted(
      LogLevel::kInfo, "{}",
      reply->answer.state == GateState::kOpen ? "open" : "over: there is nothing left to do");
  return 0;
}

}  // namespace

void AddGateCommand(CLI::App& app, int* exit_code) {
  const auto flags = std::make_shared<GateFlags>();
  CLI::App* command =
      app.add_subcommand("gate", "Wait until a job's mappers or reducers may begin");
  command->add_option("--role", flags->role, "mapper or reducer")->required();
  command->add_option("--master", flags->master, "The master, as in http://HOST:8080")
      ->envname("MINKE_MASTER")
      ->required();
  command->add_option("--job-id", flags->job, "Name of the job")
      ->envname("MINKE_JOB_ID")
      ->required();
  command
      ->add_option("--gate-timeout", flags->timeout_s,
                   "Seconds in which master or store must have said something")
      ->check(CLI::Range(1u, 1'000'000u))
      ->envname("MINKE_GATE_TIMEOUT")
      ->capture_default_str();
  AddStoreFlags(*command, &flags->store);
  AddConfigFlag(*command, &flags->config);
  command->footer(
      "Examples:\n  minke gate --role mapper --master http://counts-master:8080 --job-id counts\n\n"
      "A master that says 'not yet' is waited for as long as it takes. With --cassandra, the "
      "job's\n"
      "row there says that it is over when its master is gone.\n\n"
      "Exit codes: 0 the phase is open, or over for this role; 75 neither master nor store has\n"
      "answered in time; 78 the master is another job's.");
  WhenChosen(*command, &flags->config, exit_code, [flags] { return Pass(*flags); });
}

}  // namespace minke
