#include "runtime/supervisor.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fmt/format.h>
#include <new>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "base/check.h"

namespace minke {
namespace {

int64_t MonotonicMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

// Watches the progress counters of all slots; tells when one stands still in user code.
class Watch {
 public:
  Watch(std::span<SlotPage> pages, int64_t timeout_ms)
      : pages_(pages), seen_(pages.size()), timeout_ms_(timeout_ms) {}

  const SlotPage* FindHung(int64_t now_ms) {
    for (size_t i = 0; i < pages_.size(); ++i) {
      const uint64_t progress = pages_[i].progress.load(std::memory_order_relaxed);
      const bool in_user_code = pages_[i].in_user_code.load(std::memory_order_relaxed) != 0;
      if (!in_user_code || progress != seen_[i].progress || seen_[i].since_ms == 0) {
        seen_[i] = {progress, now_ms};
      } else if (now_ms - seen_[i].since_ms >= timeout_ms_) {
        return &pages_[i];
      }
    }
    return nullptr;
  }

 private:
  struct Seen {
    uint64_t progress = 0;
    int64_t since_ms = 0;
  };
  std::span<SlotPage> pages_;
  std::vector<Seen> seen_;
  int64_t timeout_ms_;
};

[[noreturn]] void RunChild(pid_t parent, const sigset_t& mask, ChildPage& page,
                           const std::function<int()>& work) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(71);  // it died before the line above
  sigprocmask(SIG_SETMASK, &mask, nullptr);
  const int code = work();
  std::fflush(nullptr);
  page.has_ended.store(1);
  _exit(code);  // the kernel frees the memory faster than destructors would
}

// The slot that is marked, else the one in user code when the child died; null when none was, or
// when it cannot be told which of several.
const SlotPage* FindCulprit(std::span<SlotPage> pages) {
  for (const SlotPage& page : pages) {
    if (page.crashed.load(std::memory_order_relaxed) != 0) return &page;
  }
  const SlotPage* culprit = nullptr;
  for (const SlotPage& page : pages) {
    if (page.in_user_code.load(std::memory_order_relaxed) == 0) continue;
    if (culprit != nullptr) return nullptr;
    culprit = &page;
  }
  return culprit;
}

}  // namespace

SharedPages::SharedPages(size_t slots) : slots_(slots) {
  void* at = mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  MINKE_CHECK(at != MAP_FAILED);
  pages_ = static_cast<SlotPage*>(at);
  Clear();
}

SharedPages::~SharedPages() { munmap(pages_, bytes()); }

void SharedPages::Clear() const {
  for (size_t i = 0; i <= slots_; ++i) new (pages_ + i) SlotPage;
  new (&child()) ChildPage;
}

ChildEnd Supervise(const SupervisorOptions& options, const SharedPages& pages,
                   const std::function<int()>& work) {
  pages.Clear();
  sigset_t watched;
  sigset_t before;
  sigemptyset(&watched);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&watched, signal);
  sigprocmask(SIG_BLOCK, &watched, &before);
  const pid_t parent = getpid();
  std::fflush(nullptr);
  const pid_t child = fork();
  MINKE_CHECK(child >= 0);
  if (child == 0) RunChild(parent, before, pages.child(), work);

  ChildEnd end;
  Watch watch(pages.all(), options.task_timeout_ms);
  int64_t asked_ms = 0;
  for (;;) {
    int status = 0;
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) {
      if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
      if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
      end.exited = WIFEXITED(status) && pages.child().has_ended.load() == 0;
      break;
    }
    const timespec tick{.tv_sec = 0, .tv_nsec = 100'000'000};
    const int signal = sigtimedwait(&watched, nullptr, &tick);
    const int64_t now_ms = MonotonicMs();
    if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP) {
      if (asked_ms == 0) asked_ms = now_ms;
      end.stop_signal = signal;
      kill(child, signal);
    }
    if (asked_ms != 0 && now_ms - asked_ms > options.stop_timeout_ms && !end.stopped) {
      end.stopped = true;
      kill(child, SIGKILL);
    }
    if (end.hung || end.stopped) continue;
    if (const SlotPage* hung = watch.FindHung(now_ms); hung != nullptr) {
      end.hung = true;
      if (hung != &pages.control()) end.culprit = hung;
      kill(child, SIGKILL);
    }
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  end.was_declaring = pages.control().in_user_code.load() != 0;
  const bool is_crash = end.exited || (end.signal != 0 && end.signal != SIGKILL);
  if (is_crash && end.culprit == nullptr) {
    end.culprit = FindCulprit(pages.pages());
  }
  return end;
}

std::string SignalText(int signal) {
  const char* name = sigabbrev_np(signal);
  return fmt::format("SIG{} ({})", name != nullptr ? name : "?", sigdescr_np(signal));
}

}  // namespace minke
