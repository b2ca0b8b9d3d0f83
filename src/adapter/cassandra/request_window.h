// How many bytes may be on their way to the servers at once: more when answers come fast, half when
// a server is overloaded, silent or slow. Measured: beyond 8 MiB a node, more only waits longer.
//
// Additive increase, multiplicative decrease, as in TCP: a window's worth of answers makes it
// kStepBytes larger, if it was in use; a bad answer halves it, but what was sent before the last
// halving says nothing about what came after. Pure; the caller brings the time and the lock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace minke {

struct RequestWindowOptions {
  size_t start_bytes = size_t{4} << 20;
  size_t min_bytes = size_t{512} << 10;
  size_t max_bytes = size_t{8} << 20;  // of one node
  int64_t p99_target_ms = 1000;
};

class RequestWindow {
 public:
  explicit RequestWindow(const RequestWindowOptions& options);

  // One request is let through whatever its size.
  bool HasRoom(size_t bytes) const;
  void Begin(size_t bytes);
  // Whatever its outcome; its bytes were counted since Begin, also while it waited to be sent
  // again.
  void End(size_t bytes);

  // An answer to what was sent at `sent_ms`.
  void Answered(size_t bytes, int64_t sent_ms, int64_t now_ms);
  // No answer in time, or one that says that there is too much to do.
  void Refused(int64_t sent_ms, int64_t now_ms);

  size_t limit_bytes() const { return limit_bytes_; }
  size_t in_flight_bytes() const { return in_flight_bytes_; }

 private:
  static constexpr size_t kStepBytes = size_t{256} << 10;
  static constexpr size_t kSamples = 128;

  void Halve(int64_t now_ms);
  // Of the last kSamples answers; they are then forgotten. -1: fewer have come.
  int64_t TakeP99Ms(int64_t latency_ms);

  RequestWindowOptions options_;
  size_t limit_bytes_;
  size_t in_flight_bytes_ = 0;
  size_t step_rest_ = 0;  // of the additive increase, in bytes times limit_bytes_
  int64_t halved_ms_ = INT64_MIN;
  std::array<int64_t, kSamples> latencies_ms_{};
  size_t latencies_ = 0;
};

}  // namespace minke
