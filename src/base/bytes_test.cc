#include "base/bytes.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace minke {
namespace {

const std::vector<uint64_t> kNumbers = {0,
                                        1,
                                        127,
                                        128,
                                        300,
                                        16383,
                                        16384,
                                        uint64_t{1} << 32,
                                        uint64_t{1} << 63,
                                        std::numeric_limits<uint64_t>::max()};

bool Load(const std::string& bytes, uint64_t* value, size_t* used) {
  const char* at = bytes.data();
  const bool is_whole = LoadVarint(&at, bytes.data() + bytes.size(), value);
  *used = static_cast<size_t>(at - bytes.data());
  return is_whole;
}

TEST(Bytes, FixedNumbersLieInTheNamedOrder) {
  char bytes[8];
  StoreLe<uint32_t>(bytes, 0x01020304);
  EXPECT_EQ(std::string(bytes, 4), "\x04\x03\x02\x01");
  EXPECT_EQ(LoadLe<uint32_t>(bytes), 0x01020304u);
  StoreBe64(bytes, 0x0102030405060708);
  EXPECT_EQ(std::string(bytes, 8), "\x01\x02\x03\x04\x05\x06\x07\x08");
  EXPECT_EQ(LoadBe64(bytes), 0x0102030405060708u);
}

TEST(Bytes, BigEndianNumbersOrderAsBytes) {
  for (size_t i = 0; i + 1 < kNumbers.size(); ++i) {
    std::string low(8, '\0');
    std::string high(8, '\0');
    StoreBe64(low.data(), kNumbers[i]);
    StoreBe64(high.data(), kNumbers[i + 1]);
    EXPECT_LT(low, high);
  }
}

TEST(Varint, RoundTrips) {
  for (const uint64_t number : kNumbers) {
    std::string bytes;
    AppendVarint(bytes, number);
    bytes += "behind";
    uint64_t value = 0;
    size_t used = 0;
    ASSERT_TRUE(Load(bytes, &value, &used)) << number;
    EXPECT_EQ(value, number);
    EXPECT_EQ(used, bytes.size() - 6);
  }
}

TEST(Varint, HasGoldenBytes) {
  std::string bytes;
  AppendVarint(bytes, 300);
  EXPECT_EQ(bytes, "\xac\x02");
}

TEST(Varint, EveryTruncationIsRefused) {
  for (const uint64_t number : kNumbers) {
    std::string bytes;
    AppendVarint(bytes, number);
    for (bytes.pop_back();; bytes.pop_back()) {
      uint64_t value = 0;
      size_t used = 0;
      EXPECT_FALSE(Load(bytes, &value, &used)) << number;
      if (bytes.empty()) break;
    }
  }
}

TEST(Varint, MoreThan64BitsAreRefused) {
  uint64_t value = 0;
  size_t used = 0;
  EXPECT_FALSE(Load(std::string(9, '\xff') + '\x02', &value, &used)) << "a 65th bit";
  EXPECT_FALSE(Load(std::string(10, '\x80') + '\x01', &value, &used)) << "an 11th byte";
}

}  // namespace
}  // namespace minke
