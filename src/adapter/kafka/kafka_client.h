// One handle of librdkafka, and what can be asked of Kafka through it. It hides the library's
// callbacks: what they said last about the brokers becomes the text of our errors, which name the
// address. Any thread may call; calls block until answered, at most as long as they are told.
#pragma once

#include <chrono>
#include <cstdint>
#include <librdkafka/rdkafka.h>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "adapter/kafka/kafka_library.h"
#include "adapter/kafka/kafka_settings.h"
#include "base/result.h"

namespace minke {

using KafkaTopicHandle =
    std::unique_ptr<rd_kafka_topic_t, KafkaDeleter<&KafkaCalls::rd_kafka_topic_destroy>>;
using KafkaQueue =
    std::unique_ptr<rd_kafka_queue_t, KafkaDeleter<&KafkaCalls::rd_kafka_queue_destroy>>;

// When a call gives up.
class KafkaDeadline {
 public:
  explicit KafkaDeadline(int64_t ms) : at_(Now() + std::chrono::milliseconds(ms)) {}
  // Milliseconds left, at most `most`, at least 0.
  int LeftMs(int64_t most = 1 << 30) const;
  bool has_passed() const { return Now() >= at_; }

 private:
  static std::chrono::steady_clock::time_point Now() { return std::chrono::steady_clock::now(); }
  std::chrono::steady_clock::time_point at_;
};

struct KafkaTopicShape {
  int partitions = 0;
  int replicas = 0;  // of the first partition
};

struct KafkaOffsets {
  int64_t first = 0;
  int64_t end = 0;  // behind the last message
};

class KafkaClient {
 public:
  enum class Kind : uint8_t {
    kReader,           // reads, and asks
    kWriter,           // acks=all; each message once and in order, also across leaders
    kHeartbeatWriter,  // acks=1; old ones are given up
  };

  static Result<std::shared_ptr<KafkaClient>> Open(Kind kind, const KafkaSettings& settings);
  ~KafkaClient();  // drops what was not sent
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  rd_kafka_t* handle() const { return handle_; }
  const std::string& brokers() const { return brokers_; }

  // Nothing: there is no such topic. Also makes the topic known to the handle: without that, the
  // first message written or read takes half a second or one.
  Result<std::optional<KafkaTopicShape>> Describe(const std::string& topic,
                                                  const KafkaDeadline& deadline);
  // kNotFound: there is no such topic.
  Result<KafkaOffsets> Offsets(const std::string& topic, const KafkaDeadline& deadline);

  // Kafka's error as ours: `doing` is what failed. kUnavailable if it may pass; kConfiguration if
  // it is about rights, a login or a certificate.
  Error ErrorOf(rd_kafka_resp_err_t code, std::string_view doing, std::string_view detail = "");
  // The error of a call that was not answered in time.
  Error Away(std::string_view doing);
  // Takes in what the library has to say: about brokers, and about messages that were refused.
  void Serve() const { Kafka().rd_kafka_poll(handle_, 0); }

  // Why the last message to `topic` was refused for good; told once.
  std::optional<Error> TakeRefusal(const std::string& topic);
  // Whether a message was refused because there is no such topic; told once.
  bool TakeGone(const std::string& topic);

 private:
  explicit KafkaClient(std::string brokers) : brokers_(std::move(brokers)) {}
  rd_kafka_resp_err_t OffsetAt(const std::string& topic, int64_t place, int timeout_ms,
                               int64_t* offset) const;
  static void OnError(rd_kafka_t* handle, int code, const char* reason, void* self);
  static void OnDelivery(rd_kafka_t* handle, const rd_kafka_message_t* message, void* self);
  static void OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  // Whether brokers turn us away, so that waiting is no use.
  bool IsRefused();
  void HasAnswered();

  std::string brokers_;
  rd_kafka_t* handle_ = nullptr;

  std::mutex mutex_;  // guards what follows
  bool has_answered_ = false;
  int last_code_ = 0;
  std::string last_reason_;
  std::map<std::string, Error> refusals_;
  std::map<std::string, bool> gone_;
};

}  // namespace minke
