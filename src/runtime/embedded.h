// `minke run` on one machine: master, worker and slots in one child process over a log and a store
// in memory, a thread per slot; a parent that runs no user code and outlives it. Called from a
// process with one thread.
#pragma once

#include "runtime/run_observer.h"
#include "runtime/run_request.h"

namespace minke {

// Runs the job; returns the exit code of the process. Everything that failed was told to the
// observer.
int RunEmbedded(const RunRequest& request, RunObserver& observer);

}  // namespace minke
