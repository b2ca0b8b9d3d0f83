#include "adapter/cassandra/stored_incarnations.h"

#include <array>
#include <set>
#include <string>

namespace minke {
namespace {

constexpr int32_t kPageRows = 1000;
constexpr std::array kLists = {
    "SELECT DISTINCT incarnation, shard FROM @.blocks",
    "SELECT DISTINCT incarnation FROM @.shuffle_tables",
    "SELECT DISTINCT version FROM @.dataset_files",
};

}  // namespace

Result<std::vector<Incarnation>> ListStoredIncarnations(Connection& connection) {
  std::set<Incarnation> stored;
  for (const char* list : kLists) {
    const auto statement = MINKE_TRY(connection.Statement(list));
    std::string page;
    do {
      const CqlResult rows =
          MINKE_TRY(connection.dispatcher().Execute(statement->Bind({}, kPageRows), page));
      for (size_t row = 0; row < rows.rows(); ++row) {
        if (const auto one = IncarnationOf(rows.bytes(row, 0))) stored.insert(*one);
      }
      page = rows.next_page();
    } while (!page.empty());
  }
  return std::vector<Incarnation>(stored.begin(), stored.end());
}

}  // namespace minke
