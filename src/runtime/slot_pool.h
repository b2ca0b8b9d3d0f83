// The slots of a worker: one thread each, which runs one attempt at a time. The control thread
// starts and cancels attempts and collects what ended; slot threads only work and drop their result
// into a mailbox.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "runtime/waker.h"
#include "task/attempt.h"
#include "task/slot.h"

namespace minke {

struct AttemptEnd {
  size_t slot = 0;
  AttemptId attempt;
  Result<proto::Report> result;
  std::vector<uint32_t> missing_map_tasks;
};

class SlotPool {
 public:
  // One slot per page; `waker` is poked when an attempt has ended. All outlive the pool.
  SlotPool(std::span<SlotPage> pages, Waker* waker);
  ~SlotPool();  // cancels and waits for what still runs
  SlotPool(const SlotPool&) = delete;
  SlotPool& operator=(const SlotPool&) = delete;

  // `context` must stay until the attempt has ended; the slot must be idle.
  void Start(size_t slot, const JobContext* context, AttemptSpec spec);
  // Asks the slot's attempt to end soon; it still ends through Ended.
  void Cancel(size_t slot);
  // Attempts that have ended since the last call.
  std::vector<AttemptEnd> Ended();
  size_t slots() const;
  std::span<const SlotPage> pages() const;
  size_t running() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
