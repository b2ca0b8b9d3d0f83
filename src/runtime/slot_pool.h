// The slots of a worker, each of which runs one attempt at a time. The worker starts and cancels
// attempts and collects what ended; how they run is the pool's business: a thread per slot in every
// process of minke, one after the other within virtual time in the simulator.
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

// Used by the control thread.
class SlotPool {
 public:
  virtual ~SlotPool() = default;
  // `context` must stay until the attempt has ended; the slot must be idle.
  virtual void Start(size_t slot, const JobContext* context, AttemptSpec spec) = 0;
  // Asks the slot's attempt to end soon; it still ends through Ended.
  virtual void Cancel(size_t slot) = 0;
  // Attempts that have ended since the last call.
  virtual std::vector<AttemptEnd> Ended() = 0;
  virtual size_t slots() const = 0;
  virtual std::span<const SlotPage> pages() const = 0;
  virtual size_t running() const = 0;
};

// A thread per slot; they only work, and drop their result into a mailbox.
class ThreadSlotPool final : public SlotPool {
 public:
  // One slot per page; `waker` is poked when an attempt has ended. All outlive the pool.
  ThreadSlotPool(std::span<SlotPage> pages, Waker* waker);
  ~ThreadSlotPool() override;  // cancels and waits for what still runs
  ThreadSlotPool(const ThreadSlotPool&) = delete;
  ThreadSlotPool& operator=(const ThreadSlotPool&) = delete;

  void Start(size_t slot, const JobContext* context, AttemptSpec spec) override;
  void Cancel(size_t slot) override;
  std::vector<AttemptEnd> Ended() override;
  size_t slots() const override;
  std::span<const SlotPage> pages() const override;
  size_t running() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
