// `minke mapper`, `minke reducer`: a worker of a job, over services of a cluster.
//
// Two processes: a supervisor, which runs no user code and talks to nobody, and its child, which is
// the worker: waits at the gate, runs tasks, ends when the job needs it no more. A child that
// crashes, or hangs in user code, is followed by another, which tells whose fault it was.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/cluster/cluster_services.h"
#include "runtime/run_request.h"

#include "proto/minke.pb.h"

namespace minke {

struct WorkerRequest {
  RunRequest machine;  // threads, memory, spills, blocks and the task time-out; not the job
  std::string job_name;
  std::string job_file;  // where the job file lies here; empty: where the master has it
  proto::PhaseKind role = proto::PHASE_MAP;
  std::string master;  // URL
  int64_t gate_timeout_ms = 600'000;
};

// Returns the exit code; why it is not 0 was said in the log. Called from a process with one
// thread.
int RunWorker(const WorkerRequest& request, const ClusterServices& services);

}  // namespace minke
