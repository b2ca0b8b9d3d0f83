// The jobs and versions of which something is stored: blocks, shuffle tables, files of datasets.
// Reads the keys of whole tables: for upkeep, not for a job's way.
#pragma once

#include <vector>

#include "adapter/cassandra/connection.h"
#include "base/ids.h"
#include "base/result.h"

namespace minke {

// In ascending order.
Result<std::vector<Incarnation>> ListStoredIncarnations(Connection& connection);

}  // namespace minke
