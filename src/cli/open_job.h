// The job that a command is about: flags that say which and where, its row and its log. All that is
// needed is Kafka and Cassandra; no master.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "cli/log_flags.h"
#include "cli/store_flags.h"
#include "port/log.h"
#include "port/store.h"

namespace minke {

struct JobFlags {
  StoreFlags store;
  LogFlags log;
  std::string config, name;
};

// The flags of store and log, and --config; the job's name is the command's own to declare.
void AddJobFlags(CLI::App& command, JobFlags* flags);

struct OpenedJob {
  std::unique_ptr<Store> store;
  JobRow row;
  std::unique_ptr<Log> log;
};

// kInput: there is no job of that name.
Result<OpenedJob> OpenJob(const JobFlags& flags);
// Why the job has no journal, where its log says that there is none.
Error NoJournal(const JobFlags& flags, const JobRow& row);

}  // namespace minke
