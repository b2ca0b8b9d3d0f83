// What a brain wants done, carried out in order; an effect that meets a service that is away waits,
// and those behind it with it, and is tried again: after 100 ms, then after twice as long each
// time, 2 s at most. Patience says when such waiting has lasted too long. Used by one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"

namespace minke {

// How long a service has been away, as those who call it see it.
class Patience {
 public:
  void Failed(int64_t now_ms, Error error) {
    if (!error_) since_ms_ = now_ms;
    retry_ms_ = error_ ? std::min<int64_t>(2 * retry_ms_, 2'000) : 100;
    retry_at_ms_ = now_ms + retry_ms_;
    error_ = std::move(error);
  }
  void Answered() { error_.reset(); }

  bool is_waiting() const { return error_.has_value(); }
  // The service may be called.
  bool IsDue(int64_t now_ms) const { return !error_ || now_ms >= retry_at_ms_; }
  // INT64_MAX: not waiting.
  int64_t retry_at_ms() const {
    return error_ ? retry_at_ms_ : std::numeric_limits<int64_t>::max();
  }
  // The last error, if the service has been away for longer than that.
  const Error* Lost(int64_t now_ms, int64_t timeout_ms) const {
    return error_ && now_ms - since_ms_ > timeout_ms ? &*error_ : nullptr;
  }

 private:
  std::optional<Error> error_;
  int64_t since_ms_ = 0;
  int64_t retry_ms_ = 0;
  int64_t retry_at_ms_ = 0;
};

template <typename Effect>
class EffectQueue {
 public:
  void Add(Effect effect) { effects_.push_back(std::move(effect)); }
  void Add(std::vector<Effect> effects) {
    for (Effect& effect : effects) Add(std::move(effect));
  }

  // `carry(effect)` may be called again with an effect that it answered with kUnavailable. True:
  // something was carried out. An error that is not kUnavailable ends the call; its effect is gone.
  template <typename Carry>
  Result<bool> CarryOut(int64_t now_ms, Carry carry) {
    if (!patience_.IsDue(now_ms)) return false;
    bool went_on = false;
    while (!effects_.empty()) {
      Status carried = carry(effects_.front());
      if (!carried && carried.error().code == ErrorCode::kUnavailable) {
        patience_.Failed(now_ms, std::move(carried).error());
        return went_on;
      }
      patience_.Answered();
      effects_.pop_front();
      if (!carried) return std::move(carried).error();
      went_on = true;
    }
    return went_on;
  }

  // Those of which `is_needless` is true are not carried out. Returns how many there were.
  template <typename Predicate>
  size_t Drop(Predicate is_needless) {
    const size_t dropped = std::erase_if(effects_, is_needless);
    if (effects_.empty()) patience_.Answered();
    return dropped;
  }

  const Patience& patience() const { return patience_; }

 private:
  std::deque<Effect> effects_;
  Patience patience_;
};

}  // namespace minke
