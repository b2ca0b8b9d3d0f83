#include "task/job/emitter.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <minke/job.h>

namespace minke {
namespace {

using Text = std::string_view;
using Texts = minke::Emit<Text, Text>;
using Pairs = std::vector<std::pair<std::string, std::string>>;

// Copies what an emitter hands over; fails with `failure` if that is set.
class Taken {
 public:
  Emitter::Sink Sink() {
    return [this](std::span<const minke_pair> batch) -> Status {
      ++batches;
      if (!failure) return failure;
      for (const minke_pair& pair : batch) {
        pairs.emplace_back(std::string(pair.key, pair.key_size),
                           std::string(pair.value.bytes, pair.value_size));
        keys_at.push_back(pair.key);
      }
      return {};
    };
  }

  Pairs pairs;
  std::vector<const char*> keys_at;
  int batches = 0;
  Status failure;
};

class EmitterTest : public testing::Test {
 protected:
  void Emit(Text key, Text value) { Texts(emitter_.abi())(key, value); }

  Taken taken_;
  Emitter emitter_{MINKE_BYTES, MINKE_BYTES, taken_.Sink()};
};

TEST_F(EmitterTest, HandsOverEverythingInOrder) {
  Pairs expected;
  {
    Texts emit(emitter_.abi());
    for (int i = 0; i < 10'000; ++i) {
      expected.emplace_back(std::to_string(i), std::string(static_cast<size_t>(i) % 50, 'v'));
      emit(expected.back().first, expected.back().second);
    }
  }
  EXPECT_GT(taken_.batches, 1) << "long before Flush";
  EXPECT_LT(taken_.pairs.size(), expected.size());
  ASSERT_TRUE(emitter_.Flush());
  EXPECT_EQ(taken_.pairs, expected);
  EXPECT_EQ(emitter_.pairs(), expected.size());
  const int batches = taken_.batches;
  ASSERT_TRUE(emitter_.Flush());
  EXPECT_EQ(taken_.batches, batches) << "nothing is no batch";
}

TEST_F(EmitterTest, PairsOfAllSizesComeThrough) {
  Pairs expected;
  for (const size_t size : {0u, 1u, 63u, 65'535u, 65'536u, 65'537u, 1u << 20, 0u, 3u << 20}) {
    expected.emplace_back(std::string(size, 'k'), std::string(size / 2, 'v'));
    Emit(expected.back().first, expected.back().second);
    expected.emplace_back("", std::string(size, 'w'));
    Emit(expected.back().first, expected.back().second);
  }
  ASSERT_TRUE(emitter_.Flush());
  EXPECT_TRUE(taken_.pairs == expected);
}

TEST_F(EmitterTest, WhatLiesInTheWindowStaysWhereItIsAndAllElseIsCopied) {
  const std::string input = "some words of the input";
  ASSERT_TRUE(emitter_.SetWindow(input));
  std::string other = "words";
  Emit(Text(input).substr(5, 5), "v");
  Emit(other, "v");
  other = "later";
  ASSERT_TRUE(emitter_.Flush());
  EXPECT_EQ(taken_.pairs, (Pairs{{"words", "v"}, {"words", "v"}}));
  EXPECT_EQ(taken_.keys_at[0], input.data() + 5);
  EXPECT_NE(taken_.keys_at[1], other.data());
}

TEST_F(EmitterTest, ANewWindowBeginsWhenTheOldOnesPairsAreHandedOver) {
  std::string input = "first";
  ASSERT_TRUE(emitter_.SetWindow(input));
  Emit(input, "1");
  ASSERT_TRUE(emitter_.SetWindow({}));
  input = "other";
  Emit(input, "2");
  ASSERT_TRUE(emitter_.Flush());
  EXPECT_EQ(taken_.pairs, (Pairs{{"first", "1"}, {"other", "2"}}));
}

TEST_F(EmitterTest, NumbersStandInThePairItself) {
  int64_t sum = 0;
  Emitter numbers(MINKE_BYTES, MINKE_I64, [&](std::span<const minke_pair> batch) -> Status {
    for (const minke_pair& pair : batch) sum += pair.value.i64;
    return {};
  });
  numbers.Hold();  // a number is not a place to copy from
  minke::Emit<Text, int64_t> emit(numbers.abi());
  for (int64_t i = -5; i < 1000; ++i) emit("k", i);
  {
    minke::Emit<Text, int64_t> last(numbers.abi());
  }
  EXPECT_EQ(sum, 0);
}

TEST_F(EmitterTest, TheFirstFailureStaysAndLaterBatchesAreDropped) {
  taken_.failure = Error{ErrorCode::kOutput, "the disk is full"};
  Emit("a", "1");
  const Status failed = emitter_.Flush();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text, "the disk is full");
  EXPECT_TRUE(Texts(emitter_.abi()).failed());
  taken_.failure = Error{ErrorCode::kOutput, "another"};
  Emit("b", "2");
  EXPECT_EQ(emitter_.Flush().error().text, "the disk is full");
  EXPECT_EQ(emitter_.SetWindow("x").error().text, "the disk is full");
  EXPECT_EQ(taken_.batches, 1);
}

TEST_F(EmitterTest, EmitsFromAnotherThreadAreRefused) {
  Emit("before", "1");
  ASSERT_TRUE(emitter_.Flush());
  std::thread([&] {
    Texts emit(emitter_.abi());
    for (int i = 0; i < 10'000; ++i) emit("k", "v");
  }).join();
  const Status refused = emitter_.Flush();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUserCode);
  EXPECT_NE(refused.error().text.find("from a thread that it started itself"), std::string::npos);
  EXPECT_EQ(taken_.pairs, (Pairs{{"before", "1"}}));
}

// As a job in C fills it in.
void EmitSizes(minke_emitter* emitter, uint32_t key_size, uint32_t value_size) {
  static const std::string bytes(1000, 'x');
  minke_pair& pair = emitter->pairs[emitter->count++];
  pair.key = pair.value.bytes = bytes.data();
  pair.key_size = key_size;
  pair.value_size = value_size;
}

TEST_F(EmitterTest, ARecordOverTheLimitIsRefusedBeforeItIsRead) {
  constexpr auto kMax = static_cast<uint32_t>(kRecordBytesMax);
  for (const auto& [key_size, value_size] :
       {std::pair{kMax + 1, 0u}, {0u, kMax + 1}, {kMax / 2 + 1, kMax / 2}}) {
    Taken taken;
    Emitter emitter(MINKE_BYTES, MINKE_BYTES, taken.Sink());
    EmitSizes(emitter.abi(), 3, 4);
    EmitSizes(emitter.abi(), key_size, value_size);
    const Status refused = emitter.Flush();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::kUserCode);
    EXPECT_NE(refused.error().text.find("a record of 268435457 bytes"), std::string::npos);
    EXPECT_NE(refused.error().text.find("limit of 256 MiB"), std::string::npos);
    EXPECT_EQ(taken.batches, 0);
  }
}

TEST_F(EmitterTest, ARecordAtTheLimitIsNot) {
  uint64_t bytes = 0;
  Emitter emitter(MINKE_BYTES, MINKE_BYTES, [&](std::span<const minke_pair> batch) -> Status {
    for (const minke_pair& pair : batch) bytes += uint64_t{pair.key_size} + pair.value_size;
    return {};
  });
  EmitSizes(emitter.abi(), 1, static_cast<uint32_t>(kRecordBytesMax) - 1);
  ASSERT_TRUE(emitter.Flush());
  EXPECT_EQ(bytes, kRecordBytesMax);
}

TEST_F(EmitterTest, RoomForMoreThanARecordMayTakeIsRefused) {
  minke_emitter* abi = emitter_.abi();
  Emit("a", "1");
  abi->reserve(abi, size_t{3} << 28);
  EXPECT_EQ(abi->failed, 1u);
  EXPECT_EQ(taken_.pairs, (Pairs{{"a", "1"}})) << "what was emitted before is not lost";
  const Status refused = emitter_.Flush();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUserCode);
  EXPECT_GT(abi->scratch_capacity, 0u) << "a careless caller still writes somewhere";
}

