// The master's HTTP: the gate, the status of its job, metrics.
//
//   /livez /readyz /metrics /v1/job /v1/tasks /v1/events?since=OFFSET /v1/gate/mapper|reducer
//
// HTTP threads see only immutable snapshots, which the control thread hands over by Show; they
// never touch the brain. Snapshots of what grows with the job (tasks) are made less often, so that
// they cost the control thread some hundredth of its time at most. It also counts who waits at the
// gate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "control/job_view.h"
#include "control/master_brain.h"
#include "port/clock.h"
#include "port/log.h"

namespace minke {

struct JobPagesOptions {
  std::string listen = "127.0.0.1:0";  // HOST:PORT; port 0: one that is free
  std::string job_name;
  uint64_t job_hash = 0;               // of the job file; askers with another one are refused
  uint32_t mappers = 1, reducers = 1;  // that are to be: they share what is in flight to the store
  const Clock* clock = nullptr;
  uint64_t seed = 0;  // random, for the jitter of Retry-After
};

class JobPages {
 public:
  // kConfiguration: the address cannot be listened on, or HTTP's module is not installed.
  static Result<std::unique_ptr<JobPages>> Serve(JobPagesOptions options);
  ~JobPages();  // ends serving, within seconds

  // ---- control thread
  // A message of the journal, as the master has read it (MasterPorts::on_journal).
  void Read(const LogMessage& message);
  // After each RunOnce, and at wake_at_ms: what is told from now on.
  void Show(const MasterBrain& brain);
  int64_t wake_at_ms() const;
  // The brain's view, with those who wait at the gate; as of the last Show.
  JobView View() const;

  // ---- any thread
  std::string url() const;  // http://HOST:PORT

 private:
  struct State;
  explicit JobPages(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace minke
