#include "adapter/cassandra/cassandra_store.h"

#include <fmt/format.h>
#include <map>
#include <string>

#include "adapter/cassandra/connection.h"
#include "adapter/cassandra/key_text.h"
#include "adapter/cassandra/shuffle_tables.h"
#include "base/hash.h"
#include "cassandra_keyspace.h"
#include "store_contract.h"

namespace minke {
namespace {

// The keyspace, emptied.
class CassandraPlace final : public StorePlace {
 public:
  CassandraPlace() {
    const auto connection = Connection::Open(Keyspace::Options()).value();
    Dispatcher& dispatcher = connection->dispatcher();
    const auto tables = connection->Statement("SELECT incarnation, name FROM @.shuffle_tables");
    const CqlResult rows = dispatcher.Execute(tables.value()->Bind({})).value();
    ShuffleTables shuffle(connection.get());
    for (size_t row = 0; row < rows.rows(); ++row) {
      Incarnation job;
      job.bits = std::stoull(std::string(rows.bytes(row, 0)), nullptr, 16);
      EXPECT_TRUE(shuffle.Drop(job, NameOfKeyText(rows.bytes(row, 1))));
    }
    for (const char* table : {"jobs", "blocks", "datasets", "dataset_files", "dataset_chunks"}) {
      EXPECT_TRUE(dispatcher.ChangeSchema(
          fmt::format("TRUNCATE {}.{}", Keyspace::Options().keyspace, table)));
    }
  }
  std::unique_ptr<Store> Open() override {
    return CassandraStore::Open(Keyspace::Options()).value();
  }
};

INSTANTIATE_TEST_SUITE_P(Cassandra, StoreContract,
                         testing::Values(StoreKind{"cassandra", true, [] {
                                                     return std::make_unique<CassandraPlace>();
                                                   }}));

// ---- what only Cassandra promises

constexpr Incarnation kJob{0x1234};

class CassandraStoreTest : public testing::Test {
 protected:
  // Runs CQL behind the store's back; @ stands for the keyspace.
  CqlResult Run(const std::string& cql) {
    const auto statement = connection_->Statement(cql);
    EXPECT_TRUE(statement) << statement.error().text;
    return connection_->dispatcher().Execute((*statement)->Bind({})).value();
  }
  std::string CqlNameOf(const std::string& table) {
    return ShuffleTables(connection_.get()).Find(kJob, table).value().cql_name;
  }

