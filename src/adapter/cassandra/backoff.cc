#include "adapter/cassandra/backoff.h"

#include <algorithm>

namespace minke {

int64_t Backoff::NextMs() {
  // splitmix64 (Steele, Lea, Flood 2014).
  random_ += 0x9e3779b97f4a7c15;
  uint64_t bits = random_;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  bits ^= bits >> 31;
  const int64_t half_ms = step_ms_ / 2;
  const int64_t wait_ms = half_ms + static_cast<int64_t>(bits % static_cast<uint64_t>(half_ms + 1));
  step_ms_ = std::min(step_ms_ * 2, kMostMs);
  return wait_ms;
}

}  // namespace minke
