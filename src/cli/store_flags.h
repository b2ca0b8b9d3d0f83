// The flags that say where the store is, the same for every command that talks to one, and the
// store opened by them. A build without Cassandra has the flags, and says so when one is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "port/store.h"
#include "runtime/upkeep/doctor.h"

namespace minke {

struct StoreFlags {
  std::string cassandra;  // host:port of some nodes, with commas between
  std::string keyspace = "minke";
  std::string user, password_file, ca;
};

void AddStoreFlags(CLI::App& command, StoreFlags* flags);

// kInvalidArgument: no store is named.
Status CheckStoreFlags(const StoreFlags& flags);

// kInvalidArgument: no store is named; kUnavailable, kConfiguration: as CassandraStore::Open.
// `in_flight_bytes`: what may be written and not yet acknowledged; 0: as the store likes.
Result<std::unique_ptr<Store>> OpenStore(const StoreFlags& flags, size_t in_flight_bytes = 0);
// Its version, nodes and clock. Errors as of OpenStore; tables need not be there.
Result<StoreFacts> LookAtStore(const StoreFlags& flags);
// Makes keyspace and base tables, `replicas` (0: three, or as many as there are nodes) of each.
Status SetUpStore(const StoreFlags& flags, uint32_t replicas);

}  // namespace minke
