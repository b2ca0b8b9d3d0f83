#include "shuffle/block.h"

#include <gtest/gtest.h>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace minke {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string SealOf(const Pairs& pairs, Codec codec) {
  BlockBuilder builder({.codec = codec});
  for (const auto& [key, value] : pairs) builder.Add(key, value);
  return std::string(builder.Seal());
}

Result<Pairs> Decoded(Bytes block) {
  BlockDecoder decoder;
  const auto records = MINKE_TRY(decoder.Decode(block));
  Pairs pairs;
  for (const minke_record& record : records) {
    pairs.emplace_back(std::string(record.key, record.key_size),
                       std::string(record.value, record.value_size));
  }
  return pairs;
}

const Pairs kPairs = {{"", ""},
                      {"", "empty key"},
                      {"a", "1"},
                      {"a", "2"},
                      {"abc", ""},
                      {"abcd", std::string(300, 'v')},
                      {"abd", "x"},
                      {std::string(200, 'k'), "long key"},
                      {std::string("z\0z", 3), std::string("\0", 1)}};

TEST(Block, GivesBackWhatWasAddedUnderEveryCodec) {
  for (const Codec codec : {Codec::kNone, Codec::kLz4, Codec::kZstd}) {
    const auto pairs = Decoded(SealOf(kPairs, codec));
    ASSERT_TRUE(pairs) << pairs.error().text;
    EXPECT_EQ(*pairs, kPairs);
  }
}

TEST(Block, UnsortedRecordsComeBackInTheirOrder) {
  const Pairs pairs = {{"b", "1"}, {"a", "2"}, {"bb", "3"}, {"", "4"}};
  EXPECT_EQ(*Decoded(SealOf(pairs, Codec::kLz4)), pairs);
}

TEST(Block, EveryTruncationIsRefused) {
  const std::string block = SealOf(kPairs, Codec::kLz4);
  for (size_t size = 0; size < block.size(); ++size) {
    const auto pairs = Decoded(Bytes(block).substr(0, size));
    ASSERT_FALSE(pairs) << size;
    EXPECT_EQ(pairs.error().code, ErrorCode::kCorruption);
  }
}

TEST(Block, EveryFlippedByteIsRefused) {
  for (const Codec codec : {Codec::kNone, Codec::kLz4, Codec::kZstd}) {
    const std::string block = SealOf(kPairs, codec);
    for (size_t at = 0; at < block.size(); ++at) {
      std::string flipped = block;
      flipped[at] = static_cast<char>(flipped[at] ^ 0x41);
      EXPECT_FALSE(Decoded(flipped)) << at;
    }
  }
}

TEST(Block, BytesOfVersion1StayAsTheyAre) {
  const std::string block = SealOf({{"key", "value"}, {"kez", "w"}}, Codec::kNone);
  std::string hex;
  for (const char byte : block) {
    constexpr const char* kDigits = "0123456789abcdef";
    hex += kDigits[static_cast<uint8_t>(byte) >> 4];
    hex += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  EXPECT_EQ(hex.substr(0, 48), "4d4b42310100000002000000100000001000000000000000");
  EXPECT_EQ(hex.substr(64), "0003056b657976616c75650201017a77");
}

TEST(Block, ARecordLargerThanTheCapSpansBlocks) {
  const BlockOptions options{.codec = Codec::kLz4, .target_bytes = 64, .cap_bytes = 128};
  std::string value;
  std::mt19937 random(1);
  for (int i = 0; i < 1000; ++i) value += static_cast<char>(random());
  BlockBuilder builder(options);
  ASSERT_FALSE(builder.Fits(3, value.size()));
  std::vector<std::string> blocks;
  ASSERT_TRUE(builder.SealLarge("key", value, [&](Bytes block, bool is_last) -> Status {
    EXPECT_LE(block.size(), options.cap_bytes);
    EXPECT_EQ(is_last, blocks.size() + 1 == (value.size() + 6 + 95) / 96);
    blocks.emplace_back(block);
    return {};
  }));
  BlockDecoder decoder;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto records = decoder.Decode(blocks[i]);
    ASSERT_TRUE(records) << records.error().text;
    EXPECT_EQ(records->size(), i + 1 == blocks.size() ? 1u : 0u);
    EXPECT_EQ(decoder.is_within_record(), i + 1 != blocks.size());
    if (!records->empty()) {
      EXPECT_EQ(Bytes((*records)[0].key, (*records)[0].key_size), "key");
      EXPECT_EQ(Bytes((*records)[0].value, (*records)[0].value_size), value);
    }
  }
}

TEST(Block, ALargeRecordWithoutItsEndIsNoticed) {
  BlockBuilder builder({.codec = Codec::kNone, .target_bytes = 64, .cap_bytes = 128});
  std::vector<std::string> blocks;
  ASSERT_TRUE(builder.SealLarge("key", std::string(500, 'v'), [&](Bytes block, bool) -> Status {
    blocks.emplace_back(block);
    return {};
  }));
  BlockDecoder decoder;
  ASSERT_TRUE(decoder.Decode(blocks[0]));
  const auto next = decoder.Decode(SealOf(kPairs, Codec::kNone));
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().code, ErrorCode::kCorruption);
}

TEST(Block, SortedKeysAreStoredWithoutTheirSharedBeginnings) {
  Pairs pairs;
  for (int i = 1000; i < 2000; ++i)
    pairs.emplace_back("a/long/shared/path/" + std::to_string(i), "");
  const std::string block = SealOf(pairs, Codec::kNone);
  EXPECT_LT(block.size(), 1000u * 7);
}

}  // namespace
}  // namespace minke
