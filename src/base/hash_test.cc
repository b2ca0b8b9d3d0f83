#include "base/hash.h"

#include <gtest/gtest.h>
#include <string>

namespace minke {
namespace {

// Byte i is 7 * i + 3, so that any language can make the same vectors.
std::string Sample(size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * 7 + 3);
  return bytes;
}

TEST(Hash, EqualsTheVectorsThatXxhashPublishes) {
  EXPECT_EQ(Hash64(""), 0x2d06800538d394c2u);
  EXPECT_EQ(Hash64("a"), 0xe6c632b61e964e1fu);
  EXPECT_EQ(Hash64("abc"), 0x78af5f94892f3950u);
}

// Golden: one length for each way that XXH3 takes, and both sides of each border.
TEST(Hash, NeverChanges) {
  const std::pair<size_t, uint64_t> vectors[] = {
      {1, 0x13e608bc156defedu},    {2, 0x1c9074b93943b86cu},   {3, 0xa9088dda485b481cu},
      {4, 0x6d9253b16c8b1ed3u},    {8, 0x60539db630471163u},   {9, 0xfeff668361d723a8u},
      {16, 0xb8c859b0f030b585u},   {17, 0x714a04408e79b80fu},  {128, 0x67425a03650261bfu},
      {129, 0xc664bf3311c6abc4u},  {240, 0x64556dc6b462a6cfu}, {241, 0x8beadd3a8874fe17u},
      {1024, 0x9b81661c641c72b1u}, {5000, 0x799aaddd7339581du}};
  for (const auto& [size, hash] : vectors) EXPECT_EQ(Hash64(Sample(size)), hash) << size;
}

// Golden: part files depend on these.
TEST(PartitionOf, NeverChanges) {
  struct Vector {
    const char* key;
    uint32_t of_7;
    uint32_t of_16384;
  };
  for (const auto& [key, of_7, of_16384] :
       {Vector{"", 4, 5314}, {"a", 1, 3615}, {"abc", 2, 14672}, {"whale", 1, 12611}}) {
    EXPECT_EQ(PartitionOf(key, 1), 0u);
    EXPECT_EQ(PartitionOf(key, 7), of_7) << key;
    EXPECT_EQ(PartitionOf(key, 16384), of_16384) << key;
  }
}

TEST(PartitionOf, UsesEveryPartition) {
  std::vector<int> keys_of(64);
  for (int i = 0; i < 64'000; ++i) ++keys_of[PartitionOf(std::to_string(i), 64)];
  for (const int keys : keys_of) EXPECT_NEAR(keys, 1000, 200);
}

}  // namespace
}  // namespace minke
