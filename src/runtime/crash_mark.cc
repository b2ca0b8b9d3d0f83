#include "runtime/crash_mark.h"

#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <unistd.h>

#include "base/check.h"
#include "base/result.h"

namespace minke {
namespace {

constexpr size_t kStackBytes = 64 << 10;
constexpr int kFaults[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};

thread_local SlotPage* marked_page = nullptr;

void OnFault(int signal) {
  const uint32_t what = internal::IsOwnFault() ? kOwnFault : kCrashed;
  if (marked_page != nullptr) marked_page->crashed.store(what, std::memory_order_relaxed);
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  sigaction(signal, &standard, nullptr);
  raise(signal);  // pending until this handler returns, then ends the process
}

// User code that calls exit() would end the run as if all were done.
void OnExit() {
  if (marked_page == nullptr) return;  // whoever called it, the supervisor sees no word of success
  marked_page->crashed.store(kCalledExit, std::memory_order_relaxed);
  _exit(ExitCodeOf(ErrorCode::kUserCode));
}

}  // namespace

void InstallCrashMarks() {
  signal(SIGXFSZ, SIG_IGN);  // a file at its limit is an error of the write, which says where
  std::atexit(&OnExit);
  for (const int signal : kFaults) {
    struct sigaction action{};
    action.sa_handler = &OnFault;
    action.sa_flags = SA_ONSTACK;
    sigaction(signal, &action, nullptr);
  }
}

CrashMark::CrashMark(SlotPage* page) : stack_(new char[kStackBytes]) {
  marked_page = page;
  stack_t alternate{};
  alternate.ss_sp = stack_;
  alternate.ss_size = kStackBytes;
  sigaltstack(&alternate, nullptr);
}

CrashMark::~CrashMark() {
  marked_page = nullptr;
  stack_t none{};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
  delete[] stack_;
}

}  // namespace minke
