#include "adapter/kafka/kafka_topics.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <string_view>

#include "base/check.h"

namespace minke {
namespace {

constexpr std::array<std::string_view, kTopics> kNames = {"journal", "inbox", "heartbeat"};
constexpr std::array<Topic, kTopics> kAll = {Topic::kJournal, Topic::kInbox, Topic::kHeartbeat};
// Only compaction reads it, and our topics are never compacted.
constexpr const char* kMark = "min.compaction.lag.ms";
constexpr const char* kRetention = "retention.ms";
constexpr size_t kRecordOverheadBytes = 64 << 10;
// Heartbeats are of use for seconds.
constexpr const char* kHeartbeatMs = "600000";

using Properties = std::map<std::string, std::string>;
using Options = std::unique_ptr<rd_kafka_AdminOptions_t,
                                KafkaDeleter<&KafkaCalls::rd_kafka_AdminOptions_destroy>>;
using Event = std::unique_ptr<rd_kafka_event_t, KafkaDeleter<&KafkaCalls::rd_kafka_event_destroy>>;
using NewTopic =
    std::unique_ptr<rd_kafka_NewTopic_t, KafkaDeleter<&KafkaCalls::rd_kafka_NewTopic_destroy>>;
using OldTopic = std::unique_ptr<rd_kafka_DeleteTopic_t,
                                 KafkaDeleter<&KafkaCalls::rd_kafka_DeleteTopic_destroy>>;
using Resource = std::unique_ptr<rd_kafka_ConfigResource_t,
                                 KafkaDeleter<&KafkaCalls::rd_kafka_ConfigResource_destroy>>;

// One call of Kafka's administration: its options, and its answer.
class AdminCall {
 public:
  AdminCall(KafkaClient& client, rd_kafka_admin_op_t operation, const KafkaDeadline& deadline)
      : client_(client),
        deadline_(deadline),
        options_(Kafka().rd_kafka_AdminOptions_new(client.handle(), operation)),
        queue_(Kafka().rd_kafka_queue_new(client.handle())) {
    char text[128];
    // The library takes no less than a millisecond.
    const int ms = std::max(deadline.LeftMs(), 1);
    Kafka().rd_kafka_AdminOptions_set_request_timeout(options_.get(), ms, text, sizeof(text));
    if (operation != RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS &&
        operation != RD_KAFKA_ADMIN_OP_ALTERCONFIGS) {
      Kafka().rd_kafka_AdminOptions_set_operation_timeout(options_.get(), ms, text, sizeof(text));
    }
  }

  rd_kafka_AdminOptions_t* options() const { return options_.get(); }
  rd_kafka_queue_t* queue() const { return queue_.get(); }

  // Waits for the answer.
  Result<Event> Answer(std::string_view doing) const {
    Event event(Kafka().rd_kafka_queue_poll(queue_.get(), deadline_.LeftMs()));
    if (event == nullptr) return client_.Away(doing);
    const auto code = Kafka().rd_kafka_event_error(event.get());
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return event;
    if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT) {
      return client_.Away(doing);
    }
    return client_.ErrorOf(code, doing, Kafka().rd_kafka_event_error_string(event.get()));
  }

 private:
  KafkaClient& client_;
  const KafkaDeadline& deadline_;
  Options options_;
  KafkaQueue queue_;
};

uint64_t NewMark() {
  // A positive number of 62 bits: more than the property's default, less than Kafka's bound for it.
  return (RandomBits() >> 2) | 1;
}

std::optional<int64_t> NumberIn(const Properties& properties, const char* name) {
  const auto found = properties.find(name);
  if (found == properties.end()) return std::nullopt;
  int64_t value = 0;
  const std::string& text = found->second;
  const auto end = text.data() + text.size();
  if (std::from_chars(text.data(), end, value).ptr != end) return std::nullopt;
  return value;
}

Error NotAsItMust(const std::string& topic, std::string_view what) {
  return Error{ErrorCode::kConfiguration,
               fmt::format("the topic {} is there, but {}: whoever made it, it was not minke as it "
                           "is set up now; delete the topic, and switch off the brokers' "
                           "auto.create.topics.enable",
                           topic, what)};
}

// As `wanted`, or better where there is a better.
bool IsAsWanted(const std::string& name, const std::string& wanted, const Properties& found) {
  if (name == kMark) return NumberIn(found, kMark).value_or(0) > 0;
  if (name == "max.message.bytes" || name == "min.insync.replicas") {
    return NumberIn(found, name.c_str()).value_or(0) >= std::stoll(wanted);
  }
  const auto there = found.find(name);
  return there != found.end() && there->second == wanted;
}

}  // namespace

std::string KafkaTopicName(const KafkaTopicOptions& options, Incarnation job, Topic topic) {
  return fmt::format("{}.{}.{}", options.prefix, job.Hex(), kNames[static_cast<size_t>(topic)]);
}

