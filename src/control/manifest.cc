#include "control/manifest.h"

#include <map>
#include <string>
#include <utility>

#include "control/fleet.h"

namespace minke {

proto::Manifest MakeManifest(const Job& job, const Tally& reports) {
  proto::Manifest manifest;
  std::map<std::string, uint32_t> behind_maps;
  for (uint32_t step = 0; step < job.steps(); ++step) {
    if (job.step(step).kind == proto::PHASE_SAMPLE) continue;
    const bool is_map = job.step(step).kind == proto::PHASE_MAP;
    for (uint32_t index = 0; index < job.step(step).tasks; ++index) {
      const AttemptId winner = job.task({step, index}).winner;
      proto::Report reported = reports.report({step, index});
      for (proto::OutputFile& file : *reported.mutable_outputs()) {
        const bool is_main = file.name().empty();
        if (is_map && !is_main) behind_maps[file.name()] = job.step(step).tasks;
        const uint32_t first = is_map || is_main ? 0 : behind_maps[file.name()];
        proto::ManifestPart* part = manifest.add_parts();
        part->set_index(first + index);
        ToProto(winner, part->mutable_attempt());
        *part->mutable_file() = std::move(file);
      }
    }
  }
  return manifest;
}

}  // namespace minke
