# Sourced by services.sh: one Cassandra. It has its system tables only; `minke setup` makes more.
# shellcheck shell=bash
# shellcheck disable=SC2154  # here, lane, lane_folder and is_secure are services.sh's

cassandra_heap=${MINKE_SERVICES_CASSANDRA_HEAP:-512m}

# Periodic: what was acknowledged in the last 100 ms before a SIGKILL is lost, where there is one
# copy. Lanes that are there to be killed acknowledge what is on disk.
commitlog_sync() {
  if [ "$lane" = plain ] || [ "$lane" = secure ]; then
    printf 'commitlog_sync: periodic\ncommitlog_sync_period: 10s\n'
  else
    printf 'commitlog_sync: batch\n'
  fi
}

cassandra_yaml() { # FOLDER PORT STORAGE_PORT
  cat <<END
cluster_name: minke-test
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
endpoint_snitch: SimpleSnitch
num_tokens: 1
initial_token: "0"
auto_bootstrap: false
listen_address: 127.0.0.1
rpc_address: 127.0.0.1
native_transport_port: $2
storage_port: $3
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{seeds: "127.0.0.1:$3"}]
data_file_directories: ["$1/data"]
commitlog_directory: "$1/commitlog"
saved_caches_directory: "$1/caches"
hints_directory: "$1/hints"
$(commitlog_sync)
commitlog_total_space: 512MiB
storage_compatibility_mode: NONE
sstable: {selected_format: bti}
memtable: {configurations: {default: {class_name: TrieMemtable}}}
memtable_allocation_type: offheap_objects
memtable_heap_space: 128MiB
memtable_offheap_space: 256MiB
file_cache_size: 64MiB
key_cache_size: 0MiB
concurrent_reads: 8
concurrent_writes: 16
concurrent_compactors: 1
hinted_handoff_enabled: false
# A table that is dropped is gone, and its space with it.
auto_snapshot: false
paxos_variant: v2
write_request_timeout: 10s
role_manager: CassandraRoleManager
END
  if ! $is_secure; then
    printf 'authenticator: AllowAllAuthenticator\nauthorizer: AllowAllAuthorizer\n'
    return
  fi
  cat <<END
authenticator: PasswordAuthenticator
authorizer: CassandraAuthorizer
client_encryption_options:
  enabled: true
  optional: false
  require_client_auth: false
  keystore: "$(secrets_folder)/server.pem"
  ssl_context_factory:
    class_name: org.apache.cassandra.security.PEMBasedSslContextFactory
END
}

start_cassandra() {
  local folder=$lane_folder/cassandra ports jars
  read -ra ports < <(ports_of cassandra 2)
  jars=$(jars_of cassandra)
  cassandra_yaml "$folder" "${ports[@]}" >"$folder/cassandra.yaml"
  launch cassandra 'Starting listening for CQL clients' "@$here/cassandra/jvm.args" \
    "-Xms$cassandra_heap" "-Xmx$cassandra_heap" -XX:MaxDirectMemorySize=512m \
    "-javaagent:$(echo "$jars"/jamm-*.jar)" "-Djna.tmpdir=$folder/tmp" \
    "-Dio.netty.native.workdir=$folder/tmp" "-Dcassandra.config=file://$folder/cassandra.yaml" \
    "-Dcassandra.storagedir=$folder" "-Dcassandra.logdir=$folder" \
    "-Dlogback.configurationFile=$here/cassandra/logback.xml" -cp "$jars/*" \
    org.apache.cassandra.service.CassandraDaemon
  if $is_secure && ! [ -e "$folder/has-user" ]; then
    python3 "$here/cassandra/make_role.py" "${ports[0]}" "$(secrets_folder)" "$secrets_user"
    touch "$folder/has-user"
  fi
}

env_of_cassandra() {
  printf 'export MINKE_CASSANDRA=127.0.0.1:%s\n' "$(first_port cassandra)"
  if $is_secure; then
    printf 'export MINKE_CASSANDRA_USER=%s\n' "$secrets_user"
    printf 'export MINKE_CASSANDRA_PASSWORD_FILE=%q\n' "$(secrets_folder)/password"
    printf 'export MINKE_CASSANDRA_CA=%q\n' "$(secrets_folder)/ca.pem"
  fi
}
