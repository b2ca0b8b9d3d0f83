// Tables of users on a real Cassandra, as the Store port has them.
#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "adapter/cassandra/cassandra_store.h"
#include "adapter/cassandra/connection.h"
#include "base/bytes.h"
#include "cassandra_keyspace.h"

namespace minke {
namespace {

using Row = std::vector<std::string>;  // cells as they are stored; "(null)"

class UserTablesTest : public testing::Test {
 protected:
  TableName Table(const std::string& name) const { return {Keyspace::Options().keyspace, name}; }
  Tables& tables() { return *store_->tables(); }

  // A fresh table; @ stands for its name.
  TableName Make(const std::string& name, const std::string& columns) {
    auto& dispatcher = connection_->dispatcher();
    const std::string quoted = fmt::format("{}.\"{}\"", Keyspace::Options().keyspace, name);
    EXPECT_TRUE(dispatcher.ChangeSchema("DROP TABLE IF EXISTS " + quoted));
    EXPECT_TRUE(dispatcher.ChangeSchema(fmt::format("CREATE TABLE {} ({})", quoted, columns)));
    return Table(name);
  }

  void Put(const TableName& table, const std::vector<std::string>& columns,
           const std::vector<std::vector<Cell>>& rows, int64_t timestamp_us = 1) {
    const auto writer = tables().Write(table, columns, timestamp_us).value();
    for (const auto& row : rows) ASSERT_TRUE(writer->Put(row));
    ASSERT_TRUE(writer->Finish());
  }

  std::vector<Row> Read(const TableName& table, const std::vector<std::string>& columns,
                        TokenRange range = {}) {
    const auto scan = tables().Scan(table, columns, range).value();
    std::vector<Row> rows;
    for (;;) {
      const auto cells = scan->Next();
      EXPECT_TRUE(cells) << cells.error().text;
      if (!cells || !*cells) return rows;
      Row& row = rows.emplace_back();
      for (const Cell& cell : **cells) row.emplace_back(cell ? *cell : "(null)");
    }
  }

  std::unique_ptr<CassandraStore> store_ = CassandraStore::Open(Keyspace::Options()).value();
  std::unique_ptr<Connection> connection_ = Connection::Open(Keyspace::Options()).value();
};

TEST_F(UserTablesTest, ATableIsDescribedInTheOrderOfSelectAll) {
  const TableName table =
      Make("Shapes",
           "zone text, \"Day\" date, at timestamp, total int static, tags set<text>, "
           "\"a\"\"b\" frozen<list<map<int, double>>>, PRIMARY KEY ((\"Day\", zone), at)");
  const auto shape = tables().Describe(table);
  ASSERT_TRUE(shape) << shape.error().text;
  const std::vector<TableColumn> wanted = {
      {"Day", "date", ColumnRole::kPartitionKey},
      {"zone", "text", ColumnRole::kPartitionKey},
      {"at", "timestamp", ColumnRole::kClustering},
      {"total", "int", ColumnRole::kStatic},
      {"a\"b", "frozen<list<frozen<map<int, double>>>>", ColumnRole::kRegular},
      {"tags", "set<text>", ColumnRole::kRegular}};
  ASSERT_EQ(shape->columns.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(shape->columns[i].name, wanted[i].name);
    EXPECT_EQ(shape->columns[i].type, wanted[i].type);
    EXPECT_EQ(shape->columns[i].role, wanted[i].role) << wanted[i].name;
  }
}

TEST_F(UserTablesTest, ATableThatIsNotThereIsNotFoundByItsName) {
  const auto shape = tables().Describe(Table("nowhere"));
  ASSERT_FALSE(shape);
  EXPECT_EQ(shape.error().code, ErrorCode::kNotFound);
  EXPECT_NE(shape.error().text.find(".nowhere"), std::string::npos) << shape.error().text;
}

TEST_F(UserTablesTest, RangesOfTokensGiveEveryRowOnceInOneOrder) {
  const TableName table = Make("words", "word text, n int, note blob, PRIMARY KEY (word, n)");
  const std::vector<std::string> columns = {"word", "n", "note"};
  std::vector<std::string> words;
  for (int i = 0; i < 1500; ++i) words.push_back(fmt::format("word {}", i));
  std::vector<std::vector<Cell>> rows;
  constexpr Bytes kNumbers[] = {Bytes("\0\0\0\1", 4), Bytes("\0\0\0\2", 4)};
  for (const std::string& word : words) {
    for (const Bytes number : kNumbers) rows.push_back({word, number, Bytes("")});
  }
  Put(table, columns, rows);
  const std::vector<Row> all = Read(table, columns);
  ASSERT_EQ(all.size(), rows.size());
  std::vector<Row> sorted = all;
  std::ranges::sort(sorted);
  EXPECT_EQ(std::ranges::adjacent_find(sorted), sorted.end()) << "each once";
  for (size_t i = 0; i < all.size(); i += 2) {
    EXPECT_EQ(all[i][0], all[i + 1][0]) << "a partition's rows lie together";
    EXPECT_EQ(all[i][1], kNumbers[0]);
    EXPECT_EQ(all[i][2], "") << "empty is not null";
  }
  std::vector<Row> by_ranges;
  for (const auto& [first, last] : {std::pair<int64_t, int64_t>{INT64_MIN, -5'000'000'000'000},
                                    {-4'999'999'999'999, 0},
                                    {1, 1},
                                    {2, INT64_MAX}}) {
    std::ranges::copy(Read(table, columns, {first, last}), std::back_inserter(by_ranges));
  }
  EXPECT_EQ(by_ranges, all);
}

TEST_F(UserTablesTest, OfTwoWritesTheLaterStaysWhicheverComesFirst) {
  const TableName table = Make("State", "\"Id\" text PRIMARY KEY, a text, b text");
  const std::vector<std::string> columns = {"Id", "a", "b"};
  Put(table, columns, {{"x", "new", "new"}}, 20);
  Put(table, columns, {{"x", "old", "old"}}, 10);
  EXPECT_EQ(Read(table, columns), (std::vector<Row>{{"x", "new", "new"}}));
  Put(table, {{"Id"}, {"b"}}, {{"x", std::nullopt}}, 30);
  EXPECT_EQ(Read(table, columns), (std::vector<Row>{{"x", "new", "(null)"}}));
  Put(table, columns, {{"x", "newer", "newer"}}, 30);
  Put(table, columns, {{"x", "newer", "newer"}}, 30);
  EXPECT_EQ(Read(table, columns), (std::vector<Row>{{"x", "newer", "(null)"}}));
}

TEST_F(UserTablesTest, ATableThatGoesMeanwhileIsNotFound) {
  const TableName table = Make("brief", "id text PRIMARY KEY, a text");
  ASSERT_TRUE(connection_->dispatcher().ChangeSchema("ALTER TABLE " + table.Text() + " DROP a"));
  for (const std::string column : {"a", "b"}) {
    const std::vector<std::string> columns = {"id", column};
    EXPECT_FALSE(tables().Scan(table, columns, {}));
    EXPECT_FALSE(tables().Write(table, columns, 1));
  }
  ASSERT_TRUE(connection_->dispatcher().ChangeSchema("DROP TABLE " + table.Text()));
  const std::vector<std::string> columns = {"id"};
  EXPECT_EQ(tables().Scan(table, columns, {}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(tables().Write(table, columns, 1).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace minke
