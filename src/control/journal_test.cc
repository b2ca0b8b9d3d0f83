#include "control/journal.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "control/records_test.h"

namespace minke {
namespace {

std::string Claim(uint64_t uuid) { return Message(0, 0, {Claimed(uuid)}).SerializeAsString(); }

std::string Text(uint64_t epoch, uint64_t sequence, std::vector<Record> records = {Finished(0)}) {
  return Message(epoch, sequence, std::move(records)).SerializeAsString();
}

// "+" for each message that counts, "-" for each that does not, "!" where reading ends.
std::string Read(JournalReader& reader, const std::vector<std::string>& messages) {
  std::string counts;
  for (const std::string& message : messages) {
    auto read = reader.Read(reader.position().offset, message);
    if (!read) return counts + "!";
    counts += *read == nullptr ? "-" : "+";
  }
  return counts;
}

std::string Read(const std::vector<std::string>& messages) {
  JournalReader reader;
  return Read(reader, messages);
}

ErrorCode CodeOf(JournalReader& reader, int64_t offset, const std::string& message) {
  auto read = reader.Read(offset, message);
  EXPECT_FALSE(read.has_value());
  return read ? ErrorCode::kInternal : read.error().code;
}

TEST(JournalReader, AClaimsOffsetIsItsEpoch) {
  JournalReader reader;
  EXPECT_EQ(Read(reader, {Claim(7), Text(0, 1), Claim(8), Text(2, 1)}), "++++");
  EXPECT_EQ(reader.position().epoch, 2u);
  EXPECT_EQ(reader.position().sequence, 1u);
  EXPECT_EQ(reader.position().offset, 4);
  EXPECT_EQ(reader.position().claims, (std::vector<uint64_t>{7, 8}));
}

TEST(JournalReader, ALateCopyOfAnOldClaimCountsForNothing) {
  EXPECT_EQ(Read({Claim(7), Claim(8), Claim(7), Text(1, 1)}), "++-+");
}

TEST(JournalReader, WhatAFencedMasterWritesIsDropped) {
  EXPECT_EQ(Read({Claim(7), Text(0, 1), Claim(8), Text(0, 2), Text(0, 9), Text(2, 1)}), "+++--+");
}

TEST(JournalReader, ASequenceCountsOnce) {
  EXPECT_EQ(Read({Claim(7), Text(0, 1), Text(0, 1), Text(0, 2), Text(0, 1), Text(0, 3)}), "++-+-+");
}

TEST(JournalReader, AMissingSequenceIsCorruption) {
  EXPECT_EQ(Read({Claim(7), Text(0, 1), Text(0, 3)}), "++!");
}

TEST(JournalReader, AnEpochThatNobodyHasClaimedIsCorruption) {
  EXPECT_EQ(Read({Text(0, 1)}), "!");
  EXPECT_EQ(Read({Claim(7), Text(5, 1)}), "+!");
}

TEST(JournalReader, AClaimStandsAlone) {
  EXPECT_EQ(Read({Text(0, 0, {Claimed(7), Finished(0)})}), "!");
  EXPECT_EQ(Read({Claim(7), Text(0, 1, {Finished(0), Claimed(8)})}), "+!");
}

TEST(JournalReader, AnOffsetReadBeforeOrSkippedIsCorruption) {
  JournalReader reader;
  EXPECT_EQ(Read(reader, {Claim(7), Text(0, 1)}), "++");
  EXPECT_EQ(CodeOf(reader, 1, Text(0, 2)), ErrorCode::kCorruption);
  EXPECT_EQ(CodeOf(reader, 3, Text(0, 2)), ErrorCode::kCorruption);
  EXPECT_TRUE(reader.Read(2, Text(0, 2)).has_value());
}

TEST(JournalReader, ReadsOnFromAPositionAsIfItHadReadAll) {
  const std::vector<std::string> begin{Claim(7), Text(0, 1), Claim(8), Text(2, 1)};
  const std::vector<std::string> rest{Text(2, 1), Text(0, 2), Claim(7), Text(2, 2), Claim(9)};
  JournalReader all;
  Read(all, begin);
  JournalReader later(all.position());
  EXPECT_EQ(Read(later, rest), Read(all, rest));
  EXPECT_EQ(later.position(), all.position());
}

// Records are field 4 of a message; 1602 is the tag of field 200 with a length.
const std::string kUnknown("\x22\x03\xc2\x0c\x00", 5);

TEST(JournalReader, AnUnknownRecordStopsWithItsNumber) {
  JournalReader reader;
  EXPECT_EQ(Read(reader, {Claim(7)}), "+");
  auto read = reader.Read(1, Text(0, 1) + kUnknown);
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(read.error().text.find("kind 200"), std::string::npos) << read.error().text;
}

TEST(JournalReader, AnUnknownRecordOfAFencedMasterStopsNobody) {
  EXPECT_EQ(Read({Claim(7), Claim(8), Text(0, 1) + kUnknown, Text(1, 1)}), "++-+");
}

TEST(JournalReader, BytesThatAreNoMessageAreCorruption) {
  for (const std::string& bytes : {std::string(), std::string("\xff\xff\xff"), std::string(50, 'x'),
                                   Message(0, 1, {}).SerializeAsString()}) {
    JournalReader reader;
    EXPECT_EQ(CodeOf(reader, 0, bytes), ErrorCode::kCorruption);
  }
}

TEST(JournalReader, NoTruncationOrFlippedByteGetsOutOfHand) {
  const std::string good =
      Text(0, 1, {Assigned({0, 3}, 1, 0, 77), Committed({0, 1}), Failed({0, 1}, "text")});
  const auto read = [](const std::string& bytes) {
    JournalReader reader;
    Read(reader, {Claim(7)});
    auto message = reader.Read(1, bytes);
    // Whatever it holds: it is one message further, or reading has ended.
    EXPECT_EQ(reader.position().offset, message ? 2 : 1);
    return message.has_value();
  };
  EXPECT_TRUE(read(good));
  size_t refused = 0;
  for (size_t length = 0; length < good.size(); ++length) refused += !read(good.substr(0, length));
  EXPECT_GT(refused, good.size() / 2);
  for (size_t i = 0; i < good.size() * 8; ++i) {
    std::string bad = good;
    bad[i / 8] = static_cast<char>(bad[i / 8] ^ 1 << (i % 8));
    read(bad);
  }
}

}  // namespace
}  // namespace minke
