#include "base/memory_accountant.h"

#include <gtest/gtest.h>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

namespace minke {
namespace {

TEST(MemoryAccountant, RefusesWhatIsOverTheBudget) {
  MemoryAccountant accountant(100);
  EXPECT_TRUE(accountant.TryReserve(100));
  EXPECT_FALSE(accountant.TryReserve(1));
  accountant.Release(1);
  EXPECT_TRUE(accountant.TryReserve(1));
  EXPECT_FALSE(accountant.TryReserve(std::numeric_limits<size_t>::max()));
  EXPECT_EQ(accountant.reserved_bytes(), 100u);
}

TEST(MemoryAccountant, GivesWhatMustBeEvenOverTheBudget) {
  MemoryAccountant accountant(100);
  accountant.Reserve(300);
  EXPECT_EQ(accountant.reserved_bytes(), 300u);
  EXPECT_FALSE(accountant.TryReserve(1));
  accountant.Release(250);
  EXPECT_TRUE(accountant.TryReserve(50));
}

TEST(MemoryAccountant, NeverHandsOutTheSameBytesTwice) {
  constexpr size_t kBudget = 1000;
  MemoryAccountant accountant(kBudget);
  std::vector<size_t> taken(4);
  {
    std::vector<std::jthread> threads;
    for (size_t& mine : taken) {
      threads.emplace_back([&] {
        for (int i = 0; i <= 10'000; ++i) {
          if (!accountant.TryReserve(1)) continue;
          ++mine;
          if (i % 3 == 0) {
            accountant.Release(1);
            --mine;
          }
        }
      });
    }
  }
  EXPECT_EQ(taken[0] + taken[1] + taken[2] + taken[3], accountant.reserved_bytes());
  EXPECT_EQ(accountant.reserved_bytes(), kBudget);
}

TEST(MemoryGrant, StaysWithinItsLimitAndTheBudget) {
  MemoryAccountant accountant(100);
  MemoryGrant small(&accountant, 60);
  MemoryGrant other(&accountant, 60);
  EXPECT_FALSE(small.TryTake(61));
  EXPECT_TRUE(small.TryTake(60));
  EXPECT_FALSE(other.TryTake(41)) << "the budget has only 40 left";
  EXPECT_TRUE(other.TryTake(40));
}

TEST(MemoryGrant, GivesEverythingBackWhenItEnds) {
  MemoryAccountant accountant(100);
  {
    MemoryGrant grant(&accountant, 50);
    EXPECT_TRUE(grant.TryTake(30));
    grant.Take(90);
    EXPECT_EQ(accountant.reserved_bytes(), 120u);
    grant.GiveBack(20);
    EXPECT_EQ(grant.taken_bytes(), 100u);
  }
  EXPECT_EQ(accountant.reserved_bytes(), 0u);
}

TEST(MemoryGrant, ASplitOffPartOutlivesIt) {
  MemoryAccountant accountant(100);
  MemoryGrant part;
  {
    MemoryGrant grant(&accountant, 80);
    EXPECT_TRUE(grant.TryTake(80));
    part = grant.Split(30);
  }
  EXPECT_EQ(accountant.reserved_bytes(), 30u);
  const MemoryGrant moved = std::move(part);
  EXPECT_EQ(moved.taken_bytes(), 30u);
  EXPECT_EQ(accountant.reserved_bytes(), 30u);
}

TEST(MemoryGrant, WithoutAnAccountantRefusesButGivesWhatMustBe) {
  MemoryGrant grant;
  EXPECT_FALSE(grant.TryTake(1));
  grant.Take(1);
  EXPECT_EQ(grant.taken_bytes(), 1u);
}

TEST(MemoryGrantDeathTest, GivingBackMoreThanWasTakenEndsTheProcess) {
  MemoryAccountant accountant(100);
  MemoryGrant grant(&accountant, 50);
  ASSERT_TRUE(grant.TryTake(10));
  EXPECT_DEATH(grant.GiveBack(11), "internal error");
}

}  // namespace
}  // namespace minke
