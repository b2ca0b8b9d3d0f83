// The wait at the gate, for `minke gate` and for workers.
//
// Asks the master until the gate is open or the role has nothing left to do. A master that says
// "not yet" is an answer. One that says nothing may be gone for good: then the job's row is read,
// and a finished row is as good as the master's word that it is over. Only when neither master nor
// row has answered for timeout_ms is it given up.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "control/master_effects.h"
#include "port/clock.h"
#include "runtime/http/gate_reply.h"
#include "runtime/waker.h"

namespace minke {

struct GateWait {
  std::string master;  // URL, as in http://127.0.0.1:8080
  // The job's row (ReadRow in runtime/master.h). Empty: there is no store to ask.
  std::function<Result<std::optional<Row>>()> read_row;
  int64_t timeout_ms = 600'000;
  const Clock* clock = nullptr;
  Waker* waker = nullptr;                  // what the caller waits on meanwhile
  const std::atomic<int>* stop = nullptr;  // not 0, and the waker woken: give up, kCancelled
};

// kOpen or kOver. kConfiguration: the master, or the row, is of another name, incarnation or job
// file (78); kUnavailable: nobody answers (75).
Result<GateReply> WaitAtGate(const GateQuestion& question, const GateWait& wait);

}  // namespace minke
