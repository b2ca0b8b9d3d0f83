// Whole jobs whose input and output are tables of a real Cassandra: master, worker and tasks over
// its store, which die and go on.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "adapter/cassandra/cassandra_store.h"
#include "adapter/cassandra/connection.h"
#include "cassandra_keyspace.h"
#include "local_run.h"
#include "runtime/prepare.h"
#include "task/table/table_source.h"

namespace minke {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr char kEventColumns[] =
    "zone text, \"Of\" uuid, day int, at timestamp, amount double, price decimal, total varint, "
    "origin inet, seen boolean, body blob, tags set<text>, counts map<text, bigint>, "
    "shape frozen<tuple<int, text>>, on_day date, at_time time, tiny tinyint, small smallint, "
    "share float, once timeuuid, steps list<frozen<list<int>>>, label text static, "
    "PRIMARY KEY ((zone, \"Of\"), day, at)";

class TableRunTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "table-run-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    connection_ = Connection::Open(Keyspace::Options()).value();
    for (const char* table : {"events", "moved", "sums"})
      Run(fmt::format("DROP TABLE IF EXISTS @.{}", table));
    for (const char* table : {"events", "moved"}) {
      Run(fmt::format("CREATE TABLE @.{} ({})", table, kEventColumns));
    }
    Run("CREATE TABLE @.sums (zone text, day int, total double, note text, PRIMARY KEY (zone, "
        "day))");
    Run("TRUNCATE @.dataset_chunks");
    for (int i = 0; i < 300; ++i) AddEvent(i);
  }
  void TearDown() override { fs::remove_all(folder_); }

  // Some columns of every third row are null.
  void AddEvent(int i) {
    const std::string rest =
        i % 3 == 0
            ? ""
            : fmt::format(
                  ", \"price\": \"{}.50\", \"total\": {}, \"origin\": \"10.0.0.{}\", \"seen\": {}, "
                  "\"body\": \"0x00ff{:02x}\", \"tags\": [\"b\", \"a{}\"], \"counts\": {{\"x\": "
                  "{}}}, "
                  "\"shape\": [{}, \"quoted \\\"é\\\"\"], \"on_day\": \"2024-02-29\", "
                  "\"at_time\": \"07:05:09.25\", \"tiny\": -1, \"small\": {}, \"share\": 0.25, "
                  "\"once\": \"50554d6e-29bb-11e5-b345-feff819cdc9f\", \"steps\": [[1], [2, {}]], "
                  "\"label\": \"zone of {}\"",
                  i, -i, i % 256, i % 2 == 0, i % 256, i, i, i, i, i, i % 7);
    Run(
        fmt::format("INSERT INTO @.events JSON '{{\"zone\": \"z{}\", \"\\\"Of\\\"\": "
                    "\"123e4567-e89b-12d3-a456-426614174{:03}\", \"day\": {}, \"at\": "
                    "\"2026-01-31 07:05:09.{:03}Z\", \"amount\": {}.1{}}}'",
                    i % 7, i % 40, i % 5, i, i, rest));
  }

  // Runs CQL; @ stands for the keyspace.
  CqlResult Run(const std::string& cql) {
    std::string text;
    for (const char c : cql) text += c == '@' ? Keyspace::Options().keyspace : std::string(1, c);
    if (cql.starts_with("SELECT")) {
      const auto statement = connection_->Statement(text);
      EXPECT_TRUE(statement) << statement.error().text;
      return connection_->dispatcher().Execute((*statement)->Bind({})).value();
    }
    const Status done = connection_->dispatcher().ChangeSchema(text);
    EXPECT_TRUE(done) << done.error().text << ": " << text;
    return {};
  }

  // As Cassandra itself writes its rows, under column names without the quotes that it puts round
  // those with capitals.
  std::vector<Json> RowsAsCassandraSays(const std::string& table) {
    const CqlResult rows = Run(fmt::format("SELECT JSON * FROM @.{}", table));
    std::vector<Json> objects;
    for (size_t row = 0; row < rows.rows(); ++row) {
      Json object = Json::parse(rows.bytes(row, 0));
      object["Of"] = object["\"Of\""];
      object.erase("\"Of\"");
      objects.push_back(std::move(object));
    }
    return objects;
  }

  static std::string Events(const std::string& columns) {
    return fmt::format("table:{}.events{}", Keyspace::Options().keyspace, columns);
  }

  RunRequest Request(const std::string& job, const std::string& output) const {
    RunRequest request;
    request.job = job;
    request.inputs = {Events("")};
    request.output = fmt::format("table:{}.{}", Keyspace::Options().keyspace, output);
    request.partitions = 3;
    request.threads = LocalRun::kSlots;
    request.memory_bytes = 8 << 20;
    request.split_bytes = 8 << 20;  // of the 64 MiB that a table counts as
    request.spill_folder = folder_;
    request.goes_on_later = true;
    return request;
  }

  std::unique_ptr<LocalRun> NewRun(const RunRequest& request) {
    return std::make_unique<LocalRun>(
        folder_, request, [] { return CassandraStore::Open(Keyspace::Options()).value(); },
        fmt::format("job-{}", ++runs_));
  }

  // The error of a run that cannot begin.
  Error Refused(const RunRequest& request) {
    const auto store = CassandraStore::Open(Keyspace::Options()).value();
    SlotPage page;
    const auto run = PrepareRun(request, DeclareRun(request, &page).value(),
                                {LocalRun::kSlots, Incarnation{1}, store.get()});
    EXPECT_FALSE(run);
    return run ? Error{} : run.error();
  }

  std::string folder_;
  std::unique_ptr<Connection> connection_;
  static inline int runs_ = 0;
};

