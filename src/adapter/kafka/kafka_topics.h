// The topics of one job in Kafka: their names, how they must be, and the calls that make, check,
// change and remove them. All block until Kafka has done so, at most until the deadline; errors are
// those of KafkaClient. docs/PROTOCOL.md has the table.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "adapter/kafka/kafka_client.h"
#include "base/ids.h"
#include "base/result.h"
#include "port/log.h"

namespace minke {

struct KafkaTopicOptions {
  std::string prefix = "minke";  // letters, digits, '.', '_', '-'
  int replication = 3;           // copies of each topic; 1 for a test cluster
  int min_insync = 2;            // copies that must have a message; at most `replication`
};

// "PREFIX.INCARNATION.journal" and so on.
std::string KafkaTopicName(const KafkaTopicOptions& options, Incarnation job, Topic topic);

// A topic's configuration; of the properties that were set for it, and not just inherited, apart.
struct KafkaTopicConfig {
  std::map<std::string, std::string> all;
  std::map<std::string, std::string> own;

  // What tells this topic from one of the same name made later: a random number that its maker put
  // where it has no effect. 0: minke has not made it.
  uint64_t mark() const;
};

class KafkaTopics {
 public:
  KafkaTopics(KafkaTopicOptions options, Incarnation job, KafkaClient* client)
      : options_(std::move(options)), job_(job), client_(client) {}

  std::string NameOf(Topic topic) const { return KafkaTopicName(options_, job_, topic); }

  // Makes those that are not there, then checks all. kConfiguration: one is not as it must be.
  Status MakeAndCheck(const KafkaDeadline& deadline);
  // Nothing: the topic is not there.
  Result<std::optional<KafkaTopicConfig>> Configuration(Topic topic, const KafkaDeadline& deadline);
  // Sets how long messages are kept; -1: for ever.
  Status KeepFor(Topic topic, int64_t ms, const KafkaDeadline& deadline);
  // Those that are not there count as removed.
  Status Remove(const std::vector<Topic>& topics, const KafkaDeadline& deadline);

 private:
  std::map<std::string, std::string> Wanted(Topic topic) const;
  Status Make(const std::vector<Topic>& topics, const KafkaDeadline& deadline);
  Status Check(Topic topic, const KafkaTopicShape& shape, const KafkaDeadline& deadline);

  KafkaTopicOptions options_;
  Incarnation job_;
  KafkaClient* client_;
};

}  // namespace minke
