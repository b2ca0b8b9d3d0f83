#include "adapter/kafka/kafka_reader.h"

#include <array>
#include <fmt/format.h>
#include <string_view>
#include <utility>

#include "base/bytes.h"

namespace minke {
namespace {

constexpr int64_t kKnownWaitMs = 1000;
constexpr int64_t kCheckMs = 3000;
constexpr size_t kBatch = 256;
constexpr std::chrono::seconds kFresh(2);

using Message =
    std::unique_ptr<rd_kafka_message_t, KafkaDeleter<&KafkaCalls::rd_kafka_message_destroy>>;

void CallReady(rd_kafka_t* /*handle*/, void* ready) {
  (*static_cast<const std::function<void()>*>(ready))();
}

}  // namespace

std::string KafkaMarkKey(uint64_t mark) {
  std::string key(sizeof(mark), '\0');
  for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<char>(mark >> (8 * i));
  return key;
}

KafkaReader::KafkaReader(KafkaReaderOptions options, std::shared_ptr<KafkaClient> client,
                         std::shared_ptr<KafkaWatch> watch, int64_t from, KafkaOffsets now)
    : options_(std::move(options)),
      client_(std::move(client)),
      watch_(std::move(watch)),
      handle_(Kafka().rd_kafka_topic_new(client_->handle(), options_.name.c_str(), nullptr)),
      queue_(Kafka().rd_kafka_queue_new(client_->handle())),
      next_(from),
      known_end_(now.end) {
  Kafka().rd_kafka_queue_cb_event_enable(queue_.get(), CallReady,
                                         const_cast<std::function<void()>*>(options_.ready.get()));
  watch_->Add(options_.name);
  needs_check_ = from < now.first || from > now.end || !Start();
}

KafkaReader::~KafkaReader() {
  // No call of `ready` is under way behind this.
  Kafka().rd_kafka_queue_cb_event_enable(queue_.get(), nullptr, nullptr);
  Stop();
  queue_.reset();
  handle_.reset();
}

Status KafkaReader::Start() {
  moved_at_look_ = watch_->begun();
  if (Kafka().rd_kafka_consume_start_queue(handle_.get(), 0, next_, queue_.get()) != 0) {
    return client_->ErrorOf(Kafka().rd_kafka_last_error(), "reading " + options_.name);
  }
  is_started_ = true;
  return {};
}

void KafkaReader::Stop() {
  if (is_started_) Kafka().rd_kafka_consume_stop(handle_.get(), 0);
  is_started_ = false;
}

Error KafkaReader::Broken(const std::string& what) const {
  return Error{ErrorCode::kCorruption,
               fmt::format("the topic {} of Kafka at {} {}: nothing but minke may change it; if it "
                           "cannot be brought back, run the job anew with minke rerun",
                           options_.name, client_->brokers(), what)};
}

Result<std::vector<LogMessage>> KafkaReader::Poll(size_t bytes_max) {
  is_at_end_ = options_.topic != Topic::kJournal && *options_.is_closed;
  if (is_at_end_) return std::vector<LogMessage>();
  Drain(bytes_max, 0);
  const KafkaDeadline deadline(kKnownWaitMs);
  while (next_ < known_end_ && pending_bytes_ <= bytes_max && !needs_check_ && !failure_ &&
         !deadline.has_passed()) {
    Drain(bytes_max, deadline.LeftMs());
  }
  if (pending_.empty()) MINKE_TRY_STATUS(Look());
  auto batch = Take(bytes_max);
  is_at_end_ = HasNothingLeft();
  return batch;
}

// As far as Kafka has said in the last two seconds.
bool KafkaReader::HasNothingLeft() const {
  if (!pending_.empty() || needs_check_ || failure_) return false;
  const auto now = std::chrono::steady_clock::now();
  const KafkaWatch::View view = watch_->Look(options_.name);
  if (view.away || view.is_gone || view.corruption) return false;
  if (view.look > 0 && now - view.asked_at < kFresh) return next_ >= view.offsets.end;
  return now - opened_at_ < kFresh && next_ >= known_end_;
}

// Takes from the library what it has, until there is more than `bytes_max`. Waits for the first.
void KafkaReader::Drain(size_t bytes_max, int wait_ms) {
  for (size_t wanted = wait_ms > 0 ? 1 : kBatch; pending_bytes_ <= bytes_max; wanted = kBatch) {
    std::array<rd_kafka_message_t*, kBatch> batch{};
    const auto count =
        Kafka().rd_kafka_consume_batch_queue(queue_.get(), wait_ms, batch.data(), wanted);
    if (count <= 0) return;
    wait_ms = 0;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) TakeIn(*Message(batch.at(i)));
  }
}

