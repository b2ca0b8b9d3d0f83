// What a master tells Prometheus of its job: names, kinds and help texts of all metrics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "adapter/http/http.h"
#include "control/job_view.h"

namespace minke {

// Of the master's process, since it began.
struct MasterCounts {
  uint64_t journal_messages = 0;  // read
  uint64_t journal_bytes = 0;
  std::map<std::pair<std::string, int>, uint64_t> gate_answers;  // by role and status
};

std::vector<MetricFamily> JobMetrics(const JobView& view, const MasterCounts& counts);

}  // namespace minke
