#include "adapter/kafka/kafka_client.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "base/logging.h"
#include "port/log.h"

namespace minke {
namespace {

using Properties = std::map<std::string, std::string>;
using PartitionList =
    std::unique_ptr<rd_kafka_topic_partition_list_t,
                    KafkaDeleter<&KafkaCalls::rd_kafka_topic_partition_list_destroy>>;

// Bytes of a message that are not its content: key, headers of record and batch.
constexpr size_t kMessageOverheadBytes = 64 << 10;

Properties DefaultsOf(KafkaClient::Kind kind) {
  Properties all = {
      {"client.id", "minke"},
      {"log.connection.close", "false"},
      {"socket.keepalive.enable", "true"},
      {"socket.nagle.disable", "true"},
      // A broker that neither answers nor closes counts as away after this.
      {"socket.timeout.ms", "10000"},
      {"socket.connection.setup.timeout.ms", "10000"},
      // After an outage go on soon.
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "1000"},
      {"allow.auto.create.topics", "false"},
      {"ssl.endpoint.identification.algorithm", "https"},
      {"message.max.bytes", std::to_string(kMessageBytesMax + kMessageOverheadBytes)},
  };
  if (kind == KafkaClient::Kind::kReader) {
    all.merge(Properties{{"auto.offset.reset", "error"},
                         {"enable.auto.commit", "false"},
                         {"check.crcs", "true"},
                         {"fetch.wait.max.ms", "500"},
                         {"fetch.error.backoff.ms", "50"},
                         {"queued.min.messages", "10000"},
                         {"queued.max.messages.kbytes", "4096"}});
    return all;
  }
  // One request at a time: it takes with it all that has come meanwhile.
  all.merge(Properties{{"queue.buffering.max.ms", "0"},
                       {"queue.buffering.max.kbytes", "16384"},
                       {"max.in.flight.requests.per.connection", "1"},
                       {"retry.backoff.ms", "50"},
                       {"delivery.report.only.error", "true"}});
  if (kind == KafkaClient::Kind::kWriter) {
    // Nothing is given up: who must know reads back, and a message that was left out would let
    // those behind it pass.
    all.merge(Properties{{"enable.idempotence", "true"},
                         {"acks", "all"},
                         {"message.timeout.ms", "0"},
                         {"request.timeout.ms", "10000"}});
  } else {
    all.merge(Properties{{"acks", "1"}, {"message.timeout.ms", "10000"}});
  }
  return all;
}

bool IsNoTopic(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
         code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION;
}

// A certificate that does not hold. Other failures of TLS may be a broker that is starting or
// dying.
bool IsAboutCertificate(int code, std::string_view reason) {
  return code == RD_KAFKA_RESP_ERR__SSL && reason.find("certificate") != std::string_view::npos;
}

bool IsAboutLogin(int code) {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
         code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM;
}

bool IsAboutRights(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
         code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION || code == RD_KAFKA_RESP_ERR_INVALID_CONFIG ||
         code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR ||
         code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION;
}

}  // namespace

int KafkaDeadline::LeftMs(int64_t most) const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at_ - Now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, most));
}

Result<std::shared_ptr<KafkaClient>> KafkaClient::Open(Kind kind, const KafkaSettings& settings) {
  KafkaConf conf = MINKE_TRY(MakeKafkaConf(settings, DefaultsOf(kind)));
  std::shared_ptr<KafkaClient> client(new KafkaClient(settings.brokers));
  Kafka().rd_kafka_conf_set_opaque(conf.get(), client.get());
  Kafka().rd_kafka_conf_set_error_cb(conf.get(), OnError);
  Kafka().rd_kafka_conf_set_log_cb(conf.get(), OnLog);
  if (kind != Kind::kReader) Kafka().rd_kafka_conf_set_dr_msg_cb(conf.get(), OnDelivery);
  std::array<char, 512> text{};
  const auto type = kind == Kind::kReader ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER;
  rd_kafka_conf_t* given = conf.release();  // the handle's, if it comes to be
  client->handle_ = Kafka().rd_kafka_new(type, given, text.data(), text.size());
  if (client->handle_ == nullptr) {
    conf.reset(given);
    return Error{ErrorCode::kConfiguration,
                 fmt::format("Kafka at {}: {}", settings.brokers, text.data())};
  }
  return client;
}