void KafkaReader::TakeIn(const rd_kafka_message_t& message) {
  if (needs_check_ || failure_) return;  // read again from next_, or never
  if (message.err == RD_KAFKA_RESP_ERR__BAD_MSG) {
    failure_ = Broken(fmt::format("is damaged at offset {}", message.offset));
    return;
  }
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    needs_check_ = true;
    return;
  }
  if (message.offset < next_) return;
  if (!IsOurs(message)) {
    if (!needs_check_ && !failure_) next_ = message.offset + 1;
    return;
  }
  next_ = message.offset + 1;
  rd_kafka_timestamp_type_t type{};
  pending_.push_back({message.offset, Kafka().rd_kafka_message_timestamp(&message, &type),
                      std::string(static_cast<const char*>(message.payload), message.len)});
  pending_bytes_ += message.len;
}

// Whether the message was written to the topic that is read. One that was not: either the topic was
// made anew, then this reader is over; or whoever still knows the old one has written to the new.
bool KafkaReader::IsOurs(const rd_kafka_message_t& message) {
  if (options_.topic != Topic::kJournal) return true;
  const std::string_view key(static_cast<const char*>(message.key), message.key_len);
  if (key == KafkaMarkKey(options_.mark)) return true;
  const auto mark = options_.current_mark();
  if (!mark && mark.error().code != ErrorCode::kCorruption) {
    needs_check_ = true;
  } else if (!mark || *mark != options_.mark) {
    failure_ = Broken("was made anew");
  }
  return false;
}

// Why there is nothing to read.
Status KafkaReader::Look() {
  if (failure_) return *failure_;
  if (needs_check_) return Check();
  const KafkaWatch::View view = watch_->Look(options_.name);
  if (view.corruption) failure_ = view.corruption;
  // Heartbeats come back when somebody makes the topic anew.
  if (view.is_gone && options_.topic != Topic::kHeartbeat) failure_ = Broken("is gone");
  // It is kept without limit, so whoever goes on with the job would find less than was decided.
  if (options_.topic == Topic::kJournal && view.offsets.first > 0) {
    failure_ = Broken(fmt::format("has lost what it held before offset {}", view.offsets.first));
  }
  if (failure_) return *failure_;
  const bool is_newer = view.look > moved_at_look_;
  if (view.away && is_newer) return *view.away;
  if (is_newer && (next_ > view.offsets.end || next_ < view.offsets.first)) return Check();
  return {};
}

// Asks whether the position can be read, and reads from there again.
Status KafkaReader::Check() {
  needs_check_ = true;
  const auto now = client_->Offsets(options_.name, KafkaDeadline(kCheckMs));
  if (!now) return Error{ErrorCode::kUnavailable, now.error().text};
  if (next_ < now->first || next_ > now->end) {
    if (options_.topic != Topic::kHeartbeat) {
      failure_ = Broken(fmt::format("holds the offsets from {} to {}, and was to be read from {}",
                                    now->first, now->end, next_));
      return *failure_;
    }
    next_ = now->end;
  }
  Stop();
  MINKE_TRY_STATUS(Start());
  needs_check_ = false;
  return {};
}

std::vector<LogMessage> KafkaReader::Take(size_t bytes_max) {
  std::vector<LogMessage> batch;
  size_t bytes = 0;
  while (!pending_.empty()) {
    const size_t size = pending_.front().bytes.size();
    if (!batch.empty() && bytes + size > bytes_max) break;
    bytes += size;
    batch.push_back(std::move(pending_.front()));
    pending_.pop_front();
  }
  pending_bytes_ -= bytes;
  if (!batch.empty()) moved_at_look_ = watch_->begun();
  return batch;
}

}  // namespace minke
