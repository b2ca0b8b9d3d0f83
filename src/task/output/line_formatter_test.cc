#include "task/output/line_formatter.h"

#include <charconv>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include <minke/tuple_codec.h>

#include "base/hash.h"

namespace minke {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr minke_type kI64 = MINKE_I64;
constexpr minke_type kNan = MINKE_F64;

minke_type TupleOf(std::initializer_list<minke_type> fields) {
  minke_type type = 0;
  int shift = 0;
  for (const minke_type field : fields) {
    type |= field << shift;
    shift += 4;
  }
  return type;
}

// Bytes with 64 more behind them, as the ABI promises.
class Padded {
 public:
  Padded(std::string_view bytes) : size_(bytes.size()), all_(bytes) { all_.append(64, '#'); }
  const char* data() const { return all_.data(); }
  uint32_t size() const { return static_cast<uint32_t>(size_); }

 private:
  size_t size_;
  std::string all_;
};

template <typename T>
std::string Stored(const T& value) {
  std::string stored(EncodedSize(value), '\0');
  Encode(stored.data(), value);
  return stored;
}

// The lines of one record, given in stored form.
std::string Line(const LineOptions& options, std::string_view key, std::string_view value) {
  const Padded padded_key(key);
  const Padded padded_value(value);
  const minke_record record{padded_key.data(), padded_value.data(), padded_key.size(),
                            padded_value.size()};
  LineFormatter formatter(options);
  const Status status = formatter.Append(std::span(&record, 1));
  return status ? std::string(formatter.bytes()) : "error: " + status.error().text;
}

std::string PairLine(const LineOptions& options, std::string_view key, minke_pair pair) {
  const Padded padded_key(key);
  pair.key = padded_key.data();
  pair.key_size = padded_key.size();
  LineFormatter formatter(options);
  const Status status = formatter.Append(std::span(&pair, 1));
  return status ? std::string(formatter.bytes()) : "error: " + status.error().text;
}

LineOptions Text(minke_type key, minke_type value) {
  return {OutputFormat::kText, key, value, false};
}
LineOptions Json(minke_type key, minke_type value) {
  return {OutputFormat::kJson, key, value, false};
}

TEST(LineFormatter, TextIsKeyTabValueAndNoTabWhereOneIsEmpty) {
  const LineOptions bytes = Text(MINKE_BYTES, MINKE_BYTES);
  EXPECT_EQ(Line(bytes, "key", "value"), "key\tvalue\n");
  EXPECT_EQ(Line(bytes, "", "value"), "value\n");
  EXPECT_EQ(Line(bytes, "key", ""), "key\n");
  EXPECT_EQ(Line(bytes, "", ""), "\n");
  EXPECT_EQ(Line(Text(MINKE_BYTES, MINKE_NONE), "key", ""), "key\n");
  EXPECT_EQ(Line(Text(MINKE_NONE, MINKE_BYTES), "", "value"), "value\n");
  EXPECT_EQ(Line(Text(MINKE_NONE, MINKE_U64), "", Stored(uint64_t{7})), "7\n");
}

TEST(LineFormatter, BytesOfEveryLengthAreCopiedWhole) {
  for (size_t size = 0; size < 200; ++size) {
    std::string text(size, ' ');
    for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>('0' + i % 70);
    EXPECT_EQ(Line(Text(MINKE_BYTES, MINKE_BYTES), "k", text), size ? "k\t" + text + "\n" : "k\n");
    EXPECT_EQ(Line(Text(MINKE_BYTES, MINKE_NONE), text, ""), text + "\n");
  }
}

TEST(LineFormatter, NumbersAreDecimalWhetherStoredOrInline) {
  for (const int64_t value : {int64_t{0}, int64_t{-1}, INT64_MIN, INT64_MAX, int64_t{1234567}}) {
    minke_pair pair{};
    pair.value.i64 = value;
    const std::string want = std::to_string(value);
    EXPECT_EQ(Line(Text(MINKE_BYTES, kI64), "k", Stored(value)), "k\t" + want + "\n");
    EXPECT_EQ(PairLine(Text(MINKE_BYTES, kI64), "k", pair), "k\t" + want + "\n");
    EXPECT_EQ(PairLine(Text(kI64, kI64), Stored(value), pair), want + "\t" + want + "\n");
    EXPECT_EQ(PairLine(Json(kI64, kI64), Stored(value), pair),
              "{\"key\":" + want + ",\"value\":" + want + "}\n");
  }
  for (const uint64_t value : {uint64_t{0}, uint64_t{9}, UINT64_MAX}) {
    minke_pair pair{};
    pair.value.u64 = value;
    const std::string want = std::to_string(value);
    EXPECT_EQ(Line(Text(MINKE_BYTES, MINKE_U64), "k", Stored(value)), "k\t" + want + "\n");
    EXPECT_EQ(PairLine(Text(MINKE_U64, MINKE_U64), Stored(value), pair), want + "\t" + want + "\n");
  }
}

TEST(LineFormatter, DoublesAreTheShortestThatReadBack) {
  const std::pair<double, const char*> known[] = {
      {0.1, "0.1"},
      {1.0, "1"},
      {-0.0, "-0"},
      {1e21, "1e+21"},
      {1.5e-7, "1.5e-07"},
      {1.0 / 3, "0.3333333333333333"},
      {std::numeric_limits<double>::infinity(), "inf"},
      {-std::numeric_limits<double>::infinity(), "-inf"},
      {-std::numeric_limits<double>::quiet_NaN(), "nan"},
  };
  for (const auto& [value, text] : known) {
    minke_pair pair{};
    pair.value.f64 = value;
    EXPECT_EQ(PairLine(Text(MINKE_BYTES, MINKE_F64), "k", pair), "k\t"s + text + "\n");
    EXPECT_EQ(Line(Text(MINKE_F64, MINKE_NONE), Stored(value), ""), text + "\n"s);
  }
  std::mt19937_64 random(3);
  for (int i = 0; i < 1000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (std::isnan(value)) continue;
    const std::string line = Line(Text(MINKE_F64, MINKE_NONE), Stored(value), "");
    double back = 0;
    std::from_chars(line.data(), line.data() + line.size() - 1, back);
    EXPECT_EQ(back, value);
  }
}

TEST(LineFormatter, TuplesAreTabSeparatedFieldsUnescaped) {
  const minke_type type = TupleOf({MINKE_BYTES, MINKE_I64, MINKE_BYTES});
  using Tuple = std::tuple<std::string_view, int64_t, std::string_view>;
  EXPECT_EQ(
      Line(Text(type, type), Stored(Tuple("a\0b\0"sv, -5, "c\0d"sv)), Stored(Tuple("", 7, ""))),
      "a\0b\0\t-5\tc\0d\t\t7\t\n"s);
  const minke_type numbers = TupleOf({MINKE_F64, MINKE_U64});
  EXPECT_EQ(Line(Text(MINKE_BYTES, numbers), "k", Stored(std::tuple(2.5, uint64_t{3}))),
            "k\t2.5\t3\n");
}

TEST(LineFormatter, BytesThatDoNotHaveTheFormOfTheirTypeAreTheUsersError) {
  const minke_type tuple = TupleOf({MINKE_BYTES, MINKE_U64});
  for (const OutputFormat format : {OutputFormat::kText, OutputFormat::kJson}) {
    const auto is_refused = [&](minke_type key_type, minke_type value_type, std::string_view key,
                                std::string_view value) {
      const std::string line = Line({format, key_type, value_type, false}, key, value);
      return line.starts_with("error: output record 0 has a key or value");
    };
    EXPECT_TRUE(is_refused(MINKE_BYTES, MINKE_U64, "k", "1234567"));
    EXPECT_TRUE(is_refused(MINKE_BYTES, MINKE_U64, "k", "123456789"));
    EXPECT_TRUE(is_refused(MINKE_I64, MINKE_NONE, "", ""));
    EXPECT_TRUE(is_refused(MINKE_F64, MINKE_BYTES, "1234", "v"));
    const std::string good = Stored(std::tuple("a\0b"sv, uint64_t{1}));
    EXPECT_FALSE(is_refused(MINKE_BYTES, tuple, "k", good));
    for (size_t size = 0; size < good.size(); ++size) {
      EXPECT_TRUE(is_refused(MINKE_BYTES, tuple, "k", std::string_view(good).substr(0, size)));
      EXPECT_TRUE(is_refused(tuple, MINKE_NONE, std::string_view(good).substr(0, size), ""));
    }
    EXPECT_TRUE(is_refused(MINKE_BYTES, tuple, "k", good + "x"));
    EXPECT_TRUE(is_refused(MINKE_BYTES, tuple, "k", "a\0xb\0\0"s + good.substr(6)));
  }
}

TEST(LineFormatter, JsonEscapesTextAndGivesOtherBytesAsBase64) {
  const LineOptions options = Json(MINKE_BYTES, MINKE_BYTES);
  EXPECT_EQ(Line(options, "k", ""), "{\"key\":\"k\",\"value\":\"\"}\n");
  EXPECT_EQ(Line(options, "a\"b\\", "\b\f\n\r\t\x01\x1f\x7f/"),
            "{\"key\":\"a\\\"b\\\\\",\"value\":\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f/\"}\n");
  EXPECT_EQ(Line(options, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3", "\0"sv),
            "{\"key\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3\",\"value\":\"\\u0000\"}\n");
  EXPECT_EQ(Line(options, "\xff", "\xff\xfe"),
            "{\"key\":{\"base64\":\"/w==\"},\"value\":{\"base64\":\"//4=\"}}\n");
  EXPECT_EQ(Line(options, "k", "\x80\x81\x82\x83"),
            "{\"key\":\"k\",\"value\":{\"base64\":\"gIGCgw==\"}}\n");
  EXPECT_EQ(Line(Json(MINKE_BYTES, MINKE_NONE), "k", ""), "{\"key\":\"k\"}\n");
  EXPECT_EQ(Line(Json(MINKE_NONE, MINKE_BYTES), "", "v"), "{\"value\":\"v\"}\n");
}

TEST(LineFormatter, JsonTakesNoInvalidUtf8ForText) {
  const LineOptions options = Json(MINKE_BYTES, MINKE_NONE);
  for (const std::string_view bad :
       {"\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\x80", "\xc3", "\xe2\x82", "\xf0\x9f\x90",
        "\xc3\x28", "aaaaaaaa\xff", "aaaaaaaaa\xe2\x82"}) {
    EXPECT_NE(Line(options, bad, "").find("base64"), std::string::npos) << bad;
  }
  for (const std::string_view good : {"\xed\x9f\xbf", "\xee\x80\x80", "\xf4\x8f\xbf\xbf",
                                      "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"}) {
    EXPECT_EQ(Line(options, good, "").find("base64"), std::string::npos) << good;
  }
}

TEST(LineFormatter, JsonGivesTuplesAsArraysAndWhatItCannotHoldAsStrings) {
  const minke_type type = TupleOf({MINKE_BYTES, MINKE_I64});
  EXPECT_EQ(Line(Json(type, MINKE_F64), Stored(std::tuple("x\0y"sv, int64_t{-1})), Stored(0.5)),
            "{\"key\":[\"x\\u0000y\",-1],\"value\":0.5}\n");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Line(Json(kNan, kNan), Stored(infinity), Stored(-infinity)),
            "{\"key\":\"Infinity\",\"value\":\"-Infinity\"}\n");
  EXPECT_EQ(Line(Json(MINKE_NONE, kNan), "", Stored(infinity - infinity)), "{\"value\":\"NaN\"}\n");
}

TEST(LineFormatter, JsonOfLongTextIsWhole) {
  const std::string text(100'000, '\n');
  std::string want = "{\"value\":\"";
  for (size_t i = 0; i < text.size(); ++i) want += "\\n";
  EXPECT_EQ(Line(Json(MINKE_NONE, MINKE_BYTES), "", text), want + "\"}\n");
}

TEST(LineFormatter, RawIsTheValueAlone) {
  const LineOptions raw{OutputFormat::kRaw, MINKE_BYTES, MINKE_BYTES, false};
  EXPECT_EQ(Line(raw, "key", "record"), "record");
  EXPECT_EQ(Line(raw, "key", std::string(100, 'r')), std::string(100, 'r'));
  EXPECT_EQ(Line(raw, "key", ""), "");
}

TEST(LineFormatter, KnowsWhereLinesEndAndCountsThem) {
  LineFormatter formatter({OutputFormat::kText, MINKE_BYTES, MINKE_NONE, true});
  const Padded key("abc");
  const std::vector<minke_record> records = {{key.data(), nullptr, 3, 0},
                                             {key.data(), nullptr, 1, 0}};
  ASSERT_TRUE(formatter.Append(records));
  EXPECT_EQ(formatter.bytes(), "abc\na\n");
  EXPECT_EQ(std::vector<size_t>(formatter.ends().begin(), formatter.ends().end()),
            (std::vector<size_t>{4, 6}));
  formatter.Clear();
  EXPECT_TRUE(formatter.bytes().empty());
  EXPECT_TRUE(formatter.ends().empty());
  ASSERT_TRUE(formatter.Append(records));
  EXPECT_EQ(formatter.records(), 4u);
  EXPECT_EQ(formatter.fingerprint(), 2 * (Hash64("abc") + Hash64("a")));
}

TEST(LineFormatter, TheFingerprintDependsOnTheLinesAndNotOnTheirOrder) {
  const Padded a("a");
  const Padded b("b");
  const auto fingerprint = [](std::vector<minke_record> records) {
    LineFormatter formatter(Text(MINKE_BYTES, MINKE_BYTES));
    EXPECT_TRUE(formatter.Append(records));
    return formatter.fingerprint();
  };
  const minke_record one{a.data(), b.data(), 1, 1};
  const minke_record two{b.data(), a.data(), 1, 1};
  EXPECT_EQ(fingerprint({one, two}), fingerprint({two, one}));
  EXPECT_NE(fingerprint({one, two}), fingerprint({one}));
  EXPECT_NE(fingerprint({one, one}), fingerprint({two, two}));
  EXPECT_EQ(fingerprint({one}), Hash64("a\tb"));
}

}  // namespace
}  // namespace minke
