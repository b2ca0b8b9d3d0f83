#include "task/table/row_mapping.h"

#include <gtest/gtest.h>
#include <string>

namespace minke {
namespace {

constexpr minke_type kTextAndInteger = MINKE_BYTES | MINKE_I64 << 4;

Table MakeTable(std::vector<TableColumn> columns) {
  Table table;
  table.name = {"k", "t"};
  for (TableColumn& column : columns) {
    auto type = ParseCqlType(column.type);
    table.columns.push_back(
        {column.name, column.type, type ? std::optional(*type) : std::nullopt, column.role});
  }
  return table;
}

// (host, day) → hits, note
Table Hits() {
  return MakeTable({{"host", "text", ColumnRole::kPartitionKey},
                    {"day", "int", ColumnRole::kClustering},
                    {"hits", "bigint", ColumnRole::kRegular},
                    {"note", "blob", ColumnRole::kRegular},
                    {"shape", "polygon", ColumnRole::kRegular},
                    {"seen", "counter", ColumnRole::kRegular}});
}

using namespace std::string_literals;

std::string Shown(const Result<TableRow>& row) {
  if (!row) return row.error().text;
  std::string text;
  for (size_t i = 0; i < row->columns.size(); ++i) {
    text += row->columns[i] + "=" + row->cells[i].value_or("(null)") + ";";
  }
  return text;
}

std::string Row(const RowMapping& mapping, Bytes line) { return Shown(mapping.RowOf(line)); }

void ExpectHas(const std::string& text, const std::vector<std::string>& parts) {
  for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST(RowMapping, FieldsOfKeyAndValueBecomeTheColumnsInTheirOrder) {
  const auto mapping = RowMapping::Make(Hits(), kTextAndInteger, MINKE_U64).value();
  EXPECT_EQ(Row(mapping, R"({"key":["a.org",7],"value":9})"),
            "host=a.org;day=\0\0\0\7;hits=\0\0\0\0\0\0\0\11;"s);
}

TEST(RowMapping, BytesGoIntoAnyColumnAndIntoABlobAsTheyAre) {
  const minke_type four = MINKE_BYTES | MINKE_BYTES << 4 | MINKE_BYTES << 8 | MINKE_BYTES << 12;
  const auto mapping = RowMapping::Make(Hits(), four, MINKE_NONE).value();
  EXPECT_EQ(Row(mapping, R"({"key":["a","7","9","0x41"]})"),
            "host=a;day=\0\0\0\7;hits=\0\0\0\0\0\0\0\11;note=0x41;"s);
  EXPECT_EQ(Row(mapping, R"({"key":["a","7","9",{"base64":"/wBh"}]})"),
            "host=a;day=\0\0\0\7;hits=\0\0\0\0\0\0\0\11;note=\xff\0a;"s);
}

TEST(RowMapping, OneTextIsAnObjectOfColumnsByName) {
  for (const char* part : {"key", "value"}) {
    const bool is_key = std::string(part) == "key";
    const auto mapping = RowMapping::Make(Hits(), is_key ? MINKE_BYTES : MINKE_NONE,
                                          is_key ? MINKE_NONE : MINKE_BYTES)
                             .value();
    const std::string before = std::string("{\"") + part + "\":";
    EXPECT_EQ(Row(mapping, before + R"("{\"day\":1,\"host\":\"x\",\"hits\":null}"})"),
              "day=\0\0\0\1;hits=(null);host=x;"s);
    EXPECT_EQ(Row(mapping, before + R"("{\"day\":1,\"host\":\"x\",\"note\":\"0x41\"}"})"),
              "day=\0\0\0\1;host=x;note=A;"s);
    ExpectHas(Row(mapping, before + R"("{\"day\":1,\"host\":\"x\",\"Note\":1}"})"),
              {"table:k.t", "no column Note"});
    ExpectHas(Row(mapping, before + R"("[1]"})"), {"table:k.t", "must be a JSON object"});
    ExpectHas(Row(mapping, before + R"("{\"day\":1}"})"), {"column host of type text", "missing"});
    ExpectHas(Row(mapping, before + R"("{\"day\":null,\"host\":\"x\"}"})"),
              {"column day of type int", "null"});
    ExpectHas(Row(mapping, before + R"("{\"day\":1,\"host\":\"x\",\"seen\":1}"})"),
              {"column seen of type counter"});
    ExpectHas(Row(mapping, before + R"("{\"day\":1,\"host\":\"x\",\"shape\":1}"})"),
              {"column shape of type polygon"});
  }
}

TEST(RowMapping, TypesThatDoNotFitAreRefusedBeforeAnyRecordIsThere) {
  const auto refused = [](minke_type key, minke_type value) {
    const auto mapping = RowMapping::Make(Hits(), key, value);
    EXPECT_FALSE(mapping);
    if (mapping) return std::string();
    EXPECT_EQ(mapping.error().code, ErrorCode::kInvalidArgument);
    return mapping.error().text;
  };
  ExpectHas(refused(MINKE_I64, MINKE_I64), {"table:k.t", "column host of type text", "integer"});
  ExpectHas(refused(MINKE_BYTES, MINKE_F64), {"column day of type int", "floating-point"});
  ExpectHas(refused(MINKE_I64, MINKE_NONE), {"host, day, hits", "1 fields"});
  const minke_type many = MINKE_BYTES | MINKE_I64 << 4 | MINKE_I64 << 8 | MINKE_BYTES << 12;
  ExpectHas(refused(many, MINKE_BYTES), {"column shape of type polygon", "knows no such type"});
  ExpectHas(refused(many | MINKE_BYTES << 16, MINKE_I64 | MINKE_I64 << 4), {"records of 7 fields"});
  Table counted = MakeTable(
      {{"id", "text", ColumnRole::kPartitionKey}, {"n", "counter", ColumnRole::kRegular}});
  const auto mapping = RowMapping::Make(counted, MINKE_BYTES, MINKE_I64);
  ASSERT_FALSE(mapping);
  ExpectHas(mapping.error().text, {"column n of type counter"});
}

TEST(RowMapping, AValueThatDoesNotFitIsBadInputByColumnTypeAndRecord) {
  const auto mapping = RowMapping::Make(Hits(), kTextAndInteger, MINKE_U64).value();
  const auto row = mapping.RowOf(R"({"key":["a.org",3000000000],"value":9})");
  ASSERT_FALSE(row);
  EXPECT_EQ(row.error().code, ErrorCode::kInput);
  ExpectHas(row.error().text,
            {"table:k.t", "column day of type int", "3000000000 is no int", "a.org"});
  ExpectHas(Row(mapping, R"({"key":["",3],"value":9})"), {"partition key is empty"});
  ExpectHas(Row(mapping, R"({"key":[")" + std::string(70'000, 'x') + R"(",3],"value":9})"),
            {"over 65,535 bytes"});
  ExpectHas(Row(mapping, R"({"key":[{"base64":"/w=="},3],"value":9})"),
            {"column host of type text"});
}

}  // namespace
}  // namespace minke
