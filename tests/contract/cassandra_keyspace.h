// A keyspace of the test's own in the Cassandra of the lane "plain": for tests of what lies on it.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <optional>
#include <unistd.h>

#include "adapter/cassandra/cassandra_setup.h"
#include "adapter/cassandra/connection.h"
#include "service_lane.h"

namespace minke {

// Of this process, dropped at its end.
class Keyspace final : public testing::Environment {
 public:
  static const CassandraOptions& Options() { return *options_; }
  void SetUp() override {
    options_.emplace();
    options_->addresses = ServiceLane::Running("plain", "cassandra").setting("MINKE_CASSANDRA");
    options_->keyspace = fmt::format("minke_test_{}", getpid());
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

inline const testing::Environment* const kKeyspace =
    testing::AddGlobalTestEnvironment(new Keyspace());  // owned by GoogleTest

}  // namespace minke
