// The Log port over Kafka: a topic each for journal, inbox and heartbeat, of one partition.
//
// It hides librdkafka: its threads, handles and properties, the making and checking of topics, and
// what it takes to see that a journal was deleted, cut or made anew. Messages to journal and inbox
// are written by an idempotent producer that never gives one up: within one KafkaLog they arrive
// once and in the order of Append, also when brokers fail and leaders move. Only if the process
// dies, the topic is gone, or the log is closed while Kafka is away, are messages lost.
//
// Every call may be made from any thread; a reader is used by one thread, and may outlive the log.
// Create, Range, Read and Close ask Kafka, and so does the first Append to a topic: they take
// milliseconds, and at most `call_ms`; then they are kUnavailable, with the address and the reason.
// kConfiguration: a login, a certificate, rights, or a topic that is not as it must be.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "adapter/kafka/kafka_settings.h"
#include "adapter/kafka/kafka_topics.h"
#include "adapter/kafka/kafka_watch.h"
#include "base/ids.h"
#include "port/log.h"

namespace minke {

struct KafkaLogOptions {
  KafkaSettings settings;
  KafkaTopicOptions topics;
  KafkaWatchOptions watch;
  int64_t call_ms = 5000;   // bound of a call
  int64_t flush_ms = 5000;  // bound of sending what is left, when the log goes
  int64_t journal_kept_ms = int64_t{7} * 24 * 3600 * 1000;  // behind Close
};

class KafkaLog final : public Log {
 public:
  // Asks nothing of Kafka yet. kInvalidArgument, kConfiguration: a setting or file is wrong, or
  // librdkafka is not installed.
  static Result<std::unique_ptr<KafkaLog>> Open(KafkaLogOptions options, Incarnation job);
  ~KafkaLog() override;  // sends what was appended, if Kafka takes it

  Status Create() override;
  // kUnavailable, too: the topic is gone, and is not yet made anew. kCorruption: the journal is.
  Status Append(Topic topic, std::string bytes) override;
  Result<std::pair<int64_t, int64_t>> Range(Topic topic) override;
  Result<std::unique_ptr<LogReader>> Read(Topic topic, int64_t from) override;
  Status Close() override;
  void OnReady(std::function<void()> ready) override;

  // Removes all topics of the job, the journal too: for jobs that are over. None there is fine.
  Status Remove();

 private:
  struct State;
  explicit KafkaLog(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace minke
