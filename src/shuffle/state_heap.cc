#include "shuffle/state_heap.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace minke {
namespace {

constexpr size_t kUnit = 16;
constexpr size_t kStepMin = 1 << 10;
constexpr size_t kStepMax = 1 << 20;
constexpr size_t kLargeHead = 16;

// Classes of sizes, in units: 1 2 3 4, 5 6 7 8, 10 12 14 16, 20 24 28 32, …
size_t ClassOf(size_t bytes) {
  const size_t last_unit = (std::max<size_t>(bytes, 1) - 1) / kUnit;
  if (last_unit < 4) return last_unit;
  const auto shift = static_cast<size_t>(std::bit_width(last_unit)) - 3;
  return 4 * shift + (last_unit >> shift);
}

size_t BytesOf(size_t size_class) {
  if (size_class < 4) return (size_class + 1) * kUnit;
  return ((4 + size_class % 4 + 1) << (size_class / 4 - 1)) * kUnit;
}

}  // namespace

StateHeap::StateHeap(MemoryGrant* grant)
    : grant_(grant),
      step_(std::clamp(grant->limit_bytes() / 16, kStepMin, kStepMax)),
      small_max_(BytesOf(ClassOf(step_ / 8))) {}

StateHeap::~StateHeap() { Clear(); }

// A first step is had at any rate, so that a table always gets on.
void StateHeap::Take(size_t bytes) {
  if (!grant_->TryTake(bytes)) {
    grant_->Take(bytes);
    if (taken_ + bytes > 2 * step_) is_over_budget_ = true;
  }
  taken_ += bytes;
}

// Chunks double up to the step: a heap of few states is small.
void StateHeap::AddChunk(size_t block_bytes) {
  const size_t bytes = std::max(4 * block_bytes, std::clamp(taken_, kStepMin, step_));
  Take(bytes + MINKE_READABLE_BEYOND);
  chunks_.push_back(std::make_unique_for_overwrite<char[]>(bytes + MINKE_READABLE_BEYOND));
  std::memset(chunks_.back().get() + bytes, 0, MINKE_READABLE_BEYOND);
  next_ = chunks_.back().get();
  left_ = bytes;
}

// Makes a large block, or makes `old` (its memory, at `index`) larger.
char* StateHeap::Large(char* old, size_t index, uint32_t capacity) {
  const size_t bytes = kLargeHead + capacity + MINKE_READABLE_BEYOND;
  auto* memory = static_cast<char*>(std::realloc(old, bytes));
  MINKE_CHECK(memory != nullptr);
  StoreLe<uint64_t>(memory, index);
  large_[index] = memory;
  return memory + kLargeHead;
}

StateHeap::Block StateHeap::Get(uint32_t bytes) {
  const size_t size_class = ClassOf(bytes);
  const size_t size = BytesOf(size_class);
  if (bytes > small_max_) {
    Take(kLargeHead + bytes + MINKE_READABLE_BEYOND);
    used_ += bytes;
    large_.push_back(nullptr);
    return {Large(nullptr, large_.size() - 1, bytes), bytes};
  }
  used_ += size;
  if (FreeBlock* block = free_[size_class]; block != nullptr) {
    free_[size_class] = block->next;
    return {reinterpret_cast<char*>(block), static_cast<uint32_t>(size)};
  }
  if (left_ < size) AddChunk(size);
  left_ -= size;
  char* block = std::exchange(next_, next_ + size);
  return {block, static_cast<uint32_t>(size)};
}

void StateHeap::Free(Block block) {
  if (block.data == nullptr) return;
  used_ -= block.capacity;
  if (block.capacity <= small_max_) {
    FreeBlock*& first = free_[ClassOf(block.capacity)];
    first = new (block.data) FreeBlock{first};
    return;
  }
  char* memory = block.data - kLargeHead;
  const auto index = LoadLe<uint64_t>(memory);
  large_[index] = large_.back();
  StoreLe<uint64_t>(large_[index], index);
  large_.pop_back();
  std::free(memory);
  const size_t bytes = kLargeHead + block.capacity + MINKE_READABLE_BEYOND;
  grant_->GiveBack(bytes);
  taken_ -= bytes;
}

StateHeap::Block StateHeap::Regrow(Block block, uint32_t bytes, uint32_t kept) {
  if (bytes <= block.capacity) return block;
  const uint64_t half_more = uint64_t{block.capacity} + block.capacity / 2;
  const auto wanted = static_cast<uint32_t>(std::clamp<uint64_t>(half_more, bytes, UINT32_MAX));
  if (block.data != nullptr && block.capacity > small_max_) {
    Take(wanted - block.capacity);
    used_ += wanted - block.capacity;
    char* memory = block.data - kLargeHead;
    return {Large(memory, LoadLe<uint64_t>(memory), wanted), wanted};
  }
  const Block larger = Get(wanted);
  if (block.data != nullptr) {
    std::memcpy(larger.data, block.data, std::min(kept, block.capacity));
  }
  Free(block);
  return larger;
}

void StateHeap::Grow(minke_growing* state, uint32_t bytes) {
  auto* heap = static_cast<StateHeap*>(state->context);
  const Block block = heap->Regrow({state->data, state->capacity}, bytes, state->size);
  state->data = block.data;
  state->capacity = block.capacity;
}

void StateHeap::Clear() {
  for (char* memory : large_) std::free(memory);
  large_.clear();
  chunks_.clear();
  free_.fill(nullptr);
  next_ = nullptr;
  left_ = 0;
  grant_->GiveBack(std::exchange(taken_, 0));
  used_ = 0;
  is_over_budget_ = false;
}

void StateHeap::LeaveGrant() {
  own_grant_ = grant_->Split(taken_);
  grant_ = &own_grant_;
}

}  // namespace minke
