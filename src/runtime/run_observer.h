// Who is told how a run goes: `minke run`, wherever the job runs.
#pragma once

#include <string>

#include "control/job_view.h"

namespace minke {

// Who is told how the run goes. Called in the child's control thread, but for Failed, which the
// parent may call too.
class RunObserver {
 public:
  virtual ~RunObserver() = default;
  // Some times a second, and whenever a phase begins.
  virtual void OnProgress(const JobView& view) = 0;
  // Once, when all output is in place.
  virtual void OnDone(const JobView& view) = 0;
  // Once, when the run ends without its output. `view` is null where nothing had begun, or nobody
  // is left to tell.
  virtual void OnFailed(int exit_code, const std::string& text, const JobView* view) = 0;
};

}  // namespace minke