KafkaClient::~KafkaClient() {
  if (handle_ != nullptr) {
    Kafka().rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  }
}

// ---- what the library says ---------------------------------------------------------------------

void KafkaClient::OnError(rd_kafka_t* /*handle*/, int code, const char* reason, void* self) {
  auto* client = static_cast<KafkaClient*>(self);
  LogFormatted(LogLevel::kDebug, "Kafka: {}", reason);
  // That all are down follows from what was said about one, which says why.
  if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) return;
  const std::lock_guard hold(client->mutex_);
  client->last_code_ = code;
  client->last_reason_ = reason;
}

void KafkaClient::OnDelivery(rd_kafka_t* /*handle*/, const rd_kafka_message_t* message,
                             void* self) {
  if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
  auto* client = static_cast<KafkaClient*>(self);
  const std::string topic = Kafka().rd_kafka_topic_name(message->rkt);
  const char* what = Kafka().rd_kafka_err2str(message->err);
  LogFormatted(LogLevel::kDebug, "Kafka: a message to {} was refused: {}", topic, what);
  if (IsNoTopic(message->err)) {
    const std::lock_guard hold(client->mutex_);
    client->gone_[topic] = true;
  } else if (IsAboutRights(message->err)) {
    Error error = client->ErrorOf(message->err, "writing to " + topic);
    const std::lock_guard hold(client->mutex_);
    client->refusals_.insert_or_assign(topic, std::move(error));
  }
}

// What matters of it comes back from calls, as errors.
void KafkaClient::OnLog(const rd_kafka_t* /*handle*/, int /*level*/, const char* facility,
                        const char* text) {
  LogFormatted(LogLevel::kDebug, "Kafka: {}: {}", facility, text);
}

std::optional<Error> KafkaClient::TakeRefusal(const std::string& topic) {
  const std::lock_guard hold(mutex_);
  const auto found = refusals_.find(topic);
  if (found == refusals_.end()) return std::nullopt;
  std::optional<Error> error = std::move(found->second);
  refusals_.erase(found);
  return error;
}

bool KafkaClient::TakeGone(const std::string& topic) {
  const std::lock_guard hold(mutex_);
  return gone_.erase(topic) > 0;
}

// ---- errors ------------------------------------------------------------------------------------

bool KafkaClient::IsRefused() {
  const std::lock_guard hold(mutex_);
  // Once we were let in, it is the brokers' state that changes, not our settings.
  return !has_answered_ &&
         (IsAboutLogin(last_code_) || IsAboutCertificate(last_code_, last_reason_));
}

void KafkaClient::HasAnswered() {
  const std::lock_guard hold(mutex_);
  has_answered_ = true;
}

Error KafkaClient::ErrorOf(rd_kafka_resp_err_t code, std::string_view doing,
                           std::string_view detail) {
  const std::string_view what = detail.empty() ? Kafka().rd_kafka_err2str(code) : detail;
  std::string_view advice;
  if (code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR) {
    advice = "; for a test cluster: --kafka-replication 1";
  }
  return Error{IsAboutRights(code) ? ErrorCode::kConfiguration : ErrorCode::kUnavailable,
               fmt::format("Kafka at {}: {}: {}{}", brokers_, doing, what, advice)};
}

Error KafkaClient::Away(std::string_view doing) {
  Serve();
  const bool is_refused = IsRefused();
  const std::lock_guard hold(mutex_);
  std::string text = fmt::format("Kafka at {} does not answer ({})", brokers_, doing);
  if (is_refused && IsAboutLogin(last_code_)) {
    text = fmt::format("Kafka at {} refuses the login; see --kafka-user, --kafka-password-file",
                       brokers_);
  } else if (is_refused) {
    text = fmt::format(
        "Kafka at {} has a certificate that is not trusted: an authority of "
        "--kafka-ca must have signed it, for the name in --kafka",
        brokers_);
  }
  if (!last_reason_.empty()) text += ": " + last_reason_;
  return Error{is_refused ? ErrorCode::kConfiguration : ErrorCode::kUnavailable, std::move(text)};
}

