// The machine's own clocks behind the Clock port. Thread-safe.
#pragma once

#include "port/clock.h"

namespace minke {

class SystemClock final : public Clock {
 public:
  int64_t NowMs() const override;
  int64_t UnixMs() const override;
};

}  // namespace minke
