// A process that this one starts, and starts again when it dies before its work is done, as
// Kubernetes would: after a while that doubles each time. It dies with the thread that started it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace minke {

class ChildProcess {
 public:
  // How one life has ended.
  struct End {
    int exit_code = 0;
    int signal = 0;  // that killed it; 0: none
    bool ended_with(int code) const { return signal == 0 && exit_code == code; }
  };

  // `words`: the arguments of this very program. Its standard output goes to standard error.
  ChildProcess(std::string name, std::vector<std::string> words);
  ~ChildProcess();  // SIGKILL, if it still runs
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Starts it if that is due.
  void Run(int64_t now_ms);
  // Once per end; nothing as long as it runs, or was not started.
  std::optional<End> TakeEnd(int64_t now_ms);
  void Signal(int signal) const;

  bool is_running() const { return pid_ > 0; }
  const std::string& name() const { return name_; }
  // Lives in a row that ended soon after they had begun.
  int short_lives() const { return short_lives_; }

 private:
  std::string name_;
  std::vector<std::string> words_;
  pid_t pid_ = -1;
  int64_t started_ms_ = 0;
  int64_t start_at_ms_ = 0;
  int short_lives_ = 0;
};

}  // namespace minke
