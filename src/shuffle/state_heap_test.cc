#include "shuffle/state_heap.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace minke {
namespace {

struct Held {
  StateHeap::Block block;
  std::string content;
};

// Fills a block to its capacity with bytes of its own.
void Fill(Held& held, std::mt19937& random) {
  held.content.assign(held.block.capacity, static_cast<char>(random()));
  std::memcpy(held.block.data, held.content.data(), held.content.size());
}

uint32_t AnySize(std::mt19937& random) {
  return static_cast<uint32_t>(random() % (1U << random() % 14));
}

class StateHeapOf : public testing::TestWithParam<size_t> {};

TEST_P(StateHeapOf, BlocksKeepTheirBytesWhateverHappensToOthers) {
  std::mt19937 random(7);
  MemoryAccountant accountant(1 << 26);
  MemoryGrant grant(&accountant, GetParam());
  StateHeap heap(&grant);
  std::vector<Held> all;
  for (int step = 0; step < 20'000; ++step) {
    const size_t index = all.empty() ? 0 : random() % all.size();
    const auto what = random() % 8;
    if (all.empty() || what < 4) {
      const uint32_t bytes = AnySize(random);
      Held held{heap.Get(bytes), {}};
      ASSERT_GE(held.block.capacity, bytes);
      Fill(held, random);
      all.push_back(held);
    } else if (what < 6) {
      Held& held = all[index];
      const uint32_t bytes = AnySize(random);
      const auto kept = static_cast<uint32_t>(held.content.size());
      held.block = heap.Regrow(held.block, bytes, kept);
      ASSERT_GE(held.block.capacity, bytes);
      ASSERT_EQ(std::string(held.block.data, kept), held.content);
      Fill(held, random);
    } else {
      ASSERT_EQ(std::string(all[index].block.data, all[index].content.size()), all[index].content);
      heap.Free(all[index].block);
      all.erase(all.begin() + static_cast<ptrdiff_t>(index));
    }
    if (random() % 3000 == 0) {
      heap.Clear();
      all.clear();
      ASSERT_EQ(grant.taken_bytes(), 0U);
    }
  }
  uint64_t used = 0;
  for (const Held& held : all) {
    EXPECT_EQ(std::string(held.block.data, held.content.size()), held.content);
    used += held.block.capacity;
  }
  EXPECT_EQ(heap.used_bytes(), used);
  EXPECT_GE(grant.taken_bytes(), used);
}

INSTANTIATE_TEST_SUITE_P(Grants, StateHeapOf, testing::Values(64, 20'000, 1 << 20, 1 << 26));

TEST(StateHeap, FreedBlocksAreUsedAgain) {
  MemoryAccountant accountant(1 << 26);
  MemoryGrant grant(&accountant, 1 << 26);
  StateHeap heap(&grant);
  heap.Free(heap.Get(100));
  heap.Free(heap.Get(200'000));
  const size_t taken = grant.taken_bytes();
  for (int i = 0; i < 10'000; ++i) {
    heap.Free(heap.Get(100));
    heap.Free(heap.Get(200'000));
  }
  EXPECT_EQ(grant.taken_bytes(), taken);
}

TEST(StateHeap, GivesMoreThanTheGrantAndSaysSo) {
  MemoryAccountant accountant(1 << 26);
  MemoryGrant grant(&accountant, 1 << 16);
  StateHeap heap(&grant);
  heap.Get(30'000);
  EXPECT_FALSE(heap.is_over_budget());
  EXPECT_NE(heap.Get(60'000).data, nullptr);
  EXPECT_TRUE(heap.is_over_budget());
  EXPECT_GT(grant.taken_bytes(), 90'000U);
  heap.Clear();
  EXPECT_FALSE(heap.is_over_budget());
  EXPECT_EQ(grant.taken_bytes(), 0U);
}

// A grant of which others have taken everything must not make a table spill after every batch.
TEST(StateHeap, TakesALittleWithoutAWordWhereTheGrantIsGone) {
  MemoryAccountant accountant(1 << 26);
  MemoryGrant grant(&accountant, 1 << 20);
  grant.Take(1 << 20);
  StateHeap heap(&grant);
  for (int i = 0; i < 10; ++i) heap.Get(100);
  EXPECT_FALSE(heap.is_over_budget());
  for (int i = 0; i < 10'000; ++i) heap.Get(100);
  EXPECT_TRUE(heap.is_over_budget());
}

TEST(StateHeap, KeepsItsMemoryWhenTheGrantIsGone) {
  MemoryAccountant accountant(1 << 26);
  auto grant = std::make_unique<MemoryGrant>(&accountant, 1 << 20);
  auto heap = std::make_unique<StateHeap>(grant.get());
  minke_growing state = heap->EmptyState();
  state.grow(&state, 1000);
  std::fill_n(state.data, 1000, 'x');
  heap->LeaveGrant();
  grant.reset();
  EXPECT_GE(accountant.reserved_bytes(), 1000U);
  EXPECT_EQ(std::string(state.data, 1000), std::string(1000, 'x'));
  heap.reset();
  EXPECT_EQ(accountant.reserved_bytes(), 0U);
}

// Appending byte by byte costs little more than a byte each.
TEST(StateHeap, GrowingMovesAStateSeldom) {
  MemoryAccountant accountant(1 << 26);
  MemoryGrant grant(&accountant, 1 << 26);
  StateHeap heap(&grant);
  minke_growing state = heap.EmptyState();
  int moves = 0;
  for (uint32_t size = 1; size <= 1'000'000; ++size) {
    if (size <= state.capacity) continue;
    state.grow(&state, size);
    ++moves;
    state.size = size;
  }
  EXPECT_LT(moves, 40);
}

}  // namespace
}  // namespace minke
