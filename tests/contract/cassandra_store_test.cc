#include "adapter/cassandra/cassandra_store.h"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <unistd.h>

#include "adapter/cassandra/cassandra_setup.h"
#include "adapter/cassandra/connection.h"
#include "adapter/cassandra/key_text.h"
#include "adapter/cassandra/shuffle_tables.h"
#include "service_lane.h"
#include "store_contract.h"

namespace minke {
namespace {

CassandraOptions PlainOptions() {
  static const ServiceLane lane = ServiceLane::Running("plain", "cassandra");
  CassandraOptions options;
  options.addresses = lane.setting("MINKE_CASSANDRA");
  return options;
}

// A keyspace of this process, dropped at its end.
class Keyspace final : public testing::Environment {
 public:
  static const CassandraOptions& Options() { return *options_; }
  void SetUp() override {
    options_ = PlainOptions();
    options_->keyspace = fmt::format("store_test_{}", getpid());
    const Status set_up = SetUpCassandra(*options_, {});
    ASSERT_TRUE(set_up) << set_up.error().text;
  }
  void TearDown() override {
    const auto connection = Connection::Open(*options_).value();
    EXPECT_TRUE(connection->dispatcher().ChangeSchema("DROP KEYSPACE " + options_->keyspace));
  }

 private:
  static inline std::optional<CassandraOptions> options_;
};

const testing::Environment* const kKeyspace =
    testing::AddGlobalTestEnvironment(new Keyspace());  // owned by GoogleTest

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

}  // namespace
}  // namespace minke
