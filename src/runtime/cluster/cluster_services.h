// The services of a cluster, as a process is told of them, and the wait for a store that is not
// there yet. Nothing is opened before it is called for: a process that runs no tasks itself holds
// no connection and has read no password.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "base/ids.h"
#include "base/result.h"
#include "port/clock.h"
#include "port/log.h"
#include "port/store.h"
#include "runtime/stop_signals.h"
#include "runtime/waker.h"

namespace minke {

struct ClusterServices {
  // One attempt. `in_flight_bytes`: what may be under way to it, 0: as it likes. kUnavailable: it
  // does not answer; kConfiguration: it refuses, or has no tables.
  std::function<Result<std::unique_ptr<Store>>(size_t in_flight_bytes)> open_store;
  // Asks nothing yet.
  std::function<Result<std::unique_ptr<Log>>(Incarnation job)> open_log;
  // All of it, the journal too: of a job that is over, and that nobody will ask about.
  std::function<Status(Incarnation job)> remove_log;
  int64_t timeout_ms = 600'000;  // a service that is away for longer ends the process with 75
};

// What a control thread waits with.
struct ControlThread {
  const Clock* clock = nullptr;
  Waker* waker = nullptr;
  const StopSignals* stop = nullptr;
};

struct StoreWait {
  size_t in_flight_bytes = 0;
  int64_t setup_ms = 0;  // how long it may refuse: its tables are being made
};

// Until it answers. kUnavailable after services.timeout_ms, kCancelled after a signal.
Result<std::unique_ptr<Store>> WaitForStore(const ClusterServices& services,
                                            const ControlThread& thread, const StoreWait& wait);

}  // namespace minke
