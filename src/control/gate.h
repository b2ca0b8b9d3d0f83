// What the gate tells a worker: whether the phase that it serves has begun, and where it begins to
// read. Plain values; the runtime turns them into HTTP, or hands them over in the process.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "control/job.h"
#include "control/journal.h"

#include "proto/minke.pb.h"

namespace minke {

enum class GateState : uint8_t {
  kClosed,  // not yet: ask again
  kOpen,
  kOver,  // nothing to do for this role any more: exit 0
};

struct GateAnswer {
  GateState state = GateState::kClosed;
  // The rest only where open.
  Incarnation incarnation;
  uint64_t plan_checksum = 0;
  uint64_t splitters = 0;     // checksum, 0 = none chosen
  std::string shuffle_table;  // empty: none
  std::vector<proto::PhaseKind> steps;
  int64_t phase_offset = 0;  // of the message that holds PhaseOpened: the worker begins on it …
  JournalPosition position;  // … and goes on here
};

// As the master answers whose job and reading position these are; without the incarnation.
GateAnswer AnswerGate(const Job& job, const JournalPosition& position, proto::PhaseKind role);

// Whether a worker of `role` (PHASE_NONE: any) serves tasks of `kind` by preference.
bool Serves(proto::PhaseKind role, proto::PhaseKind kind);

}  // namespace minke
