#include "runtime/http/json.h"

#include <fmt/format.h>
#include <string>
#include <utility>

namespace minke {
namespace {

nlohmann::json ToJson(const PhaseView& phase) {
  return {{"kind", NameOf(phase.kind)}, {"open", phase.is_open},    {"tasks", phase.tasks},
          {"waiting", phase.waiting},   {"running", phase.running}, {"done", phase.done}};
}

nlohmann::json ToJson(const WorkerCounts& counts) {
  return {{"waiting", counts.waiting},
          {"working", counts.working},
          {"finished", counts.finished},
          {"lost", counts.lost}};
}

}  // namespace

std::string JsonText(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string JsonBody(const nlohmann::json& value) { return JsonText(value) + "\n"; }

nlohmann::json ToJson(const JobView& view) {
  nlohmann::json phases = nlohmann::json::array();
  for (const PhaseView& phase : view.phases) phases.push_back(ToJson(phase));
  nlohmann::json workers = nlohmann::json::object();
  for (const auto& [role, counts] : view.workers) workers[RoleName(role)] = ToJson(counts);
  nlohmann::json object = {
      {"job", view.name},
      {"incarnation", view.incarnation.Hex()},
      {"state", view.state},
      {"phases", std::move(phases)},
      {"workers", std::move(workers)},
      {"attempts", view.attempts},
      {"failures", view.failures},
      {"losses", view.losses},
      {"quarantined", view.workers_quarantined},
      {"records_in", view.records_in},
      {"bytes_in", view.bytes_in},
      {"input_bytes", view.input_bytes},
      {"shuffled_records", view.shuffled_records},
      {"shuffled_bytes", view.shuffled_bytes},
      {"records_out", view.output_records},
      {"bytes_out", view.output_bytes},
      {"spills", view.spills},
      {"spilled_bytes", view.spilled_bytes},
      {"skipped", view.skipped},
      {"fingerprint", fmt::format("{:016x}", view.fingerprint)},
      {"counters", view.counters},
      {"wall_ms", view.elapsed_ms},
      {"records_s", view.records_s},
      {"bytes_s", view.bytes_s},
  };
  if (view.remaining_ms) object["remaining_ms"] = *view.remaining_ms;
  if (view.exit_code) object["exit_code"] = *view.exit_code;
  if (!view.text.empty()) object["text"] = view.text;
  return object;
}

}  // namespace minke
