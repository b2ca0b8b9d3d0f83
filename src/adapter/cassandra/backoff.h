// When to send again what has failed: twice as long after every failure, up to a bound, and a
// random part of that, so that those who failed together do not come back together. Pure.
#pragma once

#include <cstdint>

namespace minke {

class Backoff {
 public:
  static constexpr int64_t kFirstMs = 50;
  static constexpr int64_t kMostMs = 5000;

  // `seed` should differ between those who back off.
  explicit Backoff(uint64_t seed) : random_(seed) {}

  // How long to wait after one more failure: between half of its step and all of it.
  int64_t NextMs();

 private:
  uint64_t random_;
  int64_t step_ms_ = kFirstMs;
};

}  // namespace minke
