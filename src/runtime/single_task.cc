#include "runtime/single_task.h"

#include <charconv>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "adapter/memory_store.h"
#include "control/job_view.h"
#include "control/tally.h"
#include "runtime/prepare.h"
#include "task/partitioner.h"

namespace minke {
namespace {

constexpr uint32_t kWinners = 1;  // number of the winners block

class SingleTask {
 public:
  SingleTask(PreparedRun& run, const SingleTaskOptions& options, SlotPage* page)
      : run_(run), options_(options), context_(run.context) {
    context_.store = &store_;
    slot_.page = page;
  }

  Result<proto::Report> Run() {
    const uint32_t target = options_.task.step;
    for (uint32_t step = 0; step < target; ++step) {
      const proto::PhaseKind kind = KindOf(step);
      options_.on_before(kind, run_.plan.steps(static_cast<int>(step)).tasks());
      for (uint32_t i = 0; i < run_.plan.steps(static_cast<int>(step)).tasks(); ++i) {
        MINKE_TRY(RunOne({step, i}, false));
      }
      if (kind == proto::PHASE_SAMPLE) ChooseSplitters();
      if (kind == proto::PHASE_MAP) MINKE_TRY_STATUS(WriteWinners(step));
    }
    return RunOne(options_.task, options_.careful);
  }

 private:
  proto::PhaseKind KindOf(uint32_t step) const {
    return run_.plan.steps(static_cast<int>(step)).kind();
  }

  Result<proto::Report> RunOne(TaskId task, bool careful) {
    AttemptSpec spec;
    spec.id = {.epoch = 0, .n = ++attempts_};
    spec.kind = KindOf(task.step);
    spec.task = task;
    spec.careful = careful;
    spec.winners = kWinners;
    spec.splitters = splitters_;
    proto::Report report = MINKE_TRY(RunAttempt(context_, spec, slot_));
    tally_.Add(task, spec.kind, spec.id, report);
    for (std::string& key : *report.mutable_samples()) sample_.push_back(std::move(key));
    return report;
  }

  void ChooseSplitters() { splitters_ = PickSplitters(std::move(sample_), run_.plan.partitions()); }

  Status WriteWinners(uint32_t map_step) {
    const uint32_t partition = options_.task.index;
    return store_.PutBlock(context_.incarnation, WinnersName(kWinners, partition),
                           tally_.WinnersBlock(map_step, partition));
  }

  PreparedRun& run_;
  const SingleTaskOptions& options_;
  MemoryStore store_;
  JobContext context_;
  Slot slot_;
  Tally tally_;
  uint64_t attempts_ = 0;
  std::vector<std::string> sample_;
  std::vector<std::string> splitters_;
};

}  // namespace

std::string TaskName(proto::PhaseKind kind, uint32_t index) {
  return fmt::format("{}-{}", NameOf(kind), index);
}

Result<TaskId> FindTask(const proto::Plan& plan, std::string_view name) {
  const size_t dash = name.rfind('-');
  std::string known;
  for (uint32_t step = 0; step < static_cast<uint32_t>(plan.steps_size()); ++step) {
    const proto::Step& one = plan.steps(static_cast<int>(step));
    if (one.tasks() == 0) continue;
    const std::string_view kind = NameOf(one.kind());
    known += fmt::format("{}{}-0", known.empty() ? "" : ", ", kind);
    if (one.tasks() > 1) known += fmt::format(" to {}-{}", kind, one.tasks() - 1);
    if (dash == std::string_view::npos || name.substr(0, dash) != kind) continue;
    uint32_t index = 0;
    const std::string_view digits = name.substr(dash + 1);
    const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    const bool is_number = parsed.ec == std::errc() && parsed.ptr == digits.data() + digits.size();
    if (is_number && index < one.tasks()) return TaskId{step, index};
  }
  return Error{ErrorCode::kInvalidArgument,
               known.empty()
                   ? fmt::format("--task: there is no task '{}': the input is empty", name)
                   : fmt::format("--task: there is no task '{}'; there are {} (as many as the same "
                                 "--threads, --split-bytes and --partitions make)",
                                 name, known)};
}

namespace {

Result<TaskDone> PrepareAndRun(const RunRequest& request, std::string_view name,
                               TaskObserver& observer) {
  RunRequest alone = request;
  alone.alone = true;
  SlotPage page;
  DeclaredRun declared = MINKE_TRY(DeclareRun(alone, &page));
  const auto run =
      MINKE_TRY(PrepareRun(alone, std::move(declared), {ThreadsOf(request), FreshIncarnation()}));
  auto task = FindTask(run->plan, name);
  if (!task) {
    (void)run->output->Abandon();
    return std::move(task).error();
  }
  SingleTaskOptions options;
  options.task = *task;
  options.on_before = [&](proto::PhaseKind kind, uint32_t tasks) {
    observer.OnBefore(kind, tasks);
  };
  proto::Report report = MINKE_TRY(RunSingleTask(*run, options, &page));
  return TaskDone{std::string(name), run->context.job_name, std::move(report)};
}

}  // namespace

int RunTaskHere(const RunRequest& request, std::string_view task, TaskObserver& observer) {
  const auto done = PrepareAndRun(request, task, observer);
  if (done) {
    observer.OnTaskDone(*done);
    return 0;
  }
  const int code = ExitCodeOf(done.error().code);
  observer.OnTaskFailed(code, done.error().text);
  return code;
}

Result<proto::Report> RunSingleTask(PreparedRun& run, const SingleTaskOptions& options,
                                    SlotPage* page) {
  auto report = SingleTask(run, options, page).Run();
  Status removed = run.output->Abandon();
  if (report && !removed) return std::move(removed).error();
  return report;
}

}  // namespace minke
