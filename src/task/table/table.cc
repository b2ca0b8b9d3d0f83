#include "task/table/table.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace minke {
namespace {

constexpr std::string_view kPrefix = "table:";

// What the user has written.
struct Named {
  TableName table;
  std::vector<std::string> columns;  // none: all
};

std::string Trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

Result<Named> Parse(std::string_view text) {
  const Error wrong{ErrorCode::kInvalidArgument,
                    fmt::format("'{0}{1}' names no table: write table:KEYSPACE.TABLE, or "
                                "table:KEYSPACE.TABLE(COLUMN,COLUMN); a file of that name is "
                                "./{0}{1}",
                                kPrefix, text)};
  const std::string_view table = text.substr(0, text.find('('));
  const size_t dot = table.find('.');
  if (dot == std::string_view::npos || table.find('.', dot + 1) != std::string_view::npos) {
    return wrong;
  }
  Named named{{std::string(table.substr(0, dot)), std::string(table.substr(dot + 1))}, {}};
  if (named.table.keyspace.empty() || named.table.table.empty()) return wrong;
  if (table.size() == text.size()) return named;
  if (!text.ends_with(')')) return wrong;
  std::string_view list = text.substr(table.size() + 1);
  while (!list.empty()) {
    const size_t end = list.find_first_of(",)");
    named.columns.push_back(Trimmed(list.substr(0, end)));
    list.remove_prefix(end + 1);
    const bool is_twice = std::ranges::count(named.columns, named.columns.back()) > 1;
    if (named.columns.back().empty() || is_twice) return wrong;
  }
  return named;
}

// Moves the named columns to the front, and the others away.
Status Choose(const std::vector<std::string>& names, Table& table) {
  if (names.empty()) return {};
  table.others = std::exchange(table.columns, {});
  for (const std::string& name : names) {
    const auto found = std::ranges::find(table.others, name, &Column::name);
    if (found == table.others.end()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{}{} has no column {}: check the name, capitals count", kPrefix,
                               table.name.Text(), name)};
    }
    table.columns.push_back(std::move(*found));
    table.others.erase(found);
  }
  return {};
}

}  // namespace

std::optional<std::string> TableIn(std::string_view argument) {
  if (!argument.starts_with(kPrefix)) return std::nullopt;
  return std::string(argument.substr(kPrefix.size()));
}

Result<Table> OpenTable(Store* store, const std::string& named) {
  const Named wanted = MINKE_TRY(Parse(named));
  Table table;
  table.name = wanted.table;
  if (store == nullptr || store->tables() == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{0}{1} needs a Cassandra: name one with --cassandra; a file of that "
                             "name is ./{0}{1}",
                             kPrefix, named)};
  }
  auto shape = store->tables()->Describe(table.name);
  if (!shape && shape.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kInput, std::move(shape).error().text};
  }
  if (!shape) return std::move(shape).error();
  table.bytes = shape->bytes;
  for (TableColumn& column : shape->columns) {
    auto type = ParseCqlType(column.type);
    table.columns.push_back({std::move(column.name), std::move(column.type),
                             type ? std::optional(*std::move(type)) : std::nullopt, column.role});
  }
  MINKE_TRY_STATUS(Choose(wanted.columns, table));
  return table;
}

Error WrongColumn(const Table& table, const Column& column, std::string_view what) {
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{}{}: column {} of type {} {}", kPrefix, table.name.Text(), column.name,
                           column.type_name, what)};
}

}  // namespace minke