TEST_F(EmitterTest, WhileHoldingNothingIsHandedOverBeforeItsRecordIsMapped) {
  emitter_.Hold();
  Pairs expected;
  for (int i = 0; i < 2000; ++i) {
    expected.emplace_back("key " + std::to_string(i),
                          std::string(static_cast<size_t>(i) % 90, 'v'));
    std::string key = expected.back().first;
    std::string value = expected.back().second;
    ASSERT_TRUE(emitter_.SetWindow(key));  // the key is a view of a batch that goes
    Emit(key, value);
    ASSERT_TRUE(emitter_.SetWindow({}));
    std::fill(key.begin(), key.end(), '?');
    std::fill(value.begin(), value.end(), '?');
  }
  EXPECT_EQ(taken_.batches, 0);
  EXPECT_EQ(emitter_.pairs(), 0u);
  ASSERT_TRUE(emitter_.Release());
  EXPECT_EQ(taken_.pairs, expected);
  EXPECT_EQ(emitter_.pairs(), expected.size());
  ASSERT_TRUE(emitter_.Release());
  EXPECT_EQ(taken_.pairs, expected) << "once";
}

TEST_F(EmitterTest, DiscardDropsTheRecordAtHandAndNothingElse) {
  emitter_.Hold();
  Emit("good", "1");
  ASSERT_TRUE(emitter_.Release());
  Emit("bad", "2");
  ASSERT_TRUE(emitter_.Flush());  // held, still
  Emit("bad", "3");
  emitter_.Discard();
  Emit("good", "4");
  ASSERT_TRUE(emitter_.Release());
  EXPECT_EQ(taken_.pairs, (Pairs{{"good", "1"}, {"good", "4"}}));
}

TEST_F(EmitterTest, DiscardForgetsAFailureOfTheRecordItself) {
  emitter_.Hold();
  EmitSizes(emitter_.abi(), static_cast<uint32_t>(kRecordBytesMax) + 1, 0);
  ASSERT_FALSE(emitter_.Release());
  emitter_.Discard();
  Emit("good", "1");
  ASSERT_TRUE(emitter_.Release());
  EXPECT_EQ(taken_.pairs, (Pairs{{"good", "1"}}));
}

TEST_F(EmitterTest, WhatTheSinkRefusesFailsTheRelease) {
  emitter_.Hold();
  Emit("a", "1");
  taken_.failure = Error{ErrorCode::kUserCode, "no such partition"};
  EXPECT_EQ(emitter_.Release().error().text, "no such partition");
  EXPECT_TRUE(Texts(emitter_.abi()).failed());
}

TEST_F(EmitterTest, HoldingEnds) {
  emitter_.Hold();
  Emit("a", "1");
  ASSERT_TRUE(emitter_.Release());
  emitter_.StopHolding();
  Emit("b", "2");
  ASSERT_TRUE(emitter_.Flush());
  EXPECT_EQ(taken_.pairs, (Pairs{{"a", "1"}, {"b", "2"}}));
}

}  // namespace
}  // namespace minke
