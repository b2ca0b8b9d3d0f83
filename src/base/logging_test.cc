#include "base/logging.h"

#include <cstdlib>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <regex>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace minke {
namespace {

// What `write` puts on standard error, in a child whose standard error is `theirs` and can be read
// from `mine`.
template <typename Write>
std::string Written(int mine, int theirs, Write write) {
  const pid_t child = fork();
  if (child == 0) {
    dup2(theirs, STDERR_FILENO);
    write();
    _exit(0);
  }
  close(theirs);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(mine, buffer, sizeof(buffer))) > 0;) {
    text.append(buffer, static_cast<size_t>(n));
  }
  close(mine);
  waitpid(child, nullptr, 0);
  return text;
}

template <typename Write>
std::string WrittenToAPipe(Write write) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  return Written(ends[0], ends[1], write);
}

template <typename Write>
std::string WrittenToATerminal(Write write) {
  const int mine = posix_openpt(O_RDWR | O_NOCTTY);
  EXPECT_EQ(grantpt(mine) | unlockpt(mine), 0);
  setenv("TERM", "xterm-256color", 1);
  return Written(mine, open(ptsname(mine), O_RDWR | O_NOCTTY), write);
}

// The lines without their times.
std::string Timeless(const std::string& text) {
  return std::regex_replace(text, std::regex("(^|\n)\\d\\d:\\d\\d:\\d\\dZ "), "$1");
}

TEST(Logging, ALineHasTimeLevelRoleAndText) {
  const std::string text = WrittenToAPipe([] {
    StartLogging({.role = "worker", .level = LogLevel::kDebug});
    WriteLog(LogLevel::kInfo, "two files");
  });
  EXPECT_TRUE(std::regex_match(text, std::regex(R"(\d\d:\d\d:\d\dZ info worker: two files\n)")))
      << text;
}

TEST(Logging, LinesBelowTheLevelAreNotWritten) {
  const std::string text = WrittenToAPipe([] {
    StartLogging({.role = "master", .level = LogLevel::kWarning});
    WriteLog(LogLevel::kDebug, "a");
    LogFormatted(LogLevel::kInfo, "{}", "b");
    LogFormatted(LogLevel::kWarning, "{} of {}", 3, 4);
    WriteLog(LogLevel::kError, "d");
    StartLogging({.role = "master", .level = LogLevel::kOff});
    WriteLog(LogLevel::kError, "e");
  });
  EXPECT_EQ(Timeless(text), "warning master: 3 of 4\nerror master: d\n");
}

TEST(Logging, BeforeTheStartDefaultsHold) {
  const std::string text = WrittenToAPipe([] {
    WriteLog(LogLevel::kInfo, "a");
    WriteLog(LogLevel::kWarning, "b");
  });
  EXPECT_EQ(Timeless(text), "warning minke: b\n");
}

TEST(Logging, TextCanNeitherForgeALineNorDriveTheTerminal) {
  const std::string text = WrittenToAPipe([] {
    StartLogging({.role = "job", .level = LogLevel::kDebug});
    LogUserText(3, "one\n00:00:00Z error job: two\x1b[2J\x7f\n");
    LogUserText(99, "tab\there, \xc3\xa9 and {} %v stay");
  });
  EXPECT_EQ(Timeless(text),
            "error job: one\\x0a00:00:00Z error job: two\\x1b[2J\\x7f\n"
            "info job: tab\there, \xc3\xa9 and {} %v stay\n");
}

TEST(Logging, OnlyATerminalGetsColours) {
  const auto write = [] {
    StartLogging({.role = "minke", .level = LogLevel::kInfo});
    WriteLog(LogLevel::kError, "red");
  };
  EXPECT_NE(WrittenToATerminal(write).find("\x1b["), std::string::npos);
  EXPECT_EQ(WrittenToAPipe(write).find("\x1b["), std::string::npos);
  setenv("NO_COLOR", "1", 1);
  EXPECT_EQ(WrittenToATerminal(write).find("\x1b["), std::string::npos);
  unsetenv("NO_COLOR");
}

TEST(Logging, AClosedStandardErrorIsNoError) {
  const std::string text = WrittenToAPipe([] {
    close(STDERR_FILENO);
    StartLogging({.role = "minke", .level = LogLevel::kInfo});
    WriteLog(LogLevel::kError, "nobody reads this");
  });
  EXPECT_EQ(text, "");
}

TEST(ParseLogLevel, KnowsItsNames) {
  LogLevel level = LogLevel::kInfo;
  EXPECT_TRUE(ParseLogLevel("debug", &level));
  EXPECT_EQ(level, LogLevel::kDebug);
  EXPECT_TRUE(ParseLogLevel("off", &level));
  EXPECT_EQ(level, LogLevel::kOff);
  EXPECT_FALSE(ParseLogLevel("loud", &level));
  EXPECT_EQ(level, LogLevel::kOff);
}

}  // namespace
}  // namespace minke
