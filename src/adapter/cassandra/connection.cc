#include "adapter/cassandra/connection.h"

namespace minke {

Result<std::unique_ptr<Connection>> Connection::Open(const CassandraOptions& options) {
  std::unique_ptr<Connection> connection(new Connection(options));
  connection->dispatcher_ = std::make_unique<Dispatcher>(MINKE_TRY(CqlSession::Connect(options)),
                                                         options, &connection->clock_);
  return connection;
}

Result<Connection::StatementPtr> Connection::Statement(const std::string& cql,
                                                       Consistency consistency) {
  const std::pair key(cql, consistency);
  {
    const std::lock_guard lock(mutex_);
    const auto found = statements_.find(key);
    if (found != statements_.end()) return found->second;
  }
  std::string text;
  for (const char c : cql) text += c == '@' ? options_.keyspace : std::string(1, c);
  auto statement =
      std::make_shared<const CqlStatement>(MINKE_TRY(dispatcher_->Prepare(text, consistency)));
  const std::lock_guard lock(mutex_);
  return statements_.insert_or_assign(key, std::move(statement)).first->second;
}

void Connection::ForgetStatements(const std::string& table) {
  const std::lock_guard lock(mutex_);
  std::erase_if(statements_, [&](const auto& entry) {
    return entry.first.first.find(table) != std::string::npos;
  });
}

}  // namespace minke
