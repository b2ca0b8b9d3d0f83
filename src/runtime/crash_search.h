// After a crash or a hang of user code: finds the record at which it happened.
//
// The child that crashed leaves the task and the batch it had at hand in its slot's page. Another
// child runs just that task again in careful mode, where the page names the record (for a reduce
// task, the key of the group). With --skip-bad, a record or group at which the task went down twice
// is one to be passed over, and the search goes on behind it. Runs no user code itself; called by
// the supervising parent, between two children. See docs/decisions/crash-located-to-its-record.md.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/run_request.h"
#include "runtime/supervisor.h"
#include "task/attempt.h"

namespace minke {

// What a slot had at hand when its child went down.
struct CrashPlace {
  uint32_t crashed = 0;  // SlotPage::crashed
  proto::PhaseKind kind = proto::PHASE_NONE;
  TaskId task;
  std::string path;     // of the input file, where `record` is set
  int64_t record = -1;  // its offset there; -1: none was at hand
  bool is_one = false;  // the record alone, not a batch that begins there
  int64_t key_size = -1;
  std::string key;  // of the group, where key_size is set; cut as in SlotPage

  bool is_group() const { return kind == proto::PHASE_REDUCE; }
  // One record or group, known well enough to be found again.
  bool may_be_skipped() const {
    return is_one && (is_group() ? key_size == static_cast<int64_t>(key.size()) : record >= 0);
  }
  bool IsSameRecord(const CrashPlace& other) const {
    return task == other.task && record == other.record && path == other.path &&
           key_size == other.key_size && key == other.key;
  }
};

CrashPlace PlaceOf(const SlotPage& page);
// What the parent says of a child that did not end by itself; `place` is null where nobody knows.
Error DescribeCrash(const RunRequest& request, const ChildEnd& end, const CrashPlace* place);

struct CrashSearch {
  // The search was ended by a signal, or a child of it went down at `place` for good.
  bool is_over = false;
  ChildEnd end;
  bool has_place = false;  // whether it is known where that child was
  CrashPlace place;
  bool has_learned = false;  // there are new records or groups to be passed over
};

// Adds to `crashes` what the next child must know. Not over: the task came through alone; run the
// job again.
CrashSearch FindCrash(const RunRequest& request, const SupervisorOptions& options,
                      const CrashPlace& begun, KnownCrashes& crashes);

}  // namespace minke
