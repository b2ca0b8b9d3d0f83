// How to reach Kafka, and who we are there, as a user names it. Turned into a configuration of
// librdkafka: who is named with a user logs in by SCRAM-SHA-512 over TLS, a CA alone means TLS, and
// properties of Kafka clients come last and win. Passwords come from files; no error names one.
#pragma once

#include <librdkafka/rdkafka.h>
#include <map>
#include <memory>
#include <string>

#include "adapter/kafka/kafka_library.h"
#include "base/result.h"

namespace minke {

struct KafkaSettings {
  std::string brokers;            // "HOST:PORT", or several of them with commas
  std::string user;               // empty: no login
  std::string password_file;      // its first line is the user's password
  std::string ca_file;            // PEM; empty: the machine's authorities
  std::string key_password_file;  // of ssl.key.location, ssl.keystore.location, where it has one
  std::map<std::string, std::string> properties;  // of librdkafka, as in "client.id"
};

using KafkaConf =
    std::unique_ptr<rd_kafka_conf_t, KafkaDeleter<&KafkaCalls::rd_kafka_conf_destroy>>;

// What `settings` say, over `defaults`. kInvalidArgument: a property that is none, or one that
// holds a secret; kConfiguration: a file that cannot be read, or the library is not there.
Result<KafkaConf> MakeKafkaConf(const KafkaSettings& settings,
                                const std::map<std::string, std::string>& defaults);

}  // namespace minke
