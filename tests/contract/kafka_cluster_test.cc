// Errors that only a cluster of several brokers gives, on librdkafka's own mock of one. It knows
// nothing of configurations, so the topic is the inbox, which needs none; and it takes messages
// whatever their sequence numbers, so that it cannot show how those keep the order.
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <string>
#include <vector>

#include "adapter/kafka/kafka_log.h"
#include "log_contract.h"

namespace minke {
namespace {

constexpr int16_t kProduce = 0;  // of Kafka's protocol

class MockCluster {
 public:
  explicit MockCluster(int brokers)
      : handle_(rd_kafka_new(RD_KAFKA_PRODUCER, Quiet(), nullptr, 0)),
        cluster_(rd_kafka_mock_cluster_new(handle_, brokers)) {}
  ~MockCluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }
  MockCluster(const MockCluster&) = delete;
  MockCluster& operator=(const MockCluster&) = delete;

  rd_kafka_mock_cluster_t* get() const { return cluster_; }
  std::string brokers() const { return rd_kafka_mock_cluster_bootstraps(cluster_); }

 private:
  static rd_kafka_conf_t* Quiet() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "2", nullptr, 0);
    return conf;
  }

  rd_kafka_t* handle_;
  rd_kafka_mock_cluster_t* cluster_;
};

class KafkaCluster : public testing::Test {
 protected:
  void SetUp() override {
    options_.settings.brokers = cluster_.brokers();
    name_ = KafkaTopicName(options_.topics, job_, Topic::kInbox);
    rd_kafka_mock_topic_create(cluster_.get(), name_.c_str(), 1, 2);
    Lead(1);
    log_ = KafkaLog::Open(options_, job_).value();
    Append("0");
    EXPECT_EQ(ReadAll(1), std::vector<std::string>{"0"});
  }

  void Lead(int broker) {
    rd_kafka_mock_partition_set_leader(cluster_.get(), name_.c_str(), 0, broker);
  }
  void Append(const std::string& text) {
    const Status sent = log_->Append(Topic::kInbox, text);
    ASSERT_TRUE(sent) << sent.error().text;
  }
  // The first `count` messages.
  std::vector<std::string> ReadAll(size_t count) {
    const KafkaDeadline deadline(20'000);
    const auto reader = log_->Read(Topic::kInbox, 0).value();
    std::vector<std::string> texts;
    while (texts.size() < count && !deadline.has_passed()) {
      const auto batch = reader->Poll(1 << 20);
      if (!batch) continue;
      for (const LogMessage& message : *batch) texts.push_back(message.bytes);
    }
    return texts;
  }

  const MockCluster cluster_{2};
  KafkaLogOptions options_;
  const Incarnation job_{0x1234};
  std::string name_;
  std::unique_ptr<KafkaLog> log_;
};

TEST_F(KafkaCluster, ErrorsThatPassAreWaitedForAndNothingIsLost) {
  rd_kafka_mock_push_request_errors(
      cluster_.get(), kProduce, 4, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
  std::vector<std::string> all = {"0"};
  for (int i = 1; i <= 50; ++i) {
    all.push_back(std::to_string(i));
    Append(all.back());
  }
  EXPECT_EQ(ReadAll(all.size()), all);
}

TEST_F(KafkaCluster, AProducerThatIsGivenUpIsReplaced) {
  rd_kafka_mock_push_request_errors(cluster_.get(), kProduce, 1,
                                    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
  Append("lost with it");
  // Whoever must know reads back, and sends again.
  const auto reader = log_->Read(Topic::kInbox, 1).value();
  ReadyCount ready(*log_);
  std::string read;
  EXPECT_TRUE(ready.WaitUntil([&] {
    const Status sent = log_->Append(Topic::kInbox, "again");
    EXPECT_TRUE(sent || sent.error().code == ErrorCode::kUnavailable) << sent.error().text;
    const auto batch = reader->Poll(1 << 20);
    if (batch && !batch->empty()) read = batch->front().bytes;
    return !read.empty();
  }));
  log_->OnReady(nullptr);
  EXPECT_EQ(read, "again");
}

TEST_F(KafkaCluster, OneOfSeveralBrokersMayBeDown) {
  rd_kafka_mock_broker_set_down(cluster_.get(), 2);
  Append("1");
  EXPECT_EQ(ReadAll(2), (std::vector<std::string>{"0", "1"}));
  rd_kafka_mock_broker_set_up(cluster_.get(), 2);
  rd_kafka_mock_broker_set_down(cluster_.get(), 1);
  Lead(2);
  Append("2");
  EXPECT_EQ(ReadAll(3), (std::vector<std::string>{"0", "1", "2"}));
}

}  // namespace
}  // namespace minke
