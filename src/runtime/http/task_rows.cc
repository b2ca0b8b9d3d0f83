#include "runtime/http/task_rows.h"

#include <fmt/format.h>
#include <utility>

#include "control/job_view.h"

namespace minke {
namespace {

AttemptRow RowOf(const Job& job, const JobHistory& history, AttemptId attempt) {
  return {attempt, job.WorkerOf(attempt), history.TimesOf(attempt)};
}

nlohmann::json ToJson(const AttemptRow& row) {
  nlohmann::json object = {{"attempt", row.id.Text()},
                           {"worker", fmt::format("{:016x}", row.worker.bits)}};
  if (row.times.assigned_ms != 0) object["assigned_unix_ms"] = row.times.assigned_ms;
  if (row.times.ended_ms != 0) object["ended_unix_ms"] = row.times.ended_ms;
  return object;
}

}  // namespace

std::vector<TaskRow> MakeTaskRows(const Job& job, const JobHistory& history) {
  std::vector<TaskRow> rows;
  for (uint32_t step = 0; step < job.steps(); ++step) {
    for (uint32_t index = 0; index < job.step(step).tasks; ++index) {
      const TaskId task{step, index};
      TaskRow& row = rows.emplace_back(job.step(step).kind, task, job.task(task));
      for (const AttemptId live : job.LiveAttemptsOf(task)) {
        row.attempts.push_back(RowOf(job, history, live));
      }
      if (row.state.winner.n != 0) {
        row.attempts.push_back(RowOf(job, history, row.state.winner));
      }
    }
  }
  return rows;
}

const char* StateOf(const TaskRow& row) {
  if (row.state.winner.n != 0) return "done";
  return row.state.live != 0 ? "running" : "waiting";
}

nlohmann::json ToJson(const TaskRow& row) {
  nlohmann::json attempts = nlohmann::json::array();
  for (const AttemptRow& attempt : row.attempts) attempts.push_back(ToJson(attempt));
  return {{"kind", NameOf(row.kind)},       {"step", row.task.step},
          {"task", row.task.index},         {"state", StateOf(row)},
          {"failures", row.state.failures}, {"losses", row.state.losses},
          {"attempts", std::move(attempts)}};
}

}  // namespace minke
