#include "runtime/slot_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "runtime/crash_mark.h"

namespace minke {
namespace {

struct Work {
  const JobContext* context;
  AttemptSpec spec;
};

}  // namespace

struct ThreadSlotPool::State {
  struct Thread {
    Slot slot;
    std::mutex mutex;  // guards `work` and `is_closing`
    std::condition_variable changed;
    std::optional<Work> work;
    bool is_closing = false;
    bool is_busy = false;  // control thread only
    std::thread thread;
  };

  std::span<const SlotPage> pages;
  Waker* waker = nullptr;
  std::deque<Thread> threads;  // a deque: threads do not move
  std::mutex mutex;            // guards `ended`
  std::vector<AttemptEnd> ended;

  void Loop(size_t index) {
    Thread& self = threads[index];
    const CrashMark mark(self.slot.page);
    for (;;) {
      Work work{};
      {
        std::unique_lock lock(self.mutex);
        self.changed.wait(lock, [&] { return self.work.has_value() || self.is_closing; });
        if (!self.work.has_value()) return;
        work = *std::exchange(self.work, std::nullopt);
      }
      AttemptEnd end{.slot = index,
                     .attempt = work.spec.id,
                     .result = RunAttempt(*work.context, work.spec, self.slot),
                     .missing_map_tasks = self.slot.missing_map_tasks};
      {
        const std::lock_guard lock(mutex);
        ended.push_back(std::move(end));
      }
      waker->Wake();
    }
  }
};

ThreadSlotPool::ThreadSlotPool(std::span<SlotPage> pages, Waker* waker)
    : state_(std::make_unique<State>()) {
  state_->pages = pages;
  state_->waker = waker;
  for (SlotPage& page : pages) state_->threads.emplace_back().slot.page = &page;
  for (size_t i = 0; i < pages.size(); ++i) {
    state_->threads[i].thread = std::thread([state = state_.get(), i] { state->Loop(i); });
  }
}

ThreadSlotPool::~ThreadSlotPool() {
  for (State::Thread& thread : state_->threads) {
    thread.slot.cancelled.store(true, std::memory_order_relaxed);
    {
      const std::lock_guard lock(thread.mutex);
      thread.is_closing = true;
    }
    thread.changed.notify_one();
  }
  for (State::Thread& thread : state_->threads) thread.thread.join();
}

void ThreadSlotPool::Start(size_t slot, const JobContext* context, AttemptSpec spec) {
  State::Thread& thread = state_->threads[slot];
  MINKE_CHECK(!thread.is_busy);
  thread.is_busy = true;
  thread.slot.cancelled.store(false, std::memory_order_relaxed);
  {
    const std::lock_guard lock(thread.mutex);
    thread.work = Work{context, std::move(spec)};
  }
  thread.changed.notify_one();
}

void ThreadSlotPool::Cancel(size_t slot) {
  state_->threads[slot].slot.cancelled.store(true, std::memory_order_relaxed);
}

std::vector<AttemptEnd> ThreadSlotPool::Ended() {
  std::vector<AttemptEnd> ended;
  {
    const std::lock_guard lock(state_->mutex);
    ended.swap(state_->ended);
  }
  for (const AttemptEnd& end : ended) state_->threads[end.slot].is_busy = false;
  return ended;
}

std::span<const SlotPage> ThreadSlotPool::pages() const { return state_->pages; }

size_t ThreadSlotPool::slots() const { return state_->threads.size(); }

size_t ThreadSlotPool::running() const {
  size_t running = 0;
  for (const State::Thread& thread : state_->threads) running += thread.is_busy ? 1 : 0;
  return running;
}

}  // namespace minke
