// `minke run --kafka … --cassandra …`: a job on the services of a cluster, with its processes on
// this machine.
//
//   files → temporary datasets → master, mappers, reducers → dataset → output folder, file or
//   standard output; what is temporary goes
//
// The job runs as in pods; the output is that of RunEmbedded. A parent and a child, as there: the
// child declares the job, starts the processes and follows the job's journal; whatever ends the
// parent ends them all. Called from a process with one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/cluster/cluster_services.h"
#include "runtime/embedded.h"
#include "runtime/run_request.h"

namespace minke {

struct ClusterRunRequest {
  RunRequest run;  // as the user named it: paths, or dataset:NAME
  uint32_t mappers = 1, reducers = 1;
  std::vector<std::string> service_words;  // flags by which a process here finds the services
};

// Returns the exit code. Everything that failed was told to the observer.
int RunOnCluster(const ClusterRunRequest& request, const ClusterServices& services,
                 RunObserver& observer);

}  // namespace minke
