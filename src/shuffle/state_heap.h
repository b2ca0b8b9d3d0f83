// Memory for the states that grow: their bytes lie here, beside the table that holds their heads.
//
// Small blocks come in classes of sizes, cut from chunks and used again; a large one has memory of
// its own. Blocks stay where they are until they are freed. A block is never refused, since user
// code asks for it in the middle of a batch: the heap takes what the grant would not give, and says
// so (is_over_budget), so that the table spills after the batch. Every byte of a block, and
// MINKE_READABLE_BEYOND behind it, may be read. Used by one thread while it changes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include <minke/abi.h>

#include "base/memory_accountant.h"

namespace minke {

class StateHeap {
 public:
  explicit StateHeap(MemoryGrant* grant);
  ~StateHeap();
  StateHeap(const StateHeap&) = delete;
  StateHeap& operator=(const StateHeap&) = delete;

  struct Block {
    char* data;
    uint32_t capacity;
  };
  Block Get(uint32_t bytes);
  void Free(Block block);
  // A block of at least `bytes` with the first `kept` bytes of `block`, which is freed. Repeated,
  // it copies each byte a few times only.
  Block Regrow(Block block, uint32_t bytes, uint32_t kept);

  // A new state of a user's aggregate: empty, and grown here.
  minke_growing EmptyState() { return {nullptr, 0, 0, &Grow, this}; }

  // Whether it holds more than the grant would give.
  bool is_over_budget() const { return is_over_budget_; }
  uint64_t used_bytes() const { return used_; }
  // Frees all blocks, and gives their memory back to the grant.
  void Clear();
  // Keeps its memory when the grant is gone; from now on it is only read.
  void LeaveGrant();

 private:
  static constexpr size_t kClasses = 64;
  struct FreeBlock {
    FreeBlock* next;
  };

  static void Grow(minke_growing* state, uint32_t bytes);
  void Take(size_t bytes);
  void AddChunk(size_t block_bytes);
  char* Large(char* old, size_t index, uint32_t capacity);

  MemoryGrant* grant_;
  MemoryGrant own_grant_;
  size_t step_;       // what it takes from the grant at once, at most
  size_t small_max_;  // larger blocks have memory of their own
  size_t taken_ = 0;
  uint64_t used_ = 0;
  bool is_over_budget_ = false;
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;  // in the last chunk
  size_t left_ = 0;
  std::array<FreeBlock*, kClasses> free_{};
  std::vector<char*> large_;  // each begins with its index here
};

}  // namespace minke
