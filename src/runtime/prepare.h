// From what the user asked for to what can run, in two steps: the job is found and declared, which
// is enough to tell whether it is the job that another process began or ended; then inputs are
// listed and planned, the output is opened, the memory divided. Everything that can be refused
// before any work begins is refused here. Declaring a job runs user code.
//
//   DeclareRun ─┬─ PrepareRun              a process that plans and runs tasks
//               ├─ PlanRun                 … that plans, and leaves the tasks to others
//               └─ JoinRun (RequestOf)     … that runs tasks of a plan that another has made
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/memory_accountant.h"
#include "base/result.h"
#include "control/master_effects.h"
#include "port/store.h"
#include "runtime/run_request.h"
#include "task/attempt.h"
#include "task/input/input_files.h"
#include "task/job/job_file.h"
#include "task/output/output_folder.h"
#include "task/scratch.h"

#include "proto/minke.pb.h"

namespace minke {

struct MasterOptions;

struct DeclaredRun {
  JobFile file;
  DeclaredJob job;
  uint64_t spec_hash = 0;  // of all that the output depends on, as the user named it
};

// `page` says that user code runs as long as it does.
Result<DeclaredRun> DeclareRun(const RunRequest& request, SlotPage* page);

// Whether there is nothing to prepare, as the job's row says: the end of the run where it is over,
// 64 where the name is another job's. Asked before inputs are looked at, which may be others by
// now, and before the output is opened, which is full; what a process that died at the very end
// left aside there goes.
Result<std::optional<Exit>> AnswerOfJob(const RunRequest& request, const DeclaredRun& declared,
                                        Store& store, const std::string& job_name);

// A run, ready to begin. Does not move: its parts point to each other.
struct PreparedRun {
  explicit PreparedRun(DeclaredRun run) : declared(std::move(run)) {}
  PreparedRun(const PreparedRun&) = delete;
  PreparedRun& operator=(const PreparedRun&) = delete;

  DeclaredRun declared;
  InputFiles inputs;
  std::unique_ptr<OutputFolder> output;  // null: standard output or a single file
  std::unique_ptr<MemoryAccountant> memory;
  std::unique_ptr<MemoryAccountant> kept;
  std::unique_ptr<ScratchFolder> spill;
  proto::Plan plan;
  JobContext context;
};

// Where a run takes place.
struct RunPlace {
  uint32_t slots = 1;
  Incarnation incarnation;
  Store* store = nullptr;  // null: it is not known yet, and there are no datasets
};
Result<std::unique_ptr<PreparedRun>> PrepareRun(const RunRequest& request, DeclaredRun declared,
                                                const RunPlace& place);

// Inputs as they are now, and how they are cut.
struct PlannedInputs {
  InputFiles inputs;
  proto::Plan plan;
};
// `spill` takes what comes through pipes; null: no input is one.
Result<PlannedInputs> PlanRun(const RunRequest& request, const DeclaredRun& declared,
                              const RunPlace& place, const ScratchFolder* spill);

// What the user asked for, as the plan says; memory, spills and blocks as of `machine`.
RunRequest RequestOf(const proto::Plan& plan, const RunRequest& machine);
// Of such a request. Its side files are left to the caller: the plan says which they are.
Result<std::unique_ptr<PreparedRun>> JoinRun(const RunRequest& request, DeclaredRun declared,
                                             proto::Plan plan, const RunPlace& place);

// Of a master of this job that begins now.
MasterOptions FreshMasterOptions(const DeclaredRun& declared, const std::string& job_name);

uint32_t ThreadsOf(const RunRequest& request);
// Where a task that runs alone puts its output.
std::string OutputOfTask(const std::string& spill_folder, Incarnation incarnation);

}  // namespace minke