  CassandraPlace place_;
  std::unique_ptr<Store> store_ = place_.Open();
  std::unique_ptr<Connection> connection_ = Connection::Open(Keyspace::Options()).value();
};

TEST_F(CassandraStoreTest, ANamedBlockThatLacksAPartOrHasAnotherByteIsCorruption) {
  const std::string where = fmt::format(
      " WHERE incarnation = '{}' AND shard = {} AND name = 'plan' AND part = ", kJob.Hex(),
      Hash64("plan") % 64);
  const std::string block(1'200'000, 'b');
  for (const std::string& harm :
       {"UPDATE @.blocks SET bytes = 0x00" + where + "1", "DELETE FROM @.blocks" + where + "1",
        "DELETE FROM @.blocks" + where + "2"}) {
    ASSERT_TRUE(store_->PutBlock(kJob, "plan", block));
    ASSERT_TRUE(store_->GetBlock(kJob, "plan").value() == block);
    Run(harm);
    const auto got = store_->GetBlock(kJob, "plan");
    ASSERT_FALSE(got) << harm;
    EXPECT_EQ(got.error().code, ErrorCode::kCorruption) << harm;
    EXPECT_NE(got.error().text.find("plan"), std::string::npos) << got.error().text;
  }
  Run("DELETE FROM @.blocks" + where + "0");
  EXPECT_EQ(store_->GetBlock(kJob, "plan").error().code, ErrorCode::kNotFound) << "never whole";
}

TEST_F(CassandraStoreTest, AChunkOrASliceThatIsDamagedOrLostIsCorruption) {
  const DatasetFile file{kJob, {3, 4}, "part"};
  const std::string where = fmt::format(
      " WHERE version = '{}' AND epoch = 3 AND n = 4 AND name = 'part' AND slice = 0", kJob.Hex());
  const auto put = [&] {
    const auto writer = store_->WriteDataset(file).value();
    for (uint32_t i = 0; i < 300; ++i) ASSERT_TRUE(writer->Put(i, std::to_string(i)));
    ASSERT_TRUE(writer->Finish());
  };
  for (const std::string& harm :
       {"UPDATE @.dataset_chunks SET bytes = 0x00" + where + " AND sequence = 1 AND piece = 0",
        "DELETE FROM @.dataset_chunks" + where + " AND sequence = 1",
        "DELETE FROM @.dataset_chunks" + where + " AND sequence >= 1"}) {
    put();
    Run(harm);
    const auto scan = store_->ScanDataset(file, 0).value();
    EXPECT_EQ(scan->Next().value(), "0");
    const auto damaged = scan->Next();
    ASSERT_FALSE(damaged) << harm;
    EXPECT_EQ(damaged.error().code, ErrorCode::kCorruption) << harm;
    EXPECT_NE(damaged.error().text.find("part"), std::string::npos) << damaged.error().text;
  }
  Run("DELETE FROM @.dataset_chunks" + where);
  EXPECT_EQ(store_->ScanDataset(file, 0).value()->Next().error().code, ErrorCode::kCorruption);
  EXPECT_EQ(store_->ScanDataset(file, 256).value()->Next().value(), "256");
}

// The history hot-bucket: four map tasks a bucket, so that a slice is 64 blocks of each.
TEST_F(CassandraStoreTest, HotBucketDoesNotMakeACassandraPartitionGrowBeyond64Mebibytes) {
  constexpr uint32_t kMapTasks = 4;
  constexpr uint32_t kBlocks = 150;
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, "hot", {.span = 64}));
  std::string block(size_t{64} << 10, 'x');
  for (uint32_t map_task = 0; map_task < kMapTasks; ++map_task) {
    const auto writer = store_->WriteShuffle(kJob, "hot").value();
    for (uint32_t i = 0; i < kBlocks; ++i) {
      ASSERT_TRUE(writer->Put({7, 0, map_task, {1, map_task + 1}, i}, block));
    }
    ASSERT_TRUE(writer->Finish());
  }
  const CqlResult slices = Run(fmt::format(
      "SELECT slice, count(*) FROM @.{} GROUP BY partition, bucket, slice", CqlNameOf("hot")));
  EXPECT_EQ(slices.rows(), 3u);
  for (size_t row = 0; row < slices.rows(); ++row) EXPECT_LE(slices.int64(row, 1), 256);
  const auto scan = store_->ScanShuffle(kJob, "hot", {7, 0}).value();
  for (uint32_t i = 0; i < kMapTasks * kBlocks; ++i) {
    const auto got = scan->Next().value();
    ASSERT_TRUE(got);
    ASSERT_EQ(got->key.map_task, i / kBlocks);
    ASSERT_EQ(got->key.sequence, i % kBlocks);
  }
  EXPECT_FALSE(scan->Next().value());
}

TEST_F(CassandraStoreTest, AShuffleTableIsNotCompressedAndLivesAWeekLongerThanItsJobMay) {
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, "old", {.span = 1, .max_age_ms = 3'600'000}));
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, "ageless", {.span = 1}));
  for (const auto& [table, seconds] :
       std::map<std::string, int>{{"old", 3600 + 7 * 24 * 3600}, {"ageless", 0}}) {
    const CqlResult found = Run(fmt::format(
        "SELECT default_time_to_live, gc_grace_seconds, compression FROM system_schema.tables "
        "WHERE keyspace_name = '@' AND table_name = '{}'",
        CqlNameOf(table)));
    ASSERT_EQ(found.rows(), 1u);
    EXPECT_EQ(found.int32(0, 0), seconds);
    EXPECT_EQ(found.int32(0, 1), 0);
    EXPECT_NE(found.bytes(0, 2).find("false"), std::string_view::npos) << "enabled: false";
  }
}

TEST_F(CassandraStoreTest, SettingUpAgainChangesNothing) {
  ASSERT_TRUE(store_->PutBlock(kJob, "plan", "whale"));
  ASSERT_TRUE(SetUpCassandra(Keyspace::Options(), {}));
  EXPECT_EQ(store_->GetBlock(kJob, "plan").value(), "whale");
}

TEST_F(CassandraStoreTest, AnotherVersionOfTheSchemaIsRefused) {
  Run("UPDATE @.format SET version = 2 WHERE id = 0");
  const auto store = CassandraStore::Open(Keyspace::Options());
  const Status set_up = SetUpCassandra(Keyspace::Options(), {});
  Run("UPDATE @.format SET version = 1 WHERE id = 0");
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, ErrorCode::kConfiguration);
  ASSERT_FALSE(set_up);
  EXPECT_EQ(set_up.error().code, ErrorCode::kConfiguration);
  EXPECT_TRUE(CassandraStore::Open(Keyspace::Options()));
}

}  // namespace
}  // namespace minke
