// The flags by which a process of a cluster finds its services, and the services opened by them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "cli/log_flags.h"
#include "cli/store_flags.h"
#include "runtime/cluster/cluster_services.h"

namespace minke {

struct ServiceFlags {
  LogFlags log;
  StoreFlags store;
  uint32_t timeout_s = 600;
};

// Those of log and store, and --service-timeout.
void AddServiceFlags(CLI::App& command, ServiceFlags* flags);
// kInvalidArgument: log or store are not named.
Status CheckServiceFlags(const ServiceFlags& flags);
// `flags` outlives it.
ClusterServices ServicesOf(const ServiceFlags& flags);
// What gives another process the same flags: those that `command` was given, from the command line,
// the environment or a config file.
std::vector<std::string> ServiceWords(const CLI::App& command);

}  // namespace minke
