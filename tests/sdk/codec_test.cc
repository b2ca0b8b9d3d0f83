#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <minke/tuple_codec.h>

namespace minke {
namespace {

using namespace std::string_view_literals;

template <class T>
std::string Bytes(const T& value) {
  std::string bytes(EncodedSize(value), '?');
  const char* end = Encode(bytes.data(), value);
  EXPECT_EQ(end, bytes.data() + bytes.size());
  return bytes;
}

// Each value comes back, and bytes order as the values do.
template <class T>
void RoundTripInOrder(const std::vector<T>& ascending) {
  std::string room;
  for (const T& value : ascending) EXPECT_EQ(Decode<T>(Bytes(value), room), value);
  for (size_t i = 1; i < ascending.size(); ++i) {
    EXPECT_LT(Bytes(ascending[i - 1]), Bytes(ascending[i])) << i;
  }
}

TEST(Codec, NumbersOrderAsTheyAre) {
  RoundTripInOrder<int64_t>({INT64_MIN, -256, -255, -1, 0, 1, 255, 256, INT64_MAX});
  RoundTripInOrder<uint64_t>({0, 1, 255, 256, uint64_t{1} << 63, UINT64_MAX});
  const double infinity = std::numeric_limits<double>::infinity();
  RoundTripInOrder<double>(
      {-infinity, -1e300, -1.5, -1e-300, 0.0, 5e-324, 1e-300, 1.0, 1.5, infinity});
}

TEST(Codec, NegativeZeroComesBeforeZero) {
  EXPECT_LT(Bytes(-0.0), Bytes(0.0));
  std::string room;
  EXPECT_TRUE(std::signbit(Decode<double>(Bytes(-0.0), room)));
}

TEST(Codec, GoldenBytes) {
  EXPECT_EQ(Bytes<int64_t>(-2), "\x7f\xff\xff\xff\xff\xff\xff\xfe"sv);
  EXPECT_EQ(Bytes<int64_t>(258), "\x80\0\0\0\0\0\1\2"sv);
  EXPECT_EQ(Bytes<uint64_t>(258), "\0\0\0\0\0\0\1\2"sv);
  EXPECT_EQ(Bytes(1.0), "\xbf\xf0\0\0\0\0\0\0"sv);
  EXPECT_EQ(Bytes(-1.0), "\x40\x0f\xff\xff\xff\xff\xff\xff"sv);
  EXPECT_EQ(Bytes("a\0b"sv), "a\0b"sv);
  EXPECT_EQ(Bytes(std::tuple("a\0b"sv, uint64_t{1}, "c\0"sv)),
            "a\0\xff"
            "b\0\0"
            "\0\0\0\0\0\0\0\1"
            "c\0"sv);
  EXPECT_EQ(Bytes(None()), "");
}

TEST(Codec, TuplesOrderByTheirFieldsInTurn) {
  using Names = std::tuple<std::string_view, std::string_view>;
  std::vector<Names> names;
  const std::string_view fields[] = {""sv,  "\0"sv,  "\0\0"sv, "\0\1"sv, "\0\xff"sv, "\1"sv,
                                     "a"sv, "a\0"sv, "a\0b"sv, "ab"sv,   "\xff"sv,   "\xff\0"sv};
  for (const auto first : fields) {
    for (const auto second : fields) names.emplace_back(first, second);
  }
  std::sort(names.begin(), names.end());
  RoundTripInOrder(names);
  RoundTripInOrder<std::tuple<int64_t, std::string_view, double>>(
      {{-1, "z", 0.0}, {0, "", -1.0}, {0, "", 1.0}, {0, "a", -5.0}, {1, "", -9.0}});
}

TEST(Codec, DecodedBytesAreViewsWhereNothingWasEscaped) {
  const std::string plain = Bytes(std::tuple("key"sv, "rest"sv));
  std::string room;
  const auto [key, rest] = Decode<std::tuple<std::string_view, std::string_view>>(plain, room);
  EXPECT_EQ(key.data(), plain.data());
  EXPECT_TRUE(room.empty());
}

TEST(Codec, ManyEscapedFieldsKeepTheirPlaceInTheRoom) {
  const std::string zeros(100, '\0');
  const std::string bytes =
      Bytes(std::tuple(std::string_view(zeros), "x\0y"sv, std::string_view(zeros)));
  std::string room;
  const auto [a, b, c] =
      Decode<std::tuple<std::string_view, std::string_view, std::string_view>>(bytes, room);
  EXPECT_EQ(a, zeros);
  EXPECT_EQ(b, "x\0y"sv);
  EXPECT_EQ(c, zeros);
}

TEST(Codec, CutBytesAreReadWithoutGoingBeyondThem) {
  using Tuple = std::tuple<std::string_view, uint64_t, std::string_view>;
  const std::string bytes = Bytes(Tuple("a\0b", 7, "c"));
  for (size_t size = 0; size < bytes.size(); ++size) {
    const std::string cut(bytes.data(),
                          size);  // of its own, so that a sanitizer sees a step too far
    std::string room;
    const auto [a, b, c] = Decode<Tuple>(cut, room);
    EXPECT_LE(a.size() + c.size(), size);
  }
}

}  // namespace
}  // namespace minke
