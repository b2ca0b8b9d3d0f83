// SIGINT, SIGTERM and SIGHUP, as the control thread of a process sees them: remembered, and the
// control thread woken. A closed pipe is no signal but an error of the write.
#pragma once

#include <atomic>
#include <string>

#include "runtime/waker.h"

namespace minke {

class StopSignals {
 public:
  // From now on, for the whole process. `waker` outlives it; one at a time.
  explicit StopSignals(Waker* waker);
  ~StopSignals();  // signals are still caught, and do nothing any more
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  // The last one that came; 0: none.
  int signal() const { return flag().load(); }
  // The same, for who looks by himself.
  static const std::atomic<int>& flag();
};

// What a process that was stopped so exits with: 130 of SIGINT, 143 of SIGTERM.
int ExitCodeOfSignal(int signal);
// "interrupted", "terminated".
std::string StopText(int signal);

}  // namespace minke
