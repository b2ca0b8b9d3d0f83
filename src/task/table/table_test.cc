#include "task/table/table.h"

#include <gtest/gtest.h>

#include "adapter/memory_store.h"

namespace minke {
namespace {

// A store with one table: k.t (id, "A", b).
class OneTable final : public MemoryStore, public Tables {
 public:
  Tables* tables() override { return this; }
  Result<TableShape> Describe(const TableName& name) override {
    if (name != TableName{"k", "t"}) return Error{ErrorCode::kNotFound, "no " + name.Text()};
    return TableShape{{{"id", "int", ColumnRole::kPartitionKey},
                       {"A", "polygon", ColumnRole::kRegular},
                       {"b", "text", ColumnRole::kRegular}},
                      7};
  }
  Result<std::unique_ptr<RowScan>> Scan(const TableName&, std::span<const std::string>,
                                        TokenRange) override {
    return Error{ErrorCode::kInternal, "not here"};
  }
  Result<std::unique_ptr<RowWriter>> Write(const TableName&, std::span<const std::string>,
                                           int64_t) override {
    return Error{ErrorCode::kInternal, "not here"};
  }
};

std::string Columns(const std::string& named) {
  OneTable store;
  const auto table = OpenTable(&store, named);
  if (!table) return table.error().text;
  std::string names;
  for (const Column& column : table->columns) names += column.name + " ";
  names += "|";
  for (const Column& column : table->others) names += " " + column.name;
  return names;
}

TEST(Table, IsNamedBehindItsPrefix) {
  EXPECT_EQ(TableIn("table:k.t").value(), "k.t");
  EXPECT_EQ(TableIn("./table:k.t"), std::nullopt);
  EXPECT_EQ(TableIn("tables"), std::nullopt);
}

TEST(Table, HasAllColumnsOrThoseThatAreNamedInTheirOrder) {
  EXPECT_EQ(Columns("k.t"), "id A b |");
  EXPECT_EQ(Columns("k.t(b,id)"), "b id | A");
  EXPECT_EQ(Columns("k.t( A )"), "A | id b");
  EXPECT_NE(Columns("k.t(a)").find("has no column a"), std::string::npos) << Columns("k.t(a)");
}

TEST(Table, WhatNamesNoneIsRefused) {
  for (const char* named :
       {"", "t", ".t", "k.", "k.t.u", "k.t(", "k.t()", "k.t(b", "k.t(b,)", "k.t(b,b)", "k.t(b)x"}) {
    OneTable store;
    const auto table = OpenTable(&store, named);
    ASSERT_FALSE(table) << named;
    EXPECT_EQ(table.error().code, ErrorCode::kInvalidArgument) << named;
    EXPECT_NE(table.error().text.find("table:KEYSPACE.TABLE"), std::string::npos)
        << table.error().text;
  }
}

TEST(Table, NeedsAStoreThatHasTables) {
  MemoryStore none;
  for (Store* store : {static_cast<Store*>(nullptr), static_cast<Store*>(&none)}) {
    const auto table = OpenTable(store, "k.t");
    ASSERT_FALSE(table);
    EXPECT_EQ(table.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(table.error().text.find("--cassandra"), std::string::npos) << table.error().text;
  }
  OneTable store;
  EXPECT_EQ(OpenTable(&store, "k.other").error().code, ErrorCode::kInput);
}

}  // namespace
}  // namespace minke
