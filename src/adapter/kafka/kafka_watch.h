// Looks after the topics that are being read: a thread that asks for their offsets every second.
//
// A reader of Kafka hears nothing when there is nothing to read, when the brokers are away, and
// when they hang. This tells the three apart, so that a master knows whether it has read to the
// end, and sees topics that are gone or were cut.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "adapter/kafka/kafka_client.h"
#include "base/result.h"

namespace minke {

struct KafkaWatchOptions {
  int64_t look_ms = 1000;
  // How long an answer may take: after both, Kafka is known to be away.
  int64_t answer_ms = 2000;
};

class KafkaWatch {
 public:
  // What is known of one topic.
  struct View {
    std::optional<Error> away;  // kUnavailable, or why we are turned away
    std::optional<Error> corruption;
    bool is_gone = false;
    KafkaOffsets offsets;
    uint64_t look = 0;  // number of the look that found this; 0: none yet
    std::chrono::steady_clock::time_point asked_at;  // when the offsets were asked for
  };

  // `changed` is called from the thread of this, when a view may make a difference to a reader.
  KafkaWatch(std::shared_ptr<KafkaClient> client, KafkaWatchOptions options,
             std::function<void()> changed);
  ~KafkaWatch();  // waits for an answer that is due
  KafkaWatch(const KafkaWatch&) = delete;
  KafkaWatch& operator=(const KafkaWatch&) = delete;

  void Add(const std::string& topic);
  // From now on `check` is called in every tenth look; kCorruption from it goes into the view of
  // `topic` for good.
  void Guard(const std::string& topic, std::function<Status()> check);

  View Look(const std::string& topic) const;
  // Number of the newest look that has begun: what later ones find is newer than now.
  uint64_t begun() const;

 private:
  void Work();
  void LookAt(const std::string& topic, uint64_t look);
  void CheckGuarded();

  std::shared_ptr<KafkaClient> client_;
  KafkaWatchOptions options_;
  std::function<void()> changed_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool is_stopping_ = false;
  uint64_t begun_ = 0;
  std::map<std::string, View> views_;
  std::map<std::string, int> misses_;  // looks in a row that found no such topic
  std::string guarded_;
  std::function<Status()> guard_;

  std::thread thread_;
};

}  // namespace minke
