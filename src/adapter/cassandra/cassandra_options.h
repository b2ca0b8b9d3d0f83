// Where Cassandra is, and how much is asked of it. What users may set is set here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace minke {

struct CassandraOptions {
  std::string addresses = "127.0.0.1:9042";  // host:port of some nodes, with commas between
  std::string keyspace = "minke";            // small letters, digits and _
  std::string datacenter;                    // which LOCAL_ means; empty: that of the node at hand

  std::string user;           // empty: no log-in
  std::string password_file;  // its first line; read when the store is opened
  std::string ca_file;        // PEM of the certificates that are trusted; empty: no TLS
  bool check_host = true;     // a node's certificate is for its address, or a host of `addresses`

  uint32_t connections = 2;           // to each node
  int64_t connect_timeout_ms = 5000;  // of one connection
  // Of one request; what is not answered by then is sent again. Longer than any pause of the
  // server's that is not yet a fault.
  int64_t request_timeout_ms = 12'000;
  // Of one call of the store, its retries included: then kUnavailable.
  int64_t deadline_ms = 120'000;

  // Of what is written by all processes and not yet acknowledged, this process's share.
  size_t in_flight_share_bytes = size_t{64} << 20;
  int64_t p99_target_ms = 1000;  // slower answers halve what is in flight
};

}  // namespace minke
