#include "control/gate.h"

#include <optional>

namespace minke {

bool Serves(proto::PhaseKind role, proto::PhaseKind kind) {
  switch (role) {
    case proto::PHASE_NONE:
      return true;
    case proto::PHASE_MAP:
      return kind == proto::PHASE_MAP || kind == proto::PHASE_SAMPLE;
    case proto::PHASE_REDUCE:
      return kind == proto::PHASE_REDUCE || kind == proto::PHASE_EXPORT;
    default:
      return role == kind;
  }
}

GateAnswer AnswerGate(const Job& job, const JournalPosition& position, proto::PhaseKind role) {
  GateAnswer answer;
  if (job.finished() != nullptr) {
    answer.state = GateState::kOver;
    return answer;
  }
  if (!job.open_step()) return answer;
  std::optional<uint32_t> last;  // step that the role serves
  for (uint32_t step = 0; step < job.steps(); ++step) {
    if (Serves(role, job.step(step).kind)) last = step;
  }
  if (!last || *last < *job.open_step()) {
    answer.state = GateState::kOver;
    return answer;
  }
  if (!Serves(role, job.step(*job.open_step()).kind)) return answer;
  answer.state = GateState::kOpen;
  answer.plan_checksum = job.accepted()->plan_checksum();
  answer.splitters = job.splitters();
  answer.shuffle_table = job.shuffle_table();
  for (uint32_t step = 0; step < job.steps(); ++step) answer.steps.push_back(job.step(step).kind);
  answer.phase_offset = job.step(*job.open_step()).opened_at;
  answer.position = position;
  return answer;
}

}  // namespace minke
