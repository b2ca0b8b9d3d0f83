// How a run looks on a terminal: one progress line while it goes on, a short table or one JSON
// object at its end. Everything goes to standard error but --json, which standard output gets where
// no records go there.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/run_observer.h"
#include "runtime/single_task.h"

namespace minke {

struct RunDisplayOptions {
  bool quiet = false;              // errors only
  bool json = false;               // one object about the run
  bool records_to_stdout = false;  // then the object goes to standard error
};

// "mapping  3/8 tasks  1,234 records/s  …", without a line's end.
std::string ProgressLine(const JobView& view);
// Of the terminal behind standard error, in columns.
size_t TerminalWidth();

class RunDisplay final : public RunObserver, public TaskObserver {
 public:
  explicit RunDisplay(RunDisplayOptions options);
  void OnProgress(const JobView& view) override;
  void OnDone(const JobView& view) override;
  void OnFailed(int exit_code, const std::string& text, const JobView* view) override;
  void OnBefore(proto::PhaseKind kind, uint32_t tasks) override;
  void OnTaskDone(const TaskDone& done) override;
  void OnTaskFailed(int exit_code, const std::string& text) override;

 private:
  void ClearLine();
  void PrintTable(const JobView& view) const;
  void PrintJson(const std::string& object) const;

  RunDisplayOptions options_;
  bool is_terminal_;
  bool line_is_shown_ = false;
};

}  // namespace minke
