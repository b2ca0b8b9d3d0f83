// From what the user asked for to what can run: finds the job, declares it, lists inputs, opens the
// output, divides the memory. Everything that can be refused before any work begins is refused
// here. Runs in the child: declaring a job runs user code.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/memory_accountant.h"
#include "base/result.h"
#include "control/plan.h"
#include "runtime/run_request.h"
#include "task/attempt.h"
#include "task/input/input_files.h"
#include "task/job/job_file.h"
#include "task/output/output_folder.h"
#include "task/scratch.h"

namespace minke {

// A run, ready to begin. Does not move: its parts point to each other.
struct PreparedRun {
  explicit PreparedRun(DeclaredJob declared_job) : job(std::move(declared_job)) {}
  PreparedRun(const PreparedRun&) = delete;
  PreparedRun& operator=(const PreparedRun&) = delete;

  DeclaredJob job;
  InputFiles inputs;
  std::unique_ptr<OutputFolder> output;  // null: standard output or a single file
  std::unique_ptr<MemoryAccountant> memory;
  std::unique_ptr<MemoryAccountant> kept;
  std::unique_ptr<SpillBudget> spill;
  PlanRequest plan_request;
  proto::Plan plan;
  uint64_t spec_hash = 0;
  JobContext context;  // but for the store
};

Result<std::unique_ptr<PreparedRun>> PrepareRun(const RunRequest& request, uint32_t slots,
                                                Incarnation incarnation);

uint64_t RandomBits();
Incarnation FreshIncarnation();
uint32_t ThreadsOf(const RunRequest& request);
// Where a task that runs alone puts its output.
std::string OutputOfTask(const std::string& spill_folder, Incarnation incarnation);

}  // namespace minke
