// Virtual time: what happens when, in one thread. Events of one instant come in the order in which
// they were asked for; same calls, same order. With it the trace, in which every event that matters
// is a line.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>

#include "port/clock.h"

namespace minke::sim {

inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

class Loop {
 public:
  int64_t now_ms() const { return now_ms_; }
  void At(int64_t ms, std::function<void()> event) {
    if (ms != kNever) events_.emplace(std::pair(std::max(ms, now_ms_), ++count_), std::move(event));
  }
  void After(int64_t ms, std::function<void()> event) { At(now_ms_ + ms, std::move(event)); }
  // The next event, and time goes on to it. False: there is none before or at `until_ms`, which it
  // is now.
  bool Step(int64_t until_ms) {
    if (events_.empty() || events_.begin()->first.first > until_ms) {
      now_ms_ = std::max(now_ms_, until_ms);
      return false;
    }
    now_ms_ = events_.begin()->first.first;
    const std::function<void()> event = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    event();
    return true;
  }
  uint64_t events() const { return count_; }  // ever asked for

 private:
  int64_t now_ms_ = 0;
  uint64_t count_ = 0;
  std::map<std::pair<int64_t, uint64_t>, std::function<void()>> events_;
};

// A machine's clocks: its monotonic one begins anywhere, its calendar is a little wrong.
class MachineClock final : public Clock {
 public:
  MachineClock(const Loop* loop, int64_t begin_ms, int64_t skew_ms)
      : loop_(loop), begin_ms_(begin_ms), skew_ms_(skew_ms) {}
  int64_t NowMs() const override { return begin_ms_ + loop_->now_ms(); }
  int64_t UnixMs() const override { return 1'700'000'000'000 + skew_ms_ + loop_->now_ms(); }
  // What the loop calls a moment of this clock.
  int64_t OnLoop(int64_t own_ms) const { return own_ms == kNever ? kNever : own_ms - begin_ms_; }

 private:
  const Loop* loop_;
  int64_t begin_ms_;
  int64_t skew_ms_;
};

class Trace {
 public:
  explicit Trace(const Loop* loop) : loop_(loop) {}
  std::function<void(const std::string& line)> sink;  // none: nobody reads it
  void Say(const std::string& who, const std::string& what);

 private:
  const Loop* loop_;
};

}  // namespace minke::sim
