#include "runtime/job_blocks.h"

#include <fmt/format.h>
#include <string>
#include <utility>

#include "control/plan.h"

namespace minke {

Result<proto::Plan> LoadPlan(Store& store, Incarnation job, uint64_t checksum) {
  const std::string bytes = MINKE_TRY(store.GetBlock(job, PlanName(checksum)));
  proto::Plan plan;
  if (PlanChecksum(bytes) != checksum || !plan.ParseFromString(bytes)) {
    return Error{
        ErrorCode::kCorruption,
        fmt::format("the block {} is not the plan that the journal names", PlanName(checksum))};
  }
  return plan;
}

}  // namespace minke
