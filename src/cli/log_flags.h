// The flags that say where Kafka is, the same for every command that talks to it, and a job's log
// opened by them. A build without Kafka has the flags, and says so when one is used.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/ids.h"
#include "base/result.h"
#include "port/log.h"

namespace minke {

struct LogFlags {
  std::string kafka;  // host:port of some brokers, with commas between
  std::string user, password_file, ca, key_password_file;
  std::string prefix = "minke";         // of the topics' names
  uint32_t replication = 3;             // copies of each topic
  uint32_t min_insync = 0;              // copies that must have a message; 0: 2, or all there are
  std::vector<std::string> properties;  // NAME=VALUE, of librdkafka
};

void AddLogFlags(CLI::App& command, LogFlags* flags);

// kInvalidArgument: no Kafka is named.
Status CheckLogFlags(const LogFlags& flags);

// The job's log; nothing is asked of Kafka yet. kInvalidArgument: no Kafka is named, or a flag is
// wrong; kConfiguration: as KafkaLog::Open.
Result<std::unique_ptr<Log>> OpenLog(const LogFlags& flags, Incarnation job);
// Removes all topics of a job that is over, the journal too.
Status RemoveLog(const LogFlags& flags, Incarnation job);

}  // namespace minke