// ---- questions ---------------------------------------------------------------------------------

Result<std::optional<KafkaTopicShape>> KafkaClient::Describe(const std::string& topic,
                                                             const KafkaDeadline& deadline) {
  const KafkaTopicHandle named(Kafka().rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
  if (named == nullptr) return ErrorOf(Kafka().rd_kafka_last_error(), "naming " + topic);
  // In pieces that grow: short ones see early that we are refused, long ones let slow brokers
  // answer.
  for (int piece_ms = 250;; piece_ms = std::min(piece_ms * 2, 10'000)) {
    const rd_kafka_metadata_t* answer = nullptr;
    const auto code =
        Kafka().rd_kafka_metadata(handle_, 0, named.get(), &answer, deadline.LeftMs(piece_ms));
    const std::unique_ptr<const rd_kafka_metadata_t,
                          KafkaDeleter<&KafkaCalls::rd_kafka_metadata_destroy>>
        owned(answer);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && answer->topic_cnt == 1) {
      HasAnswered();
      const rd_kafka_metadata_topic& found = answer->topics[0];
      if (IsNoTopic(found.err)) return std::optional<KafkaTopicShape>();
      // A new topic has no leader for some moments.
      const bool is_led = found.err == RD_KAFKA_RESP_ERR_NO_ERROR && found.partition_cnt > 0 &&
                          found.partitions[0].leader >= 0;
      if (is_led) {
        return std::optional(KafkaTopicShape{found.partition_cnt, found.partitions[0].replica_cnt});
      }
      if (IsAboutRights(found.err)) return ErrorOf(found.err, "looking for " + topic);
      if (deadline.has_passed()) {
        return ErrorOf(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, "looking for " + topic);
      }
      Kafka().rd_kafka_poll(handle_, deadline.LeftMs(10));
      continue;
    }
    Serve();
    if (deadline.has_passed() || IsRefused()) return Away("looking for " + topic);
    // The library may know at once that there is no connection yet.
    Kafka().rd_kafka_poll(handle_, deadline.LeftMs(10));
  }
}

// Of RD_KAFKA_OFFSET_BEGINNING or …END. (rd_kafka_query_watermark_offsets waits for the brokers,
// however long its time-out is.)
rd_kafka_resp_err_t KafkaClient::OffsetAt(const std::string& topic, int64_t place, int timeout_ms,
                                          int64_t* offset) const {
  const PartitionList list(Kafka().rd_kafka_topic_partition_list_new(1));
  auto* one = Kafka().rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), 0);
  one->offset = place;
  const auto code = Kafka().rd_kafka_offsets_for_times(handle_, list.get(), timeout_ms);
  *offset = one->offset;
  return code == RD_KAFKA_RESP_ERR_NO_ERROR ? one->err : code;
}

Result<KafkaOffsets> KafkaClient::Offsets(const std::string& topic, const KafkaDeadline& deadline) {
  for (;;) {
    KafkaOffsets offsets;
    auto code = OffsetAt(topic, RD_KAFKA_OFFSET_BEGINNING, deadline.LeftMs(), &offsets.first);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      code = OffsetAt(topic, RD_KAFKA_OFFSET_END, deadline.LeftMs(), &offsets.end);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return offsets;
    LogFormatted(LogLevel::kDebug, "Kafka: offsets of {}: {}", topic,
                 Kafka().rd_kafka_err2str(code));
    if (IsNoTopic(code)) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("Kafka at {} has no topic {}", brokers_, topic)};
    }
    if (IsAboutRights(code)) return ErrorOf(code, "reading " + topic);
    if (deadline.has_passed()) return Away("asking for the offsets of " + topic);
    // A leader that has just changed, or a broker that hears late of a topic.
    Kafka().rd_kafka_poll(handle_, deadline.LeftMs(10));
  }
}

}  // namespace minke