uint64_t KafkaTopicConfig::mark() const {
  return static_cast<uint64_t>(std::max<int64_t>(NumberIn(all, kMark).value_or(0), 0));
}

std::map<std::string, std::string> KafkaTopics::Wanted(Topic topic) const {
  Properties wanted = {
      {"cleanup.policy", "delete"},
      {"max.message.bytes", std::to_string(kMessageBytesMax + kRecordOverheadBytes)},
      {"message.timestamp.type", "LogAppendTime"},
      {"min.insync.replicas", std::to_string(options_.min_insync)},
      {"unclean.leader.election.enable", "false"},
      {kMark, std::to_string(NewMark())},
      {"retention.bytes", "-1"},
      {kRetention, "-1"},
  };
  if (topic == Topic::kHeartbeat) {
    wanted[kRetention] = kHeartbeatMs;
    // Only what is no longer written to is removed.
    wanted["segment.ms"] = kHeartbeatMs;
    wanted["segment.bytes"] = std::to_string(16 << 20);
  }
  return wanted;
}

// ---- make and check ----------------------------------------------------------------------------

Status KafkaTopics::MakeAndCheck(const KafkaDeadline& deadline) {
  if (options_.replication < 1 || options_.min_insync < 1 ||
      options_.min_insync > options_.replication) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} copies of which {} must have a message cannot be: at least 1, and "
                             "no more than there are",
                             options_.replication, options_.min_insync)};
  }
  std::vector<Topic> missing;
  for (const Topic topic : kAll) {
    if (!MINKE_TRY(client_->Describe(NameOf(topic), deadline))) missing.push_back(topic);
  }
  if (!missing.empty()) MINKE_TRY_STATUS(Make(missing, deadline));
  for (const Topic topic : kAll) {
    // The brokers hear of a new topic one after the other.
    std::optional<KafkaTopicShape> shape;
    while (!shape) {
      shape = MINKE_TRY(client_->Describe(NameOf(topic), deadline));
      if (shape) break;
      if (deadline.has_passed()) return client_->Away("making " + NameOf(topic));
      Kafka().rd_kafka_poll(client_->handle(), deadline.LeftMs(10));
    }
    MINKE_TRY_STATUS(Check(topic, *shape, deadline));
  }
  return {};
}

Status KafkaTopics::Make(const std::vector<Topic>& topics, const KafkaDeadline& deadline) {
  std::vector<NewTopic> owned;
  std::vector<rd_kafka_NewTopic_t*> list;
  for (const Topic topic : topics) {
    char text[256];
    owned.emplace_back(Kafka().rd_kafka_NewTopic_new(NameOf(topic).c_str(), 1, options_.replication,
                                                     text, sizeof(text)));
    if (owned.back() == nullptr) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("topic {}: {}", NameOf(topic), text)};
    }
    for (const auto& [name, value] : Wanted(topic)) {
      Kafka().rd_kafka_NewTopic_set_config(owned.back().get(), name.c_str(), value.c_str());
    }
    list.push_back(owned.back().get());
  }
  const AdminCall call(*client_, RD_KAFKA_ADMIN_OP_CREATETOPICS, deadline);
  Kafka().rd_kafka_CreateTopics(client_->handle(), list.data(), list.size(), call.options(),
                                call.queue());
  const Event event = MINKE_TRY(call.Answer("making topics"));
  size_t count = 0;
  const auto* results = Kafka().rd_kafka_CreateTopics_result_topics(
      Kafka().rd_kafka_event_CreateTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto code = Kafka().rd_kafka_topic_result_error(results[i]);
    // Another master was faster: its topic is checked like any other.
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
      continue;
    }
    const char* detail = Kafka().rd_kafka_topic_result_error_string(results[i]);
    return client_->ErrorOf(
        code, fmt::format("making {}", Kafka().rd_kafka_topic_result_name(results[i])),
        detail == nullptr ? "" : detail);
  }
  return {};
}

Status KafkaTopics::Check(Topic topic, const KafkaTopicShape& shape,
                          const KafkaDeadline& deadline) {
  const std::string name = NameOf(topic);
  if (shape.partitions != 1) {
    return NotAsItMust(name, fmt::format("has {} partitions and must have 1", shape.partitions));
  }
  if (shape.replicas < options_.replication) {
    return NotAsItMust(
        name, fmt::format("has {} copies and must have {}", shape.replicas, options_.replication));
  }
  auto config = MINKE_TRY(Configuration(topic, deadline));
  if (!config) return client_->Away("checking " + name);
  for (const auto& [property, wanted] : Wanted(topic)) {
    if (IsAsWanted(property, wanted, config->all)) continue;
    // A journal that was closed goes on here: what stands in it is as good as before.
    if (topic == Topic::kJournal && property == kRetention && config->mark() != 0) {
      MINKE_TRY_STATUS(KeepFor(topic, -1, deadline));
      continue;
    }
    const auto found = config->all.find(property);
    const bool is_mark = property == kMark;
    return NotAsItMust(name, fmt::format("its {} is {} and must be {}", property,
                                         found == config->all.end() ? "not known" : found->second,
                                         is_mark ? "a number that its maker chose" : wanted));
  }
  return {};
}

