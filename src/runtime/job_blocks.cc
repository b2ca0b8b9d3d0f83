#include "runtime/job_blocks.h"

#include <fmt/format.h>
#include <string>
#include <utility>

#include "base/hash.h"
#include "control/fleet.h"
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

Result<std::vector<WinningPart>> LoadManifest(Store& store, Incarnation job, uint64_t checksum) {
  const auto bytes = store.GetBlock(job, ManifestName(checksum));
  if (!bytes && bytes.error().code != ErrorCode::kNotFound) return bytes.error();
  proto::Manifest manifest;
  if (!bytes || Hash64(*bytes) != checksum || !manifest.ParseFromString(*bytes)) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("the block {} does not hold the manifest that the journal names",
                             ManifestName(checksum))};
  }
  std::vector<WinningPart> parts;
  for (proto::ManifestPart& part : *manifest.mutable_parts()) {
    parts.push_back({part.index(), FromProto(part.attempt()), std::move(*part.mutable_file())});
  }
  return parts;
}

}  // namespace minke
