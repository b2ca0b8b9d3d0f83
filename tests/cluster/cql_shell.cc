// Runs statements of CQL against the Cassandra that MINKE_CASSANDRA names, for tests in other
// languages: cql_shell STATEMENT…  The first column of every row goes to standard output, a line
// each; it must be a text, as that of SELECT JSON is.
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <memory>
#include <string_view>

#include "adapter/cassandra/connection.h"

namespace {

minke::Status Run(minke::Connection& connection, const std::string& cql) {
  if (!cql.starts_with("SELECT")) return connection.dispatcher().ChangeSchema(cql);
  const auto statement = MINKE_TRY(connection.Statement(cql));
  const auto rows = MINKE_TRY(connection.dispatcher().Execute(statement->Bind({})));
  for (size_t row = 0; row < rows.rows(); ++row) fmt::print("{}\n", rows.bytes(row, 0));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  minke::CassandraOptions options;
  const char* const addresses = std::getenv("MINKE_CASSANDRA");
  if (addresses != nullptr) options.addresses = addresses;
  const auto connection = minke::Connection::Open(options);
  if (!connection) {
    fmt::print(stderr, "cql_shell: {}\n", connection.error().text);
    return 1;
  }
  for (int i = 1; i < argc; ++i) {
    const minke::Status done = Run(**connection, argv[i]);
    if (done) continue;
    fmt::print(stderr, "cql_shell: {}: {}\n", argv[i], done.error().text);
    return 1;
  }
  return 0;
}
