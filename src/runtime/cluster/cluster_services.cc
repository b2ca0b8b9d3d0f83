#include "runtime/cluster/cluster_services.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "base/logging.h"
#include "runtime/effect_queue.h"

namespace minke {

Result<std::unique_ptr<Store>> WaitForStore(const ClusterServices& services,
                                            const ControlThread& thread, const StoreWait& wait) {
  const int64_t begun_ms = thread.clock->NowMs();
  Patience patience;
  for (;;) {
    auto store = services.open_store(wait.in_flight_bytes);
    if (store) return store;
    const int64_t now_ms = thread.clock->NowMs();
    const bool is_refused = store.error().code == ErrorCode::kConfiguration;
    const bool may_wait = store.error().code == ErrorCode::kUnavailable ||
                          (is_refused && now_ms - begun_ms < wait.setup_ms);
    if (!may_wait) return std::move(store).error();
    if (!patience.is_waiting()) {
      LogFormatted(LogLevel::kWarning, "waits for the store: {}", store.error().text);
    }
    patience.Failed(now_ms, std::move(store).error());
    const int64_t timeout_ms = is_refused ? wait.setup_ms : services.timeout_ms;
    if (const Error* lost = patience.Lost(now_ms, timeout_ms); lost != nullptr) return *lost;
    while (!patience.IsDue(thread.clock->NowMs())) {
      if (thread.stop->signal() != 0) return Error{ErrorCode::kCancelled, "stopped"};
      thread.waker->Wait(std::max<int64_t>(0, patience.retry_at_ms() - thread.clock->NowMs()));
    }
  }
}

}  // namespace minke
