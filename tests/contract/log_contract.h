// What every Log must do, as one suite over all adapters: log_contract.cc holds the tests, an
// adapter's test file names its kind with INSTANTIATE_TEST_SUITE_P.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <ostream>
#include <string>
#include <vector>

#include "port/log.h"

namespace minke {

// Where the logs of one job live: for the length of a test.
class LogPlace {
 public:
  virtual ~LogPlace() = default;
  // A log as one process opens it; topics are as the logs opened before have left them.
  virtual std::unique_ptr<Log> Open() = 0;
};

struct LogKind {
  std::string name;
  // Whether messages outlive the log, and several logs may be open at once.
  bool is_shared = false;
  std::function<std::unique_ptr<LogPlace>()> make;
};

inline void PrintTo(const LogKind& kind, std::ostream* out) { *out << kind.name; }

// Counts the calls of a log's `ready`, and waits for them. Outlives the log.
class ReadyCount {
 public:
  explicit ReadyCount(Log& log) {
    log.OnReady([this] {
      const std::lock_guard hold(mutex_);
      ++calls_;
      changed_.notify_all();
    });
  }

  // Until `is_true`, which is looked at again after every call. False: it took too long.
  bool WaitUntil(const std::function<bool()>& is_true) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (int seen = calls(); !is_true(); seen = calls()) {
      std::unique_lock hold(mutex_);
      if (!changed_.wait_until(hold, deadline, [&] { return calls_ != seen; })) return false;
    }
    return true;
  }

  int calls() const {
    const std::lock_guard hold(mutex_);
    return calls_;
  }

 private:
  mutable std::mutex mutex_;  // guards calls_
  std::condition_variable changed_;
  int calls_ = 0;
};

class LogContract : public testing::TestWithParam<LogKind> {
 protected:
  void SetUp() override { place_ = GetParam().make(); }

  // A log that was created.
  std::unique_ptr<Log> Created();
  // Appends; waits where the send queue is full.
  static void Append(Log& log, Topic topic, const std::string& bytes);
  // The next `count` messages, waited for.
  static std::vector<LogMessage> ReadOn(Log& log, LogReader& reader, size_t count);
  static std::vector<std::string> Texts(const std::vector<LogMessage>& messages);

  std::unique_ptr<LogPlace> place_;
};

}  // namespace minke
