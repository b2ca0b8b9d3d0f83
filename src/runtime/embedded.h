// `minke run` on one machine: master, worker and slots in one child process over a log and a store
// in memory, a thread per slot; a parent that runs no user code and outlives it. Called from a
// process with one thread.
#pragma once

#include <string>

#include "base/result.h"
#include "control/job_view.h"
#include "runtime/run_request.h"

namespace minke {

// Who is told how the run goes. Called in the child's control thread, but for Failed, which the
// parent may call too.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // Some times a second, and whenever a phase begins.
  virtual void OnProgress(const JobView& view) = 0;
  // Once, when all output is in place.
  virtual void OnDone(const JobView& view) = 0;
  // Once, when the run ends without its output. `view` is null where nothing had begun, or nobody
  // is left to tell.
  virtual void OnFailed(int exit_code, const std::string& text, const JobView* view) = 0;
};

// Runs the job; returns the exit code of the process. Everything that failed was told to the
// observer.
int RunEmbedded(const RunRequest& request, RunObserver& observer);

}  // namespace minke
