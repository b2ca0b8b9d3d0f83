#include "process.h"

#include <fmt/format.h>

#include "base/check.h"

namespace minke::sim {
namespace {

constexpr uint64_t kCallsWhenDeadMax = 100'000;  // it does not take no for an answer

Process* running_process = nullptr;  // the simulator has one thread

}  // namespace

Process::Process(Machinery* machinery, std::string name, Random random)
    : machinery_(machinery),
      name_(std::move(name)),
      random_(random),
      clock_(&machinery->loop, random_.Between(1'000, 1'000'000), random_.Between(-5'000, 5'000)) {}

void Process::Start() {
  Spawn([this] {
    const int code = Main();
    if (!is_alive_) return;
    exit_code_ = code;
    Say(fmt::format("exits with {}", code));
    is_alive_ = false;
    machinery_->loop.After(0, [this] { Reap(); });
  });
}

void Process::Kill() {
  if (!is_alive_) return;
  Say("is killed");
  is_alive_ = false;
  is_stopped_ = false;
  machinery_->loop.After(0, [this] { Reap(); });
}

void Process::SetStopped(bool is_stopped) {
  if (!is_alive_ || is_stopped == is_stopped_) return;
  Say(is_stopped ? "is stopped" : "is continued");
  is_stopped_ = is_stopped;
  if (is_stopped) return;
  for (const Wait& wait : std::exchange(deferred_, {})) {
    machinery_->loop.After(0, [this, wait] { Resume(wait); });
  }
}

Process* Process::current() { return running_process; }

void Process::Spawn(std::function<void()> body) {
  const uint64_t strand = ++strand_count_;
  strands_[strand].fiber = std::make_unique<Fiber>(std::move(body));
  machinery_->loop.After(0, [this, strand] { Resume({strand, 0}); });
}

void Process::Resume(Wait wait) {
  const auto found = strands_.find(wait.first);
  if (found == strands_.end() || found->second.ticket != wait.second) return;
  if (is_stopped_) return deferred_.push_back(wait);
  ++found->second.ticket;
  running_ = wait.first;
  running_process = this;
  found->second.fiber->Resume();
  running_process = nullptr;
  running_ = 0;
  if (found->second.fiber->is_done()) strands_.erase(found);
}

// Runs what is left to its end: each call on the way comes back at once.
void Process::Reap() {
  if (is_reaping_) return;
  is_reaping_ = true;
  while (!strands_.empty()) {
    Resume({strands_.begin()->first, strands_.begin()->second.ticket});
  }
  Bury();
  is_gone_ = true;
}

Process::Wait Process::Suspended() const {
  MINKE_CHECK(running_process == this);
  return {running_, strands_.at(running_).ticket};
}

void Process::Sleep(int64_t ms) {
  if (!is_alive_) return;
  const Wait wait = Suspended();
  machinery_->loop.After(ms, [this, wait] { Resume(wait); });
  Fiber::Suspend();
}

void Process::WaitUntil(int64_t loop_ms) {
  if (!is_alive_) return;
  if (!is_ready_) {
    waiting_ = Suspended();
    machinery_->loop.At(loop_ms, [this, wait = *waiting_] { Resume(wait); });
    Fiber::Suspend();
    waiting_.reset();
  }
  is_ready_ = false;
}

void Process::Ready() {
  if (is_ready_ || !is_alive_) return;
  is_ready_ = true;
  if (waiting_) machinery_->loop.After(0, [this, wait = *waiting_] { Resume(wait); });
}

bool Process::Lives() {
  if (is_alive_ && machinery_->weather.dies > 0 &&
      random_.Below(1'000'000) < machinery_->weather.dies) {
    Kill();
  }
  if (!is_alive_) MINKE_CHECK(++calls_when_dead_ < kCallsWhenDeadMax);
  return is_alive_;
}

bool Process::Reaches() { return Lives() && !is_cut_from_log && !machinery_->weather.is_log_away; }

AppendFate Process::FateOf(Topic) {
  const Weather& weather = machinery_->weather;
  if (!Lives() || random_.Chance(weather.append_refused)) return {true, {}};
  const auto delay = [&] { return random_.Between(0, weather.append_ms_max); };
  // What is queued when the service goes is refused or lost, or gets there at last.
  if (is_cut_from_log) return {random_.Chance(500), {}};
  if (weather.is_log_away && random_.Chance(667)) return {random_.Chance(500), {}};
  if (weather.is_log_away) return {false, {random_.Between(1, weather.append_late_ms_max)}};
  if (random_.Chance(weather.append_lost)) return {false, {}};
  if (random_.Chance(weather.append_twice)) {
    return {false, {delay(), random_.Between(1, weather.append_late_ms_max)}};
  }
  if (random_.Chance(weather.append_late)) {
    return {false, {random_.Between(1, weather.append_late_ms_max)}};
  }
  return {false, {delay()}};
}

StoreFate Process::FateOf(const std::string& call) {
  const StoreFate fate = DrawFate();
  if (machinery_->has_calls) {
    constexpr const char* kFates[] = {"", " (refused)", " (unanswered)", " (late)", " (dead)"};
    Say(fmt::format("  {}{}", call, kFates[static_cast<size_t>(fate)]));
  }
  return fate;
}

StoreFate Process::DrawFate() {
  const Weather& weather = machinery_->weather;
  if (!Lives()) return StoreFate::kDead;
  if (weather.store_ms_max > 0) Sleep(random_.Between(0, weather.store_ms_max) * slowness);
  if (!Lives()) return StoreFate::kDead;
  if (is_cut_from_store || weather.is_store_away || random_.Chance(weather.store_refused)) {
    return StoreFate::kRefused;
  }
  if (random_.Chance(weather.store_unanswered)) return StoreFate::kUnanswered;
  return random_.Chance(weather.store_late) ? StoreFate::kLate : StoreFate::kDone;
}

bool Process::Returns() {
  if (machinery_->weather.store_ms_max > 0 && is_alive_ && random_.Chance(300)) {
    Sleep(random_.Between(0, machinery_->weather.store_ms_max) * slowness);
  }
  return Lives();
}

int64_t Process::late_ms() { return random_.Between(1, machinery_->weather.store_late_ms_max); }

}  // namespace minke::sim