TEST_F(TableRunTest, RowsAreTheLinesThatCassandraItselfWrites) {
  const auto store = CassandraStore::Open(Keyspace::Options()).value();
  proto::InputFile file;
  file.set_path(Events(""));
  const auto source = TableSource::Open(file, proto::SplitPiece(), store.get()).value();
  std::string text(1 << 20, '\0');
  text.resize(source->Read(text.data(), text.size()).value());
  std::vector<Json> lines;
  for (size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    lines.push_back(Json::parse(text.substr(begin, text.find('\n', begin) - begin)));
  }
  const std::vector<Json> wanted = RowsAsCassandraSays("events");
  ASSERT_EQ(lines.size(), 300u);
  ASSERT_EQ(lines.size(), wanted.size());
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(lines[i], wanted[i]);
}

// What AddEvent has added, summed.
std::map<std::pair<std::string, int>, double> WantedSums() {
  std::map<std::pair<std::string, int>, double> wanted;
  for (int i = 0; i < 300; ++i) wanted[{fmt::format("z{}", i % 7), i % 5}] += i + 0.1;
  return wanted;
}

void ExpectSums(const CqlResult& rows) {
  const auto wanted = WantedSums();
  EXPECT_EQ(rows.rows(), wanted.size());
  for (size_t row = 0; row < rows.rows(); ++row) {
    const Json sum = Json::parse(rows.bytes(row, 0));
    const auto found = wanted.find({sum["zone"], sum["day"]});
    ASSERT_NE(found, wanted.end()) << sum;
    EXPECT_NEAR(sum["total"].get<double>(), found->second, 1e-6) << sum;
    const bool is_first = sum["zone"] == "z0" && sum["day"] == 0;
    EXPECT_EQ(sum["note"].is_null(), !is_first) << sum;
  }
}

constexpr char kSums[] = "SELECT JSON zone, day, total, note FROM @.sums";
constexpr char kNoted[] = "INSERT INTO @.sums (zone, day, total, note) VALUES ('z0', 0, 1, 'kept')";

TEST_F(TableRunTest, SumsOfATableBecomeRowsOfAnotherWhateverDies) {
  Run(kNoted);
  const auto run = NewRun(Request("sum-by-day", "sums(zone, day, total)"));
  const int lives = run->Live(2, [&] { run->KillAll(); });
  EXPECT_GT(lives, 4) << "maps, reduces, exports";
  run->KillAll();
  ExpectSums(Run(kSums));
  EXPECT_TRUE(run->Read().assigned_though_committed.empty());
  EXPECT_EQ(Run("SELECT name FROM @.dataset_chunks").rows(), 0u) << "what they came from is gone";
}

TEST_F(TableRunTest, ColumnsAreTheFieldsOfRecords) {
  Run(kNoted);
  RunRequest request = Request("sum-records", "sums(zone,day,total)");
  request.inputs = {Events("(zone,day,amount)")};
  EXPECT_EQ(NewRun(request)->ToTheEnd(), 0);
  ExpectSums(Run(kSums));
}

