#include "adapter/cassandra/cassandra_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include "adapter/cassandra/cassandra_setup.h"
#include "adapter/cassandra/connection.h"
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

// A keyspace of its own, dropped at the end.
class CassandraPlace final : public StorePlace {
 public:
  explicit CassandraPlace(CassandraOptions options) : options_(std::move(options)) {
    static int places = 0;
    options_.keyspace = fmt::format("store_test_{}_{}", getpid(), ++places);
    const Status set_up = SetUpCassandra(options_, {});
    EXPECT_TRUE(set_up) << set_up.error().text;
  }
  ~CassandraPlace() override {
    const auto connection = Connection::Open(options_).value();
    EXPECT_TRUE(connection->dispatcher().ChangeSchema("DROP KEYSPACE " + options_.keyspace));
  }
  CassandraPlace(const CassandraPlace&) = delete;
  CassandraPlace& operator=(const CassandraPlace&) = delete;
  std::unique_ptr<Store> Open() override { return CassandraStore::Open(options_).value(); }
  const CassandraOptions& options() const { return options_; }

 private:
  CassandraOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Cassandra, StoreContract,
                         testing::Values(StoreKind{"cassandra", true, [] {
                                                     return std::make_unique<CassandraPlace>(
                                                         PlainOptions());
                                                   }}));

}  // namespace
}  // namespace minke
