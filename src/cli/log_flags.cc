#include "cli/log_flags.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "cli/run_flags.h"

#ifdef MINKE_HAS_KAFKA
#include "adapter/kafka/kafka_log.h"
#endif

namespace minke {
namespace {

#ifdef MINKE_HAS_KAFKA

Result<KafkaLogOptions> OptionsOf(const LogFlags& flags) {
  MINKE_TRY_STATUS(CheckLogFlags(flags));
  if (flags.min_insync > flags.replication) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("--kafka-min-insync {} is more than --kafka-replication {}",
                             flags.min_insync, flags.replication)};
  }
  KafkaLogOptions options;
  options.settings.brokers = flags.kafka;
  options.settings.user = flags.user;
  options.settings.password_file = flags.password_file;
  options.settings.ca_file = flags.ca;
  options.settings.key_password_file = flags.key_password_file;
  for (auto& [name, value] : MINKE_TRY(SplitPairs("--kafka-property", flags.properties))) {
    options.settings.properties[name] = std::move(value);
  }
  const uint32_t insync =
      flags.min_insync != 0 ? flags.min_insync : std::min(2u, flags.replication);
  options.topics.prefix = flags.prefix;
  options.topics.replication = static_cast<int>(flags.replication);
  options.topics.min_insync = static_cast<int>(insync);
  return options;
}

#else

Error NoKafka() {
  return Error{ErrorCode::kConfiguration,
               "this minke was built without Kafka: that needs librdkafka-dev; build it again with "
               "that"};
}

#endif

}  // namespace

Status CheckLogFlags(const LogFlags& flags) {
  if (flags.kafka.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "name a Kafka broker, as in --kafka 127.0.0.1:9092, or in MINKE_KAFKA"};
  }
  return {};
}

void AddLogFlags(CLI::App& command, LogFlags* flags) {
  command
      .add_option("--kafka", flags->kafka, "HOST:PORT of some Kafka brokers, with commas between")
      ->envname("MINKE_KAFKA");
  command.add_option("--kafka-user", flags->user, "User, by SCRAM over TLS; without it, no log-in")
      ->envname("MINKE_KAFKA_USER");
  command
      .add_option("--kafka-password-file", flags->password_file,
                  "File whose first line is the password")
      ->envname("MINKE_KAFKA_PASSWORD_FILE");
  command
      .add_option("--kafka-ca", flags->ca,
                  "PEM file of the certificates that are trusted; alone, it means TLS")
      ->envname("MINKE_KAFKA_CA");
  command
      .add_option("--kafka-key-password-file", flags->key_password_file,
                  "File with the password of the client's own key")
      ->envname("MINKE_KAFKA_KEY_PASSWORD_FILE");
  command.add_option("--kafka-prefix", flags->prefix, "Begin of the topics' names")
      ->envname("MINKE_KAFKA_PREFIX")
      ->capture_default_str();
  command
      .add_option("--kafka-replication", flags->replication,
                  "Copies of each topic; 1 for a single broker")
      ->check(CLI::Range(1u, 1000u))
      ->envname("MINKE_KAFKA_REPLICATION")
      ->capture_default_str();
  command
      .add_option("--kafka-min-insync", flags->min_insync,
                  "Copies that must have a message; default: 2, or all that there are")
      ->check(CLI::Range(1u, 1000u))
      ->envname("MINKE_KAFKA_MIN_INSYNC");
  command
      .add_option("--kafka-property", flags->properties,
                  "NAME=VALUE: a property of Kafka clients (librdkafka); may be repeated, or hold "
                  "several with ';' between")
      ->delimiter(';')
      ->allow_extra_args(false)
      ->envname("MINKE_KAFKA_PROPERTY");
}

#ifdef MINKE_HAS_KAFKA

Result<std::unique_ptr<Log>> OpenLog(const LogFlags& flags, Incarnation job) {
  KafkaLogOptions options = MINKE_TRY(OptionsOf(flags));
  auto log = MINKE_TRY(KafkaLog::Open(std::move(options), job));
  return std::unique_ptr<Log>(std::move(log));
}

Status RemoveLog(const LogFlags& flags, Incarnation job) {
  KafkaLogOptions options = MINKE_TRY(OptionsOf(flags));
  const auto log = MINKE_TRY(KafkaLog::Open(std::move(options), job));
  return log->Remove();
}

#else

Result<std::unique_ptr<Log>> OpenLog(const LogFlags&, Incarnation) { return NoKafka(); }

Status RemoveLog(const LogFlags&, Incarnation) { return NoKafka(); }

#endif

}  // namespace minke
