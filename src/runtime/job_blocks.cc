#include "runtime/job_blocks.h"

#include <fmt/format.h>
#include <map>
#include <string>
#include <utility>

#include "control/plan.h"
#include "task/attempt.h"

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

Result<std::vector<WinningPart>> LoadWinningParts(Store& store, Incarnation incarnation,
                                                  const Job& job) {
  std::vector<WinningPart> parts;
  std::map<std::string, uint32_t> behind_maps;
  for (uint32_t step = 0; step < job.steps(); ++step) {
    if (job.step(step).kind == proto::PHASE_SAMPLE) continue;
    const bool is_map = job.step(step).kind == proto::PHASE_MAP;
    for (uint32_t index = 0; index < job.step(step).tasks; ++index) {
      const AttemptId winner = job.task({step, index}).winner;
      proto::Report report;
      const std::string bytes = MINKE_TRY(store.GetBlock(incarnation, ReportName(winner)));
      if (!report.ParseFromString(bytes)) {
        return Error{ErrorCode::kCorruption,
                     "the report of attempt " + winner.Text() + " cannot be read"};
      }
      for (proto::OutputFile& file : *report.mutable_outputs()) {
        const bool is_main = file.name().empty();
        if (is_map && !is_main) behind_maps[file.name()] = job.step(step).tasks;
        const uint32_t first = is_map || is_main ? 0 : behind_maps[file.name()];
        parts.push_back({first + index, winner, std::move(file)});
      }
    }
  }
  return parts;
}

}  // namespace minke
