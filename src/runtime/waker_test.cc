#include "runtime/waker.h"

#include <cerrno>
#include <csignal>
#include <gtest/gtest.h>
#include <thread>

namespace minke {
namespace {

// A wait that nobody ends would outlast the test's own time-out: to return is to have been woken.
constexpr int64_t kForeverMs = 3'600'000;

Waker* signalled = nullptr;
volatile std::sig_atomic_t errno_after_wake = 0;

TEST(Waker, AWakeBeforeTheWaitIsNotLost) {
  Waker waker;
  waker.Wake();
  waker.Wait(kForeverMs);
}

TEST(Waker, AnotherThreadWakes) {
  Waker waker;
  for (int i = 0; i < 100; ++i) {
    const std::jthread other([&] { waker.Wake(); });
    waker.Wait(kForeverMs);
  }
}

TEST(Waker, ASignalHandlerWakesAndLeavesErrnoAlone) {
  Waker waker;
  signalled = &waker;
  errno_after_wake = 0;
  const auto before = std::signal(SIGUSR1, [](int) {
    const int saved = errno;
    errno = 77;
    signalled->Wake();
    errno_after_wake = errno;
    errno = saved;
  });
  std::raise(SIGUSR1);
  EXPECT_EQ(errno_after_wake, 77);
  waker.Wait(kForeverMs);
  std::signal(SIGUSR1, before);
}

TEST(Waker, AWaitOfNoTimeReturnsAtOnceWokenOrNot) {
  Waker waker;
  waker.Wait(0);
  waker.Wait(-5);
  waker.Wake();
  waker.Wait(0);
}

}  // namespace
}  // namespace minke