TEST_F(TableRunTest, ARecordTakesAnyColumnAsBytes) {
  RunRequest request = Request("show-records", "");
  request.inputs = {Events("(Of,at,body,tiny)")};
  request.output = folder_ + "/out";
  EXPECT_EQ(NewRun(request)->ToTheEnd(), 0);
  std::multiset<std::string> wanted;
  for (int i = 0; i < 300; ++i) {
    // 2026-01-31 07:05:09 is 1769843109.
    wanted.insert(fmt::format("123e4567-e89b-12d3-a456-426614174{:03} 1769843109{:03} {}", i % 40,
                              i, i % 3 == 0 ? "0 " : "3 -1"));
  }
  std::multiset<std::string> lines;
  for (const auto& file : fs::directory_iterator(folder_ + "/out")) {
    if (!file.path().filename().string().starts_with("part-")) continue;
    std::ifstream part(file.path());
    for (std::string line; std::getline(part, line);) lines.insert(line);
  }
  EXPECT_EQ(lines, wanted);
}

TEST_F(TableRunTest, ColumnsThatDoNotFitRecordsAreRefused) {
  RunRequest request = Request("sum-records", "sums(zone,day,total)");
  const auto refused = [&](const std::string& columns) {
    request.inputs = {Events(columns)};
    const Error error = Refused(request);
    EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
    return error.text;
  };
  EXPECT_NE(refused("(zone,day)").find("records of 3 fields"), std::string::npos);
  EXPECT_NE(refused("(zone,body,amount)").find("column body of type blob is no integer"),
            std::string::npos);
  EXPECT_NE(refused("(zone,day,total)").find("column total of type varint is no floating-point"),
            std::string::npos);
  request.inputs = {Events("(zone,small,amount)")};
  EXPECT_EQ(NewRun(request)->ToTheEnd(), 65) << "it is null in some rows";
}

TEST_F(TableRunTest, OneColumnAloneIsPlainText) {
  RunRequest request = Request("wordcount", "");
  request.inputs = {Events("(zone)"), Events("(small)")};
  request.output = folder_ + "/out";
  request.partitions = 1;
  EXPECT_EQ(NewRun(request)->ToTheEnd(), 0);
  std::map<std::string, int> wanted;
  for (int i = 0; i < 300; ++i) {
    ++wanted[fmt::format("z{}", i % 7)];
    if (i % 3 != 0) ++wanted[fmt::format("{}", i)];
  }
  std::ifstream part(folder_ + "/out/part-00000");
  std::map<std::string, int> counts;
  std::string word;
  for (int count = 0; part >> word >> count;) counts[word] = count;
  EXPECT_EQ(counts, wanted);
}

TEST_F(TableRunTest, ObjectsBecomeRowsOfEveryType) {
  const auto run = NewRun(Request("next-day", "moved"));
  EXPECT_EQ(run->ToTheEnd(), 0);
  std::vector<Json> wanted = RowsAsCassandraSays("events");
  for (Json& row : wanted) row["day"] = row["day"].get<int>() + 1000;
  std::vector<Json> moved = RowsAsCassandraSays("moved");
  std::ranges::sort(wanted);
  std::ranges::sort(moved);
  EXPECT_EQ(moved, wanted);
}

TEST_F(TableRunTest, WhatDoesNotFitIsRefusedWithColumnAndType) {
  Run("DROP TABLE @.sums");
  Run("CREATE TABLE @.sums (zone text, day text, total double, PRIMARY KEY (zone, day))");
  Error error = Refused(Request("sum-by-day", "sums"));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(error.text.find("column day of type text"), std::string::npos) << error.text;
  error = Refused(Request("sum-by-day", "nowhere"));
  EXPECT_EQ(error.code, ErrorCode::kInput);
  EXPECT_NE(error.text.find(".nowhere"), std::string::npos) << error.text;
  error = Refused(Request("sum-by-day", "sums(zone, total)"));
  EXPECT_NE(error.text.find("column day of type text is part of the primary key"),
            std::string::npos)
      << error.text;
  error = Refused(Request("sum-by-day", "sums(zone, Day, total)"));
  EXPECT_NE(error.text.find("no column Day"), std::string::npos) << error.text;
  Run("CREATE TYPE IF NOT EXISTS @.place (name text)");
  Run("ALTER TABLE @.events ADD place frozen<place>");
  error = Refused(Request("sum-by-day", "sums"));
  EXPECT_EQ(error.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(error.text.find("column place of type frozen<place>"), std::string::npos) << error.text;
}

TEST_F(TableRunTest, AValueThatDoesNotFitEndsTheJobWithBadInput) {
  Run("DROP TABLE @.sums");
  Run("CREATE TABLE @.sums (zone int, day int, total double, PRIMARY KEY (zone, day))");
  const auto run = NewRun(Request("sum-by-day", "sums"));
  EXPECT_EQ(run->ToTheEnd(), 65);
}

}  // namespace
}  // namespace minke
