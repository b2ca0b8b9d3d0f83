#include "runtime/cluster/child_process.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "base/check.h"

namespace minke {
namespace {

constexpr int64_t kLongLifeMs = 10'000;
constexpr int64_t kBackOffMs = 100;  // doubled with each short life …
constexpr int kDoublings = 6;        // … so often

// Only calls that are safe between fork and exec, as other threads may hold any lock.
[[noreturn]] void Become(pid_t parent, char* const* argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(71);
  setpgid(0, 0);  // Ctrl-C on a terminal is for whoever started us
  dup2(STDERR_FILENO, STDOUT_FILENO);
  execv("/proc/self/exe", argv);
  _exit(71);
}

}  // namespace

ChildProcess::ChildProcess(std::string name, std::vector<std::string> words)
    : name_(std::move(name)), words_(std::move(words)) {}

ChildProcess::~ChildProcess() {
  if (!is_running()) return;
  Signal(SIGKILL);
  waitpid(pid_, nullptr, 0);
}

void ChildProcess::Run(int64_t now_ms) {
  if (is_running() || now_ms < start_at_ms_) return;
  std::vector<char*> argv;
  std::string program = "minke";
  argv.push_back(program.data());
  for (std::string& word : words_) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t parent = getpid();
  pid_ = fork();
  MINKE_CHECK(pid_ >= 0);
  if (pid_ == 0) Become(parent, argv.data());
  started_ms_ = now_ms;
}

std::optional<ChildProcess::End> ChildProcess::TakeEnd(int64_t now_ms) {
  int status = 0;
  if (!is_running() || waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pid_ = -1;
  short_lives_ = now_ms - started_ms_ < kLongLifeMs ? short_lives_ + 1 : 0;
  start_at_ms_ = now_ms + (kBackOffMs << std::min(short_lives_, kDoublings));
  End end;
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  return end;
}

void ChildProcess::Signal(int signal) const {
  if (is_running()) kill(pid_, signal);
}

}  // namespace minke
