#include "runtime/crash_mark.h"

#include <csignal>
#include <gtest/gtest.h>
#include <thread>

#include "runtime/supervisor.h"

namespace minke {
namespace {

// Ends in a stack overflow, however clever the compiler.
int Overflow(int depth) {
  volatile char frame[4096];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : Overflow(depth + 1) + frame[0];
}

ChildEnd CrashWith(const SharedPages& pages, const std::function<void()>& crash) {
  return Supervise({}, pages, [&] {
    InstallCrashMarks();
    std::thread other([&] {
      const CrashMark mark(&pages.pages()[0]);
      std::thread([&] {
        const CrashMark inner(&pages.pages()[1]);
        crash();
      }).join();
    });
    other.join();
    return 0;
  });
}

TEST(CrashMark, MarksTheSlotOfTheThreadThatFaulted) {
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT}) {
    const SharedPages pages(2);
    const ChildEnd end = CrashWith(pages, [signal] { std::raise(signal); });
    EXPECT_EQ(end.signal, signal) << "the signal still does what it did";
    EXPECT_EQ(pages.pages()[0].crashed.load(), 0u);
    EXPECT_EQ(pages.pages()[1].crashed.load(), 1u);
  }
}

TEST(CrashMark, MarksAStackOverflowToo) {
  const SharedPages pages(2);
  const ChildEnd end = CrashWith(pages, [] { Overflow(0); });
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_EQ(pages.pages()[1].crashed.load(), 1u);
}

TEST(CrashMark, AThreadWithoutAMarkMarksNobody) {
  const SharedPages pages(1);
  const ChildEnd end = Supervise({}, pages, [&] {
    InstallCrashMarks();
    {
      const CrashMark gone(&pages.pages()[0]);
    }
    return std::raise(SIGSEGV);
  });
  EXPECT_EQ(end.signal, SIGSEGV);
  EXPECT_EQ(pages.pages()[0].crashed.load(), 0u);
}

}  // namespace
}  // namespace minke
