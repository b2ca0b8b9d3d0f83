#include "adapter/kafka/kafka_log.h"

#include <fmt/format.h>
#include <random>

#include "log_contract.h"
#include "service_lane.h"

namespace minke {
namespace {

Incarnation AnyIncarnation() {
  std::random_device device;
  return {uint64_t{device()} << 32 | device()};
}

KafkaLogOptions PlainOptions() {
  KafkaLogOptions options;
  options.settings.brokers = ServiceLane::Running("plain", "kafka").setting("MINKE_KAFKA");
  options.topics.prefix = "contract";
  options.topics.replication = 1;
  options.topics.min_insync = 1;
  return options;
}

// The topics of one job; they go when the object does.
class KafkaPlace final : public LogPlace {
 public:
  ~KafkaPlace() override { EXPECT_TRUE(KafkaLog::Open(options_, job_).value()->Remove()); }
  std::unique_ptr<Log> Open() override { return KafkaLog::Open(options_, job_).value(); }

 private:
  KafkaLogOptions options_ = PlainOptions();
  Incarnation job_ = AnyIncarnation();
};

INSTANTIATE_TEST_SUITE_P(Kafka, LogContract,
                         testing::Values(LogKind{"kafka", true,
                                                 [] { return std::make_unique<KafkaPlace>(); }}));

}  // namespace
}  // namespace minke
