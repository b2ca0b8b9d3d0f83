// Time, as a port: real in production, simulated in tests.
#pragma once

#include <cstdint>

namespace minke {

class Clock {
 public:
  virtual ~Clock() = default;
  // Monotonic milliseconds; the zero is arbitrary. Leases and time-outs use only this.
  virtual int64_t NowMs() const = 0;
  // Milliseconds since 1970 UTC, for people and records; never compared across machines.
  virtual int64_t UnixMs() const = 0;
};

}  // namespace minke
