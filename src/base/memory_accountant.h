// The memory accountant: one per process. It knows the budget, and hands out grants; whoever needs
// a lot of memory (sorter arenas, aggregate tables, read buffers, kept segments) asks its grant
// first, and spills when refused. Thread-safe without locks.
#pragma once

#include <atomic>
#include <cstddef>

namespace minke {

class MemoryAccountant {
 public:
  explicit MemoryAccountant(size_t budget_bytes) : budget_(budget_bytes) {}
  MemoryAccountant(const MemoryAccountant&) = delete;
  MemoryAccountant& operator=(const MemoryAccountant&) = delete;

  // Takes `bytes` if the budget still holds them.
  bool TryReserve(size_t bytes);
  // Takes them whatever the budget says: for the bytes without which nothing would go on.
  void Reserve(size_t bytes);
  void Release(size_t bytes);

  size_t budget_bytes() const { return budget_; }
  size_t reserved_bytes() const { return reserved_.load(std::memory_order_relaxed); }

 private:
  const size_t budget_;
  std::atomic<size_t> reserved_{0};
};

// One task's or one keeper's part of the budget, given back when it is destroyed. Used by one
// thread at a time.
class MemoryGrant {
 public:
  MemoryGrant() = default;
  // May hold up to `limit_bytes`, as far as the accountant has them.
  MemoryGrant(MemoryAccountant* accountant, size_t limit_bytes)
      : accountant_(accountant), limit_(limit_bytes) {}
  MemoryGrant(MemoryGrant&& other) noexcept;
  MemoryGrant& operator=(MemoryGrant&& other) noexcept;
  ~MemoryGrant();

  // False: over the limit or the budget; the caller must spill.
  bool TryTake(size_t bytes);
  // Takes at any rate, so that one record always makes progress.
  void Take(size_t bytes);
  void GiveBack(size_t bytes);
  // Splits off `bytes` that are already taken, to live longer than this grant.
  MemoryGrant Split(size_t bytes);

  size_t limit_bytes() const { return limit_; }
  size_t taken_bytes() const { return taken_; }

 private:
  MemoryAccountant* accountant_ = nullptr;
  size_t limit_ = 0;
  size_t taken_ = 0;
};

}  // namespace minke
