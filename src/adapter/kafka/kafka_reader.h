// A position in one topic of Kafka. Messages are fetched ahead by the library's threads, as far as
// a bound; Poll takes what is there.
//
// What stood in the topic when the reader was opened is waited for, up to a second a call: a reader
// of a long journal is served whole batches, and does not return empty-handed while there is more.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapter/kafka/kafka_client.h"
#include "adapter/kafka/kafka_watch.h"
#include "port/log.h"

namespace minke {

// The key of a journal's messages: which journal of that name they were written to.
std::string KafkaMarkKey(uint64_t mark);

struct KafkaReaderOptions {
  Topic topic = Topic::kJournal;
  std::string name;
  uint64_t mark = 0;  // of the journal that is to be read
  // The mark that the topic now has; asks Kafka.
  std::function<Result<uint64_t>()> current_mark;
  std::shared_ptr<const std::atomic<bool>> is_closed;  // the job is over
  // Called by the library's threads when there is something to read.
  std::shared_ptr<const std::function<void()>> ready;
};

class KafkaReader final : public LogReader {
 public:
  // `client` is for this reader alone: what two fetch over one connection, a broker answers in
  // turn. `now`: what the topic holds, as Kafka has just said.
  KafkaReader(KafkaReaderOptions options, std::shared_ptr<KafkaClient> client,
              std::shared_ptr<KafkaWatch> watch, int64_t from, KafkaOffsets now);
  ~KafkaReader() override;

  // As the port says; but heartbeats that are trimmed, or gone and made anew, are passed over: the
  // reader goes on from the topic's end. kUnavailable: Kafka does not answer, there may be more.
  Result<std::vector<LogMessage>> Poll(size_t bytes_max) override;
  bool is_at_end() const override { return is_at_end_; }
  int64_t position() const override { return pending_.empty() ? next_ : pending_.front().offset; }

 private:
  Status Start();
  void Stop();
  void Drain(size_t bytes_max, int wait_ms);
  void TakeIn(const rd_kafka_message_t& message);
  bool IsOurs(const rd_kafka_message_t& message);
  Status Look();
  Status Check();
  Error Broken(const std::string& what) const;
  std::vector<LogMessage> Take(size_t bytes_max);
  bool HasNothingLeft() const;

  KafkaReaderOptions options_;
  std::shared_ptr<KafkaClient> client_;
  std::shared_ptr<KafkaWatch> watch_;
  KafkaTopicHandle handle_;
  KafkaQueue queue_;
  bool is_started_ = false;

  int64_t next_;       // behind the last message of pending_
  int64_t known_end_;  // of the topic, when this was opened
  std::chrono::steady_clock::time_point opened_at_ = std::chrono::steady_clock::now();
  std::deque<LogMessage> pending_;
  size_t pending_bytes_ = 0;
  uint64_t moved_at_look_ = 0;  // looks up to this one may be older than next_
  bool is_at_end_ = false;
  bool needs_check_ = false;
  std::optional<Error> failure_;  // for good
};

}  // namespace minke
