#include "adapter/system_clock.h"

#include <ctime>

namespace minke {
namespace {

int64_t Read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

int64_t SystemClock::NowMs() const { return Read(CLOCK_MONOTONIC); }

int64_t SystemClock::UnixMs() const { return Read(CLOCK_REALTIME); }

}  // namespace minke
