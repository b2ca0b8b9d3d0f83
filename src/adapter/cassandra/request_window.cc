#include "adapter/cassandra/request_window.h"

#include <algorithm>

#include "base/check.h"

namespace minke {

RequestWindow::RequestWindow(const RequestWindowOptions& options)
    : options_(options),
      limit_bytes_(std::clamp(options.start_bytes, options.min_bytes,
                              std::max(options.min_bytes, options.max_bytes))) {}

bool RequestWindow::HasRoom(size_t bytes) const {
  return in_flight_bytes_ == 0 || in_flight_bytes_ + bytes <= limit_bytes_;
}

void RequestWindow::Begin(size_t bytes) { in_flight_bytes_ += bytes; }

void RequestWindow::End(size_t bytes) {
  MINKE_CHECK(bytes <= in_flight_bytes_);
  in_flight_bytes_ -= bytes;
}

void RequestWindow::Answered(size_t bytes, int64_t sent_ms, int64_t now_ms) {
  const int64_t p99_ms = TakeP99Ms(now_ms - sent_ms);
  if (p99_ms > options_.p99_target_ms) {
    if (sent_ms >= halved_ms_) Halve(now_ms);
    return;
  }
  // A window that nobody fills says nothing about a larger one, and a slow answer nothing good.
  if (in_flight_bytes_ * 2 < limit_bytes_ || now_ms - sent_ms > options_.p99_target_ms) return;
  step_rest_ += kStepBytes * bytes;
  const size_t more = step_rest_ / limit_bytes_;
  step_rest_ -= more * limit_bytes_;
  limit_bytes_ = std::max(limit_bytes_, std::min(limit_bytes_ + more, options_.max_bytes));
}

void RequestWindow::Refused(int64_t sent_ms, int64_t now_ms) {
  if (sent_ms >= halved_ms_) Halve(now_ms);
}

void RequestWindow::Halve(int64_t now_ms) {
  limit_bytes_ = std::max(limit_bytes_ / 2, options_.min_bytes);
  halved_ms_ = now_ms;
  step_rest_ = 0;
  latencies_ = 0;
}

int64_t RequestWindow::TakeP99Ms(int64_t latency_ms) {
  latencies_ms_[latencies_++] = latency_ms;
  if (latencies_ < kSamples) return -1;
  latencies_ = 0;
  auto* const at = latencies_ms_.begin() + kSamples * 99 / 100;
  std::nth_element(latencies_ms_.begin(), at, latencies_ms_.end());
  return *at;
}

}  // namespace minke
