#include "cli/store_flags.h"

#include <utility>

#ifdef MINKE_HAS_CASSANDRA
#include "adapter/cassandra/cassandra_setup.h"
#include "adapter/cassandra/cassandra_store.h"
#endif

namespace minke {
namespace {

#ifdef MINKE_HAS_CASSANDRA

Result<CassandraOptions> OptionsOf(const StoreFlags& flags) {
  MINKE_TRY_STATUS(CheckStoreFlags(flags));
  CassandraOptions options;
  options.addresses = flags.cassandra;
  options.keyspace = flags.keyspace;
  options.user = flags.user;
  options.password_file = flags.password_file;
  options.ca_file = flags.ca;
  return options;
}

#else

Error NoCassandra() {
  return Error{ErrorCode::kConfiguration,
               "this minke was built without Cassandra: that needs cargo 1.88 or newer "
               "(https://rustup.rs); build it again with that"};
}

#endif

}  // namespace

Status CheckStoreFlags(const StoreFlags& flags) {
  if (flags.cassandra.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "name a Cassandra node, as in --cassandra 127.0.0.1:9042, or in MINKE_CASSANDRA"};
  }
  return {};
}

void AddStoreFlags(CLI::App& command, StoreFlags* flags) {
  command
      .add_option("--cassandra", flags->cassandra,
                  "HOST:PORT of some Cassandra nodes, with commas between")
      ->envname("MINKE_CASSANDRA");
  command.add_option("--keyspace", flags->keyspace, "Keyspace of minke's tables")
      ->envname("MINKE_KEYSPACE")
      ->capture_default_str();
  command.add_option("--cassandra-user", flags->user, "User; without it, no log-in")
      ->envname("MINKE_CASSANDRA_USER");
  command
      .add_option("--cassandra-password-file", flags->password_file,
                  "File whose first line is the password")
      ->envname("MINKE_CASSANDRA_PASSWORD_FILE");
  command
      .add_option("--cassandra-ca", flags->ca,
                  "PEM file of the certificates that are trusted; without it, no TLS")
      ->envname("MINKE_CASSANDRA_CA");
}

#ifdef MINKE_HAS_CASSANDRA

Result<std::unique_ptr<Store>> OpenStore(const StoreFlags& flags, size_t in_flight_bytes) {
  CassandraOptions options = MINKE_TRY(OptionsOf(flags));
  if (in_flight_bytes != 0) options.in_flight_share_bytes = in_flight_bytes;
  auto store = MINKE_TRY(CassandraStore::Open(options));
  return std::unique_ptr<Store>(std::move(store));
}

Result<StoreFacts> LookAtStore(const StoreFlags& flags) {
  const CassandraOptions options = MINKE_TRY(OptionsOf(flags));
  CassandraFacts facts = MINKE_TRY(LookAtCassandra(options));
  return StoreFacts{std::move(facts.version), facts.nodes, facts.unix_ms};
}

Status SetUpStore(const StoreFlags& flags, uint32_t replicas) {
  const CassandraOptions options = MINKE_TRY(OptionsOf(flags));
  return SetUpCassandra(options, {.replicas = replicas});
}

#else

Result<std::unique_ptr<Store>> OpenStore(const StoreFlags&, size_t) { return NoCassandra(); }

Result<StoreFacts> LookAtStore(const StoreFlags&) { return NoCassandra(); }

Status SetUpStore(const StoreFlags&, uint32_t) { return NoCassandra(); }

#endif

}  // namespace minke
