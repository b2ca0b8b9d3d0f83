// Every task of a job as its pages show it. Plain values, made from Job and JobHistory.
#pragma once

#include <cstdint>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/ids.h"
#include "control/job.h"
#include "runtime/http/job_history.h"

#include "proto/minke.pb.h"

namespace minke {

// An attempt that is at work, or has won.
struct AttemptRow {
  AttemptId id;
  WorkerId worker;
  AttemptTimes times;
};

struct TaskRow {
  proto::PhaseKind kind = proto::PHASE_NONE;
  TaskId task;
  TaskState state;
  std::vector<AttemptRow> attempts;  // live ones, the winner last
};

std::vector<TaskRow> MakeTaskRows(const Job& job, const JobHistory& history);

// "waiting", "running" or "done".
const char* StateOf(const TaskRow& row);
nlohmann::json ToJson(const TaskRow& row);

}  // namespace minke
