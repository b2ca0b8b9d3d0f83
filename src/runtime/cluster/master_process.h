// `minke master`: one master of a job, over services of a cluster. Declares the job and plans it
// from what is in the store; runs no task. Serves its HTTP until workers have said that they end.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/cluster/cluster_services.h"
#include "runtime/run_request.h"

namespace minke {

struct MasterRequest {
  RunRequest run;  // inputs, side files and output are all in the store: dataset:NAME
  std::string job_name;
  uint32_t mappers = 1, reducers = 1;  // that are to be; the output does not depend on them
  std::string listen = "127.0.0.1:0";
  int64_t input_timeout_ms = 0;  // how long tables and datasets may still be missing
  int64_t no_worker_timeout_ms = 3'600'000;
  int64_t lease_ms = 30'000;  // of a worker, from its last word
};

// To the end of the job, or of this master. Returns the exit code; what goes on, and why it ended,
// was said in the log.
int RunMaster(const MasterRequest& request, const ClusterServices& services);

}  // namespace minke
