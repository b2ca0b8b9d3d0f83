#include "runtime/crash_search.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <unistd.h>
#include <utility>

#include "base/machine.h"
#include "control/job_view.h"
#include "runtime/crash_mark.h"
#include "runtime/prepare.h"
#include "runtime/single_task.h"
#include "task/output/output_folder.h"

namespace minke {
namespace {

constexpr uint32_t kCrashesOfBadRecord = 2;

// The child: whatever it says of errors is found again, and told, by the run that follows.
int RunAlone(const RunRequest& request, const KnownCrashes& crashes, TaskId task,
             Incarnation incarnation, const SharedPages& pages) {
  InstallCrashMarks();
  RunRequest alone = request;
  alone.alone = true;
  auto declared = DeclareRun(alone, &pages.control());
  if (!declared) return ExitCodeOf(declared.error().code);
  auto prepared = PrepareRun(alone, *std::move(declared), {ThreadsOf(request), incarnation});
  if (!prepared) return ExitCodeOf(prepared.error().code);
  // Never destroyed, as that would run user code; the process ends right then.
  PreparedRun& run = *prepared->release();
  run.context.crashes = crashes;
  SingleTaskOptions options;
  options.task = task;
  options.careful = true;
  SlotPage* page = pages.pages().data();
  const CrashMark mark(page);
  const auto report = RunSingleTask(run, options, page);
  return report ? 0 : ExitCodeOf(report.error().code);
}

ChildEnd RunChildAlone(const RunRequest& request, const SupervisorOptions& options,
                       const KnownCrashes& crashes, TaskId task, const SharedPages& pages) {
  const Incarnation incarnation = FreshIncarnation();
  ChildEnd end = Supervise(options, pages,
                           [&] { return RunAlone(request, crashes, task, incarnation, pages); });
  if (!end.is_own_end()) {
    const auto spill = SpillFolder(request.spill_folder, std::getenv("TMPDIR"));
    if (spill) {
      const std::string output = OutputOfTask(*spill, incarnation);
      (void)OutputFolder::CleanUp(output, incarnation);
      rmdir(output.c_str());  // there, and empty, if the child ended before it wrote into it
    }
  }
  return end;
}

// A key as it can be shown: other bytes than printable ones as \xNN.
std::string Shown(std::string_view key) {
  std::string shown;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      shown += fmt::format("\\x{:02x}", byte);
    } else {
      shown += c;
    }
  }
  return shown;
}

std::string Where(const CrashPlace& place) {
  std::string where = fmt::format("{} task {}", NameOf(place.kind), place.task.index);
  if (place.record >= 0) {
    where += fmt::format(", at the {} at byte {} of {}",
                         place.is_one ? "record" : "batch that begins", place.record, place.path);
  }
  if (place.key_size >= 0) {
    const bool is_cut = place.key_size > static_cast<int64_t>(place.key.size());
    where += fmt::format(", at the group of key '{}{}'", Shown(place.key), is_cut ? "…" : "");
  }
  return where;
}

}  // namespace

CrashPlace PlaceOf(const SlotPage& page) {
  CrashPlace place;
  place.crashed = page.crashed.load();
  place.kind = static_cast<proto::PhaseKind>(page.kind.load());
  place.task = {page.step.load(), page.task.load()};
  place.record = page.record.load();
  if (place.record >= 0) place.path = page.path;
  place.is_one = page.is_one.load() != 0;
  place.key_size = page.key_size.load();
  if (place.key_size >= 0) {
    place.key.assign(page.key, std::min(static_cast<size_t>(place.key_size), sizeof(page.key)));
  }
  return place;
}

Error DescribeCrash(const RunRequest& request, const ChildEnd& end, const CrashPlace* place) {
  if (place != nullptr && place->crashed == kOwnFault) {
    return Error{ErrorCode::kInternal,
                 fmt::format("minke itself failed in {}, see the line above", Where(*place))};
  }
  if (place == nullptr && end.signal == SIGKILL && !end.hung) {
    return Error{ErrorCode::kExhausted,
                 fmt::format("the process that ran {} was killed from outside (out of memory?); "
                             "give --memory a smaller value, or stop what killed it",
                             request.job)};
  }
  std::string text = request.job;
  if (end.hung) {
    text += fmt::format(" made no progress for {} s", request.task_timeout_s);
  } else {
    text += end.exited ? " ended the process" : " crashed";
  }
  if (place != nullptr) text += " in " + Where(*place);
  if (end.was_declaring) text += " while it was declared";
  if (end.hung) {
    text += ": it was killed; --task-timeout gives it more time";
  } else if (end.exited) {
    text += ": it called exit(); return, or throw an exception, instead";
  } else {
    text += ": " + SignalText(end.signal);
  }
  if (place != nullptr && place->may_be_skipped()) {
    const char* such = place->is_group() ? "such groups" : "such records";
    text += request.skip_bad == 0 ? fmt::format("; --skip-bad N sets up to N {} aside", such)
                                  : fmt::format("; --skip-bad allows {} {}, and this is one more",
                                                request.skip_bad, such);
  }
  if (place != nullptr) {
    text += fmt::format("; --task {} runs it alone, as a debugger needs it",
                        TaskName(place->kind, place->task.index));
  }
  return Error{ErrorCode::kUserCode, std::move(text)};
}

CrashSearch FindCrash(const RunRequest& request, const SupervisorOptions& options,
                      const CrashPlace& begun, KnownCrashes& crashes) {
  const SharedPages pages(1);
  CrashSearch search;
  search.place = begun;
  uint32_t seen = 1;  // it was in the batch at which the search began
  bool is_known = false;
  crashes.tasks.insert(begun.task);
  for (uint32_t tries = 0; tries < request.attempts;) {
    search.end = RunChildAlone(request, options, crashes, begun.task, pages);
    if (search.end.is_own_end()) return search;
    search.is_over = true;
    search.has_place = search.end.culprit != nullptr;
    if (search.end.stop_signal != 0 || !search.has_place) return search;
    const CrashPlace place = PlaceOf(*search.end.culprit);
    search.end.culprit = nullptr;  // its page goes with this search
    seen = is_known && !place.IsSameRecord(search.place) ? 1 : seen + 1;
    is_known = true;
    search.place = place;
    const size_t known = crashes.records.size() + crashes.groups.size();
    if (!place.may_be_skipped() || known >= request.skip_bad) return search;
    ++tries;
    search.is_over = false;
    if (seen < kCrashesOfBadRecord) continue;
    if (place.is_group()) {
      crashes.groups.insert(place.key);
    } else {
      crashes.records.emplace(place.path, place.record);
    }
    search.has_learned = true;
    seen = 0;
    tries = 0;
  }
  search.is_over = true;  // another record each time
  return search;
}

}  // namespace minke
