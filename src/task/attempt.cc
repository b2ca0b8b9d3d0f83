#include "task/attempt.h"

#include <ctime>
#include <fmt/format.h>
#include <utility>

#include "task/export_task.h"
#include "task/map_task.h"
#include "task/reduce_task.h"

namespace minke {
namespace {

uint64_t ThreadCpuUs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

void Enter(const AttemptSpec& spec, SlotPage& page) {
  page.attempt_epoch.store(spec.id.epoch, std::memory_order_relaxed);
  page.attempt_n.store(spec.id.n, std::memory_order_relaxed);
  page.kind.store(static_cast<uint32_t>(spec.kind), std::memory_order_relaxed);
  page.step.store(spec.task.step, std::memory_order_relaxed);
  page.task.store(spec.task.index, std::memory_order_relaxed);
  page.record.store(-1, std::memory_order_relaxed);
  page.is_one.store(spec.careful ? 1 : 0, std::memory_order_relaxed);
  page.key_size.store(-1, std::memory_order_relaxed);
  page.bytes_done.store(0, std::memory_order_relaxed);
  page.records_done.store(0, std::memory_order_relaxed);
  page.Tick();
}

Result<proto::Report> RunTask(const JobContext& context, const AttemptSpec& spec, Slot& slot) {
  switch (spec.kind) {
    case proto::PHASE_SAMPLE:
      return RunSampleTask(context, spec, slot);
    case proto::PHASE_MAP:
      return RunMapTask(context, spec, slot);
    case proto::PHASE_REDUCE:
      return RunReduceTask(context, spec, slot);
    case proto::PHASE_EXPORT:
      return RunExportTask(context, spec, slot);
    default:
      return Error{ErrorCode::kInternal,
                   fmt::format("this version of minke has no tasks of phase {}",
                               static_cast<int>(spec.kind))};
  }
}

}  // namespace

std::string ReportName(AttemptId attempt) { return "report-" + attempt.Text(); }

std::string WinnersName(uint32_t number, uint32_t partition) {
  return fmt::format("winners-{}-{}", number, partition);
}

Result<proto::Report> RunAttempt(const JobContext& context, const AttemptSpec& given, Slot& slot) {
  AttemptSpec spec = given;
  spec.careful = spec.careful || context.crashes.tasks.contains(spec.task);
  slot.missing_map_tasks.clear();
  Enter(spec, *slot.page);
  const uint64_t begin_us = ThreadCpuUs();
  auto report = RunTask(context, spec, slot);
  slot.page->in_user_code.store(0, std::memory_order_relaxed);
  slot.page->attempt_n.store(0, std::memory_order_relaxed);
  if (!report) return report;
  report->set_cpu_us(ThreadCpuUs() - begin_us);
  MINKE_TRY_STATUS(context.store->PutBlock(context.incarnation, ReportName(spec.id),
                                           report->SerializeAsString()));
  return report;
}

}  // namespace minke