// ---- configuration -----------------------------------------------------------------------------

Result<std::optional<KafkaTopicConfig>> KafkaTopics::Configuration(Topic topic,
                                                                   const KafkaDeadline& deadline) {
  const std::string name = NameOf(topic);
  const Resource resource(
      Kafka().rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  rd_kafka_ConfigResource_t* list[] = {resource.get()};
  const AdminCall call(*client_, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, deadline);
  Kafka().rd_kafka_DescribeConfigs(client_->handle(), list, 1, call.options(), call.queue());
  const Event event = MINKE_TRY(call.Answer("asking how " + name + " is set up"));
  size_t count = 0;
  const auto* answers = Kafka().rd_kafka_DescribeConfigs_result_resources(
      Kafka().rd_kafka_event_DescribeConfigs_result(event.get()), &count);
  MINKE_CHECK(count == 1);
  const auto code = Kafka().rd_kafka_ConfigResource_error(answers[0]);
  if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::optional<KafkaTopicConfig>();
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return client_->ErrorOf(code, "asking how " + name + " is set up");
  }
  KafkaTopicConfig config;
  const auto* entries = Kafka().rd_kafka_ConfigResource_configs(answers[0], &count);
  for (size_t i = 0; i < count; ++i) {
    const char* value = Kafka().rd_kafka_ConfigEntry_value(entries[i]);
    if (value == nullptr) continue;  // one that is hidden
    const char* property = Kafka().rd_kafka_ConfigEntry_name(entries[i]);
    config.all[property] = value;
    if (Kafka().rd_kafka_ConfigEntry_source(entries[i]) ==
        RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG) {
      config.own[property] = value;
    }
  }
  return std::optional(std::move(config));
}

Status KafkaTopics::KeepFor(Topic topic, int64_t ms, const KafkaDeadline& deadline) {
  const std::string name = NameOf(topic);
  auto config = MINKE_TRY(Configuration(topic, deadline));
  if (!config) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("Kafka at {} has no topic {}", client_->brokers(), name)};
  }
  // The call replaces all: what was set stays as it was.
  config->own[kRetention] = std::to_string(ms);
  const Resource resource(
      Kafka().rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name.c_str()));
  for (const auto& [property, value] : config->own) {
    Kafka().rd_kafka_ConfigResource_set_config(resource.get(), property.c_str(), value.c_str());
  }
  rd_kafka_ConfigResource_t* list[] = {resource.get()};
  const AdminCall call(*client_, RD_KAFKA_ADMIN_OP_ALTERCONFIGS, deadline);
  Kafka().rd_kafka_AlterConfigs(client_->handle(), list, 1, call.options(), call.queue());
  const Event event = MINKE_TRY(call.Answer("setting the retention of " + name));
  size_t count = 0;
  const auto* answers = Kafka().rd_kafka_AlterConfigs_result_resources(
      Kafka().rd_kafka_event_AlterConfigs_result(event.get()), &count);
  MINKE_CHECK(count == 1);
  const auto code = Kafka().rd_kafka_ConfigResource_error(answers[0]);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  return client_->ErrorOf(code, "setting the retention of " + name);
}

Status KafkaTopics::Remove(const std::vector<Topic>& topics, const KafkaDeadline& deadline) {
  std::vector<OldTopic> owned;
  std::vector<rd_kafka_DeleteTopic_t*> list;
  for (const Topic topic : topics) {
    owned.emplace_back(Kafka().rd_kafka_DeleteTopic_new(NameOf(topic).c_str()));
    list.push_back(owned.back().get());
  }
  const AdminCall call(*client_, RD_KAFKA_ADMIN_OP_DELETETOPICS, deadline);
  Kafka().rd_kafka_DeleteTopics(client_->handle(), list.data(), list.size(), call.options(),
                                call.queue());
  const Event event = MINKE_TRY(call.Answer("removing topics"));
  size_t count = 0;
  const auto* results = Kafka().rd_kafka_DeleteTopics_result_topics(
      Kafka().rd_kafka_event_DeleteTopics_result(event.get()), &count);
  for (size_t i = 0; i < count; ++i) {
    const auto code = Kafka().rd_kafka_topic_result_error(results[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      return client_->ErrorOf(
          code, fmt::format("removing {}", Kafka().rd_kafka_topic_result_name(results[i])));
    }
  }
  return {};
}

}  // namespace minke
