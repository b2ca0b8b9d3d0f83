// One task alone, on the calling thread: for a debugger (`--task map-17`), and for the search for
// the record at which a task brought the process down.
//
// It is the attempt that a slot would run, over a store in memory. A task that reads what others
// left runs those first (sample tasks for ranges, all map tasks for a reduce task). Its output goes
// into a folder beside the spills, never into the user's.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/run_request.h"
#include "task/attempt.h"

#include "proto/minke.pb.h"

namespace minke {

struct PreparedRun;

// "map-17", and back; kInvalidArgument says what tasks there are.
std::string TaskName(proto::PhaseKind kind, uint32_t index);
Result<TaskId> FindTask(const proto::Plan& plan, std::string_view name);

struct SingleTaskOptions {
  TaskId task;
  bool careful = false;
  // Called before the tasks that must run first, with how many they are.
  std::function<void(proto::PhaseKind kind, uint32_t tasks)> on_before = [](auto, auto) {};
};

// What a task did, for people and for --json.
struct TaskDone {
  std::string task;  // its name
  std::string job;
  proto::Report report;
};
class TaskObserver {
 public:
  virtual ~TaskObserver() = default;
  virtual void OnBefore(proto::PhaseKind kind, uint32_t tasks) = 0;
  virtual void OnTaskDone(const TaskDone& done) = 0;
  virtual void OnTaskFailed(int exit_code, const std::string& text) = 0;
};

// `minke run … --task NAME`: prepares the run and the task in this process; returns its exit code.
int RunTaskHere(const RunRequest& request, std::string_view task, TaskObserver& observer);

// `run` was prepared to run alone (RunRequest::alone).
Result<proto::Report> RunSingleTask(PreparedRun& run, const SingleTaskOptions& options,
                                    SlotPage* page);

}  // namespace minke
