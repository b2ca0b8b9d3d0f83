#include "task/table/cql_value.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>

#include <nlohmann/json.hpp>

#include "task/table/cql_type.h"

namespace minke {
namespace {

using Json = nlohmann::json;

std::string HexOf(Bytes bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return hex;
}

std::string JsonOf(const CqlType& type, Bytes value) {
  LineBuffer line;
  return AppendCqlJson(line, type, value) ? std::string(line.data(), line.size()) : "(not one)";
}

struct Example {
  const char* type;
  const char* json;
  const char* hex;
};

constexpr Example kExamples[] = {
    {"text", R"("Zoë \"\n")", "5a6fc3ab20220a"},
    {"ascii", R"("")", ""},
    {"blob", R"("0x00ff")", "00ff"},
    {"boolean", "true", "01"},
    {"tinyint", "-128", "80"},
    {"smallint", "-2", "fffe"},
    {"int", "2147483647", "7fffffff"},
    {"bigint", "-9223372036854775808", "8000000000000000"},
    {"varint", "0", "00"},
    {"varint", "128", "0080"},
    {"varint", "-128", "80"},
    {"varint", "-129", "ff7f"},
    {"varint", "-256", "ff00"},
    {"varint", "1208925819614629174706175", "00ffffffffffffffffffff"},
    {"varint", "-1208925819614629174706176", "ff00000000000000000000"},
    {"decimal", "1.50", "000000020096"},
    {"decimal", "-0.003", "00000003fd"},
    {"decimal", "12E3", "fffffffd0c"},
    {"decimal", "0.0", "0000000100"},
    {"float", "0.1", "3dcccccd"},
    {"double", "0.1", "3fb999999999999a"},
    {"double", "-1e+300", "fe37e43c8800759c"},
    {"timestamp", R"("2026-01-31 07:05:09.250Z")", "0000019c12dead82"},
    {"timestamp", R"("1969-12-31 23:59:59.999Z")", "ffffffffffffffff"},
    {"date", R"("1970-01-01")", "80000000"},
    {"date", R"("0000-02-29")", "7ff50593"},
    {"date", R"("2024-02-29")", "80004d46"},
    {"time", R"("23:59:59.999999999")", "00004e94914effff"},
    {"uuid", R"("123e4567-e89b-12d3-a456-426614174000")", "123e4567e89b12d3a456426614174000"},
    {"timeuuid", R"("50554d6e-29bb-11e5-b345-feff819cdc9f")", "50554d6e29bb11e5b345feff819cdc9f"},
    {"inet", R"("127.0.0.1")", "7f000001"},
    {"inet", R"("2001:db8::1")", "20010db8000000000000000000000001"},
    {"list<int>", "[1,2]", "00000002000000040000000100000004000000 02"},
    {"frozen<set<text>>", "[]", "00000000"},
    {"map<int, boolean>", R"({"7":true})", "000000010000000400000007000000 0101"},
    {"map<frozen<list<text>>, int>", R"({"[\"a\"]":1})",
     "000000010000000900000001 0000000161000000040000 0001"},
    {"tuple<int, text>", R"([null,"a"])", "ffffffff0000000161"},
};

TEST(CqlValue, IsTheSameThereAndBack) {
  for (const Example& example : kExamples) {
    SCOPED_TRACE(fmt::format("{} {}", example.type, example.json));
    const CqlType type = ParseCqlType(example.type).value();
    std::string hex = example.hex;
    std::erase(hex, ' ');
    const bool is_number = IsNumber(type.kind);
    const Json value = is_number ? Json(example.json) : Json::parse(example.json);
    const auto bytes = CqlOfJson(type, value);
    ASSERT_TRUE(bytes) << bytes.error().text;
    EXPECT_EQ(HexOf(*bytes), hex);
    EXPECT_EQ(JsonOf(type, *bytes), example.json);
  }
}

TEST(CqlValue, IsReadInTheFormsThatPeopleWrite) {
  const auto hex = [](const char* type, const Json& value) {
    const auto bytes = CqlOfJson(ParseCqlType(type).value(), value);
    return bytes ? HexOf(*bytes) : bytes.error().text;
  };
  EXPECT_EQ(hex("int", 7), "00000007");
  EXPECT_EQ(hex("int", "7"), "00000007");
  EXPECT_EQ(hex("double", 2), "4000000000000000");
  EXPECT_EQ(hex("double", "Infinity"), "7ff0000000000000");
  EXPECT_EQ(hex("boolean", "false"), "00");
  EXPECT_EQ(hex("varint", 300), "012c");
  EXPECT_EQ(hex("decimal", -1.5), "00000001f1");
  EXPECT_EQ(hex("list<int>", "[1]"), hex("list<int>", Json::array({1})));
  EXPECT_EQ(hex("timestamp", 0), "0000000000000000");
  const std::string at = hex("timestamp", "2026-01-31T07:05:09.250Z");
  EXPECT_EQ(hex("timestamp", "2026-01-31 09:05:09.25+02:00"), at);
  EXPECT_EQ(hex("timestamp", "2026-01-31 02:35:09.25-0430"), at);
  EXPECT_EQ(hex("timestamp", "1970-01-02"), "0000000005265c00");
  EXPECT_EQ(hex("time", "00:01"), "0000000df8475800");
}

TEST(CqlValue, WhatDoesNotFitIsRefusedByValueAndType) {
  const std::pair<const char*, Json> wrong[] = {
      {"text", 7},
      {"blob", "00ff"},
      {"blob", "0x0"},
      {"boolean", 1},
      {"tinyint", 128},
      {"int", 2147483648},
      {"int", 1.5},
      {"int", ""},
      {"int", "7 "},
      {"int", nullptr},
      {"bigint", uint64_t{1} << 63},
      {"varint", "1x"},
      {"decimal", "1.2.3"},
      {"double", "much"},
      {"timestamp", "2026-02-30"},
      {"timestamp", "2026-01-31 25:00"},
      {"timestamp", "yesterday"},
      {"date", "2026-1-31"},
      {"time", "24:00:00"},
      {"uuid", "123e4567"},
      {"uuid", "123e4567-e89b-12d3-a456_426614174000"},
      {"inet", "localhost"},
      {"list<int>", Json::object()},
      {"list<int>", "1"},
      {"list<int>", Json::array({nullptr})},
      {"map<int, int>", Json{{"a", 1}}},
      {"tuple<int, int>", Json::array({1})},
  };
  for (const auto& [type, value] : wrong) {
    const auto bytes = CqlOfJson(ParseCqlType(type).value(), value);
    ASSERT_FALSE(bytes) << type << ' ' << value;
    EXPECT_EQ(bytes.error().code, ErrorCode::kInput);
    EXPECT_NE(bytes.error().text.find("is no "), std::string::npos) << bytes.error().text;
  }
}

// Every cut of every example either reads as another value, or is refused: nothing is read beyond.
TEST(CqlValue, BytesThatAreCutOffAreNotTrusted) {
  for (const Example& example : kExamples) {
    const CqlType type = ParseCqlType(example.type).value();
    if (type.of.empty()) continue;
    const std::string bytes = CqlOfJson(type, Json::parse(example.json)).value();
    for (size_t size = 0; size < bytes.size(); ++size) {
      const std::string cut = bytes.substr(0, size);
      if (type.kind == CqlKind::kTuple && (size == 0 || size == 4)) continue;  // fields are missing
      EXPECT_EQ(JsonOf(type, cut), "(not one)") << example.type << " cut at " << size;
    }
    EXPECT_EQ(JsonOf(type, bytes + "x"), "(not one)");
  }
  for (const char* type : {"int", "bigint", "boolean", "double", "uuid", "inet", "date", "decimal",
                           "varint", "timestamp", "time"}) {
    EXPECT_EQ(JsonOf(ParseCqlType(type).value(), ""), "(not one)") << type;
  }
}

TEST(CqlType, NamesWhatItDoesNotKnow) {
  for (const char* type : {"address", "frozen<address>", "duration", "vector<float, 3>", "list<>",
                           "map<int>", "list<int", "int>", "", "list<int>>"}) {
    const auto parsed = ParseCqlType(type);
    ASSERT_FALSE(parsed) << type;
    EXPECT_NE(parsed.error().text.find(type), std::string::npos) << parsed.error().text;
  }
}

}  // namespace
}  // namespace minke
