// What the parts of the Cassandra store share: one session, its dispatcher, and its statements,
// each prepared when it is first used. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "adapter/cassandra/cassandra_options.h"
#include "adapter/cassandra/dispatcher.h"
#include "adapter/system_clock.h"

namespace minke {

class Connection {
 public:
  using StatementPtr = std::shared_ptr<const CqlStatement>;

  // One attempt. kUnavailable: nobody answers.
  static Result<std::unique_ptr<Connection>> Open(const CassandraOptions& options);

  const std::string& keyspace() const { return options_.keyspace; }
  const std::string& addresses() const { return options_.addresses; }
  Dispatcher& dispatcher() { return *dispatcher_; }

  // In `cql`, @ stands for the keyspace. kNotFound: it names a table that is not there.
  Result<StatementPtr> Statement(const std::string& cql,
                                 Consistency consistency = Consistency::kLocalQuorum);
  // Those that name this table are prepared anew when they are next used.
  void ForgetStatements(const std::string& table);

 private:
  explicit Connection(const CassandraOptions& options) : options_(options) {}

  CassandraOptions options_;
  SystemClock clock_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::mutex mutex_;  // guards statements_
  std::map<std::pair<std::string, Consistency>, StatementPtr> statements_;
};

}  // namespace minke
