#include "runtime/http/gate_askers.h"

#include <algorithm>

namespace minke {
namespace {

constexpr int64_t kLateMs = 10'000;
constexpr size_t kAskersMax = 100'000;  // no cluster has so many pods: ids are made up

}  // namespace

void GateAskers::Waits(proto::PhaseKind role, uint64_t asker, int64_t now_ms, int64_t retry_ms) {
  const std::lock_guard lock(mutex_);
  const std::pair key(role, asker);
  if (expected_ms_.size() >= kAskersMax && !expected_ms_.contains(key)) return;
  expected_ms_[key] = now_ms + retry_ms + kLateMs;
}

void GateAskers::Leaves(proto::PhaseKind role, uint64_t asker) {
  const std::lock_guard lock(mutex_);
  expected_ms_.erase({role, asker});
}

uint32_t GateAskers::waiting(proto::PhaseKind role, int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  std::erase_if(expected_ms_, [&](const auto& entry) { return entry.second < now_ms; });
  return static_cast<uint32_t>(std::ranges::count_if(
      expected_ms_, [&](const auto& entry) { return entry.first.first == role; }));
}

uint32_t GateAskers::waiting() const {
  const std::lock_guard lock(mutex_);
  return static_cast<uint32_t>(expected_ms_.size());
}

}  // namespace minke
