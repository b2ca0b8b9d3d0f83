#include "adapter/cassandra/named_rows.h"

#include <algorithm>
#include <fmt/format.h>

#include "adapter/cassandra/key_text.h"

namespace minke {
namespace {

constexpr int32_t kListPageRows = 1000;

// "a" + "b" + … with `between`.
std::string Joined(const NamedRows::Columns& columns, Bytes of_each, Bytes between) {
  std::string text;
  for (const auto& [name, type] : columns) {
    if (!text.empty()) text += between;
    text += fmt::format("{}{}", name, of_each);
  }
  return text;
}

void Bind(CqlValues& values, const NamedRows::Row& row) {
  for (const NamedRows::Cell& cell : row) {
    if (const auto* text = std::get_if<std::string>(&cell)) {
      values.Text(*text);
    } else if (const auto* large = std::get_if<int64_t>(&cell)) {
      values.Int64(static_cast<uint64_t>(*large));
    } else {
      values.Int32(static_cast<uint32_t>(std::get<int32_t>(cell)));
    }
  }
}

}  // namespace

NamedRows::NamedRows(Connection* connection, const std::string& table, Columns columns)
    : connection_(connection), columns_(std::move(columns)) {
  const std::string names = Joined(columns_, "", ", ");
  std::string marks;
  for (size_t i = 0; i < columns_.size(); ++i) marks += "?, ";
  get_ = fmt::format("SELECT {} FROM @.{} WHERE name = ?", names, table);
  add_ = fmt::format("INSERT INTO @.{} ({}, name) VALUES ({}?) IF NOT EXISTS", table, names, marks);
  set_ = fmt::format("UPDATE @.{} SET {} WHERE name = ? IF {}", table,
                     Joined(columns_, " = ?", ", "), Joined(columns_, " = ?", " AND "));
  list_ = fmt::format("SELECT name FROM @.{}", table);
}

Result<std::optional<NamedRows::Row>> NamedRows::Get(const std::string& name) {
  const auto statement = MINKE_TRY(connection_->Statement(get_, Consistency::kSerial));
  const std::string key = KeyTextOf(name);
  CqlValues values;
  values.Text(key);
  const CqlResult found = MINKE_TRY(connection_->dispatcher().Execute(statement->Bind(values)));
  if (found.rows() == 0) return std::optional<Row>();
  Row row;
  for (size_t i = 0; i < columns_.size(); ++i) {
    const Cell& type = columns_[i].second;
    if (std::holds_alternative<std::string>(type)) {
      row.emplace_back(std::string(found.bytes(0, i)));
    } else if (std::holds_alternative<int64_t>(type)) {
      row.emplace_back(found.int64(0, i));
    } else {
      row.emplace_back(found.int32(0, i));
    }
  }
  return std::optional<Row>(std::move(row));
}

Result<bool> NamedRows::TrySet(const std::string& name, const std::optional<Row>& expected,
                               const Row& desired) {
  const auto statement = MINKE_TRY(connection_->Statement(expected ? set_ : add_));
  const std::string key = KeyTextOf(name);
  CqlValues values;
  Bind(values, desired);
  values.Text(key);
  if (expected) Bind(values, *expected);
  const CqlResult found = MINKE_TRY(connection_->dispatcher().ExecuteOnce(statement->Bind(values)));
  return found.rows() == 1 && found.is_true(0, 0);
}

Result<std::optional<NamedRows::Row>> NamedRows::CompareAndSet(const std::string& name,
                                                               const std::optional<Row>& expected,
                                                               const Row& desired) {
  std::optional<Row> stands;
  MINKE_TRY_STATUS(connection_->dispatcher().Repeat([&]() -> Status {
    const auto set = TrySet(name, expected, desired);
    if (set && *set) {
      stands = desired;
      return {};
    }
    if (!set && set.error().code != ErrorCode::kUnavailable) return set.error();
    stands = MINKE_TRY(Get(name));
    // Of unknown outcome and not set: it may still be on its way. To set it again settles that.
    if (!set && stands == expected && stands != desired) return set.error();
    return {};
  }));
  return stands;
}

Result<std::vector<std::string>> NamedRows::List() {
  const auto statement = MINKE_TRY(connection_->Statement(list_));
  std::vector<std::string> names;
  std::string page;
  do {
    const CqlResult rows =
        MINKE_TRY(connection_->dispatcher().Execute(statement->Bind({}, kListPageRows), page));
    for (size_t row = 0; row < rows.rows(); ++row) {
      names.push_back(NameOfKeyText(rows.bytes(row, 0)));
    }
    page = rows.next_page();
  } while (!page.empty());
  std::ranges::sort(names);
  return names;
}

}  // namespace minke
