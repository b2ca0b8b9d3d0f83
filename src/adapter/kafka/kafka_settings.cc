#include "adapter/kafka/kafka_settings.h"

#include <array>
#include <fmt/format.h>
#include <string_view>

#include "base/file.h"

namespace minke {
namespace {

// Properties whose values are secrets: not for arguments and settings, which others can see.
constexpr std::array<std::string_view, 5> kSecret = {"password", "secret", "jaas", "ssl.key.pem",
                                                     "sasl.oauthbearer.config"};

bool HoldsSecret(std::string_view name) {
  for (const std::string_view part : kSecret) {
    if (name.find(part) != std::string_view::npos) return true;
  }
  return false;
}

// What the brokers and we must agree on, or what the laws of the log stand on.
constexpr std::array<std::string_view, 10> kOurs = {
    "bootstrap.servers",     "metadata.broker.list",
    "enable.idempotence",    "acks",
    "request.required.acks", "allow.auto.create.topics",
    "auto.offset.reset",     "max.in.flight.requests.per.connection",
    "max.in.flight",         "message.timeout.ms"};

// The library's own text may hold the value that it does not take.
Status Set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  std::array<char, 512> text{};
  const auto result =
      Kafka().rd_kafka_conf_set(conf, name.c_str(), value.c_str(), text.data(), text.size());
  if (result == RD_KAFKA_CONF_OK) return {};
  if (HoldsSecret(name)) {
    return Error{ErrorCode::kConfiguration, fmt::format("Kafka: {} is not taken", name)};
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("Kafka: {}; the properties are those of librdkafka", text.data())};
}

Result<std::string> FirstLineOf(const std::string& path, std::string_view setting) {
  auto text = ReadFile(path);
  if (!text) {
    return Error{ErrorCode::kConfiguration, fmt::format("{}: {}", setting, text.error().text)};
  }
  std::string line = text->substr(0, text->find('\n'));
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty()) {
    return Error{ErrorCode::kConfiguration, fmt::format("{}: {} is empty", setting, path)};
  }
  return line;
}

Status SetProperty(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  if (HoldsSecret(name)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the Kafka property {} holds a secret: give a file, by "
                             "--kafka-password-file or --kafka-key-password-file",
                             name)};
  }
  for (const std::string_view ours : kOurs) {
    if (name == ours) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the Kafka property {} is minke's to choose", name)};
    }
  }
  return Set(conf, name, value);
}

}  // namespace

Result<KafkaConf> MakeKafkaConf(const KafkaSettings& settings,
                                const std::map<std::string, std::string>& defaults) {
  MINKE_TRY_STATUS(LoadKafkaLibrary());
  if (settings.brokers.empty()) {
    return Error{ErrorCode::kInvalidArgument, "no Kafka is named: --kafka HOST:PORT"};
  }
  KafkaConf conf(Kafka().rd_kafka_conf_new());
  MINKE_TRY_STATUS(Set(conf.get(), "bootstrap.servers", settings.brokers));
  for (const auto& [name, value] : defaults) MINKE_TRY_STATUS(Set(conf.get(), name, value));
  if (!settings.ca_file.empty()) {
    MINKE_TRY_STATUS(Set(conf.get(), "security.protocol", "ssl"));
    auto readable = File::Open(settings.ca_file, File::Mode::kRead);
    if (!readable) {
      return Error{ErrorCode::kConfiguration, "--kafka-ca: " + readable.error().text};
    }
    MINKE_TRY_STATUS(Set(conf.get(), "ssl.ca.location", settings.ca_file));
  }
  if (!settings.user.empty()) {
    if (settings.password_file.empty()) {
      return Error{ErrorCode::kInvalidArgument, "--kafka-user needs --kafka-password-file"};
    }
    const auto password = MINKE_TRY(FirstLineOf(settings.password_file, "--kafka-password-file"));
    MINKE_TRY_STATUS(Set(conf.get(), "security.protocol", "sasl_ssl"));
    MINKE_TRY_STATUS(Set(conf.get(), "sasl.mechanism", "SCRAM-SHA-512"));
    MINKE_TRY_STATUS(Set(conf.get(), "sasl.username", settings.user));
    MINKE_TRY_STATUS(Set(conf.get(), "sasl.password", password));
  }
  if (!settings.key_password_file.empty()) {
    const auto password =
        MINKE_TRY(FirstLineOf(settings.key_password_file, "--kafka-key-password-file"));
    MINKE_TRY_STATUS(Set(conf.get(), "ssl.key.password", password));
    MINKE_TRY_STATUS(Set(conf.get(), "ssl.keystore.password", password));
  }
  for (const auto& [name, value] : settings.properties) {
    MINKE_TRY_STATUS(SetProperty(conf.get(), name, value));
  }
  return conf;
}

}  // namespace minke
