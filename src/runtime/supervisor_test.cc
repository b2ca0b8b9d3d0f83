#include "runtime/supervisor.h"

#include <csignal>
#include <ctime>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/crash_mark.h"

namespace minke {
namespace {

// Returns only by a signal that ends the process.
[[noreturn]] void StandStill() {
  for (;;) pause();
}

int64_t MonotonicMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

TEST(Supervisor, SaysHowTheChildExited) {
  const SharedPages pages(1);
  const ChildEnd end = Supervise({}, pages, [] { return 65; });
  EXPECT_EQ(end.exit_code, 65);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(end.culprit, nullptr);
  EXPECT_FALSE(end.hung || end.stopped);
}

TEST(Supervisor, BlamesTheOneSlotThatWasInUserCodeWhenTheChildCrashed) {
  const SharedPages pages(3);
  SlotPage& at_fault = pages.pages()[1];
  const ChildEnd end = Supervise({}, pages, [&]() -> int {
    at_fault.task.store(17);
    at_fault.SetFile("books/moby.txt");
    at_fault.in_user_code.store(1);
    std::signal(SIGSEGV, SIG_DFL);
    return std::raise(SIGSEGV);
  });
  EXPECT_EQ(end.signal, SIGSEGV);
  ASSERT_EQ(end.culprit, &at_fault);
  EXPECT_EQ(end.culprit->task.load(), 17u);
  EXPECT_STREQ(end.culprit->path, "books/moby.txt");
}

TEST(Supervisor, BlamesNobodyWhenItCannotTell) {
  const SharedPages pages(3);
  const ChildEnd end = Supervise({}, pages, [&]() -> int {
    pages.pages()[0].in_user_code.store(1);
    pages.pages()[2].in_user_code.store(1);
    std::signal(SIGABRT, SIG_DFL);
    return std::raise(SIGABRT);
  });
  EXPECT_EQ(end.signal, SIGABRT);
  EXPECT_EQ(end.culprit, nullptr);
}

TEST(Supervisor, BlamesTheMarkedSlotAmongSeveralInUserCode) {
  const SharedPages pages(3);
  const ChildEnd end = Supervise({}, pages, [&]() -> int {
    InstallCrashMarks();
    for (SlotPage& page : pages.pages()) page.in_user_code.store(1);
    const CrashMark mark(&pages.pages()[2]);
    return std::raise(SIGFPE);
  });
  EXPECT_EQ(end.signal, SIGFPE);
  EXPECT_EQ(end.culprit, &pages.pages()[2]);
}

TEST(Supervisor, AKillFromOutsideHasNoCulprit) {
  const SharedPages pages(1);
  const ChildEnd end = Supervise({}, pages, [&]() -> int {
    pages.pages()[0].in_user_code.store(1);
    return kill(getpid(), SIGKILL);
  });
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.culprit, nullptr);
  EXPECT_FALSE(end.hung || end.stopped);
}

TEST(Supervisor, EndsAChildWhoseUserCodeStandsStill) {
  const SharedPages pages(2);
  SupervisorOptions options;
  options.task_timeout_ms = 50;
  const ChildEnd end = Supervise(options, pages, [&]() -> int {
    pages.pages()[0].in_user_code.store(0);
    pages.pages()[1].in_user_code.store(1);
    StandStill();
  });
  EXPECT_TRUE(end.hung);
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.culprit, &pages.pages()[1]);
}

TEST(Supervisor, LeavesUserCodeAloneThatGetsOn) {
  const SharedPages pages(1);
  SupervisorOptions options;
  options.task_timeout_ms = 150;
  const ChildEnd end = Supervise(options, pages, [&] {
    pages.pages()[0].in_user_code.store(1);
    // Longer than the time-out, as the supervisor's clock sees it.
    for (const int64_t until = MonotonicMs() + 500; MonotonicMs() < until;) pages.pages()[0].Tick();
    return 3;
  });
  EXPECT_FALSE(end.hung);
  EXPECT_EQ(end.exit_code, 3);
}

TEST(Supervisor, HandsOnTheSignalsThatAskToStop) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const SharedPages pages(1);
    const ChildEnd end = Supervise({}, pages, [signal] {
      sigset_t waited;
      sigemptyset(&waited);
      sigaddset(&waited, signal);
      sigprocmask(SIG_BLOCK, &waited, nullptr);
      kill(getppid(), signal);
      int got = 0;
      sigwait(&waited, &got);
      return got == signal ? 42 : 1;
    });
    EXPECT_EQ(end.exit_code, 42);
    EXPECT_EQ(end.stop_signal, signal);
    EXPECT_FALSE(end.stopped);
  }
}

TEST(Supervisor, EndsAChildThatDoesNotStop) {
  const SharedPages pages(1);
  SupervisorOptions options;
  options.stop_timeout_ms = 20;
  const ChildEnd end = Supervise(options, pages, [&]() -> int {
    pages.pages()[0].in_user_code.store(1);
    std::signal(SIGTERM, SIG_IGN);
    kill(getppid(), SIGTERM);
    StandStill();
  });
  EXPECT_TRUE(end.stopped);
  EXPECT_EQ(end.signal, SIGKILL);
  EXPECT_EQ(end.stop_signal, SIGTERM);
  EXPECT_EQ(end.culprit, nullptr) << "it was asked to stop";
}

TEST(Supervisor, TheChildDiesWithItsParent) {
  int alive[2];
  ASSERT_EQ(pipe(alive), 0);
  const pid_t parent = fork();
  if (parent == 0) {
    const SharedPages pages(1);
    Supervise({}, pages, [&]() -> int {
      if (write(alive[1], "x", 1) != 1) return 1;
      StandStill();
    });
    _exit(0);
  }
  close(alive[1]);
  char byte = 0;
  ASSERT_EQ(read(alive[0], &byte, 1), 1) << "the child works";
  kill(parent, SIGKILL);
  ASSERT_EQ(waitpid(parent, nullptr, 0), parent);
  // The end of the pipe comes when the last process that holds it has ended.
  EXPECT_EQ(read(alive[0], &byte, 1), 0);
  close(alive[0]);
}

TEST(Supervisor, SignalsHaveNames) {
  EXPECT_EQ(SignalText(SIGSEGV), "SIGSEGV (Segmentation fault)");
  EXPECT_EQ(SignalText(SIGKILL), "SIGKILL (Killed)");
}

}  // namespace
}  // namespace minke
