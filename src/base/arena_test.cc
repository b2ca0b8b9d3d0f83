#include "base/arena.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <utility>
#include <vector>

namespace minke {
namespace {

TEST(Arena, ReadsAsZerosAndHoldsWhatIsWritten) {
  const Arena arena(100'000);
  ASSERT_GE(arena.capacity_bytes(), 100'000u);
  EXPECT_TRUE(std::all_of(arena.data(), arena.data() + arena.capacity_bytes(),
                          [](char c) { return c == 0; }));
  std::fill(arena.data(), arena.data() + arena.capacity_bytes(), 'x');
  EXPECT_EQ(arena.data()[arena.capacity_bytes() - 1], 'x');
}

TEST(Arena, ReservesFarMoreThanTheMachineHas) {
#ifdef __SANITIZE_THREAD__
  constexpr size_t kBytes = size_t{1} << 37;  // ThreadSanitizer leaves few addresses
#else
  constexpr size_t kBytes = size_t{1} << 40;
#endif
  const Arena arena(kBytes);
  arena.data()[kBytes / 2] = 'x';
  EXPECT_EQ(arena.data()[kBytes / 2], 'x');
}

// mincore says what is resident; before Linux 5.14 nothing comes early.
TEST(Arena, PopulateBringsPagesThatReadAsZeros) {
  Arena arena(1 << 20);
  arena.Populate();
  std::vector<unsigned char> resident((1 << 20) / 4096);
  ASSERT_EQ(mincore(arena.data(), 1 << 20, resident.data()), 0);
  const bool all = std::all_of(resident.begin(), resident.end(), [](auto r) { return r & 1; });
  utsname system;
  ASSERT_EQ(uname(&system), 0);
  EXPECT_TRUE(all || strverscmp(system.release, "5.14") < 0) << system.release;
  EXPECT_TRUE(std::all_of(arena.data(), arena.data() + (1 << 20), [](char c) { return c == 0; }));
  Arena().Populate();
}

TEST(Arena, TrimKeepsTheUsedPartAndZeroesTheRest) {
  Arena arena(1 << 20);
  std::fill(arena.data(), arena.data() + (1 << 20), 'x');
  const char* before = arena.data();
  arena.Trim(5000);
  EXPECT_EQ(arena.data(), before);
  EXPECT_TRUE(std::all_of(before, before + 5000, [](char c) { return c == 'x'; }));
  EXPECT_TRUE(std::all_of(before + 8192, before + (1 << 20), [](char c) { return c == 0; }));
}

TEST(Arena, CutKeepsTheUsedPartAndGivesTheAddressesBack) {
  for (const size_t used : {size_t{5000}, size_t{5} << 20}) {
    Arena arena = Arena::Growing(size_t{1} << 35);
    EXPECT_EQ(arena.capacity_bytes(), size_t{1} << 35);
    std::fill(arena.data(), arena.data() + used, 'x');
    arena.Cut(used);
    EXPECT_GE(arena.capacity_bytes(), used);
    EXPECT_LT(arena.capacity_bytes(), used + 4096);
    EXPECT_TRUE(std::all_of(arena.data(), arena.data() + used, [](char c) { return c == 'x'; }));
  }
}

TEST(Arena, MovesWithoutMovingItsMemory) {
  Arena arena(4096);
  arena.data()[0] = 'x';
  const char* at = arena.data();
  const Arena moved = std::move(arena);
  EXPECT_EQ(moved.data(), at);
  EXPECT_EQ(moved.data()[0], 'x');
}

TEST(Arena, WithoutBytesHasNone) {
  Arena none;
  EXPECT_EQ(none.capacity_bytes(), 0u);
  none.Trim(0);
  EXPECT_EQ(Arena(0).capacity_bytes(), 0u);
}

}  // namespace
}  // namespace minke
