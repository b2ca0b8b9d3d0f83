#include "task/table/row_mapping.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include <nlohmann/json.hpp>

#include "task/table/cql_value.h"

namespace minke {
namespace {

using Json = nlohmann::json;

constexpr size_t kKeyBytesMax = 65'535;  // Cassandra's
constexpr size_t kShownBytes = 100;

void AddFields(minke_type type, std::vector<unsigned>& fields) {
  for (; type != MINKE_NONE; type >>= 4) fields.push_back(static_cast<unsigned>(type & 15));
}

// What a field of the type cannot become, in words; nothing where it may.
std::string_view Misfit(unsigned field, CqlKind kind) {
  if (kind == CqlKind::kCounter) return "cannot be written: it is counted up, not set";
  const bool is_real = kind == CqlKind::kFloat || kind == CqlKind::kDouble;
  if (field == MINKE_F64 && !is_real && kind != CqlKind::kDecimal) {
    return "cannot take the floating-point number that the job puts out for it";
  }
  const bool is_integer = field == MINKE_I64 || field == MINKE_U64;
  if (is_integer && !IsNumber(kind) && kind != CqlKind::kTimestamp) {
    return "cannot take the integer that the job puts out for it";
  }
  return {};
}

std::optional<std::string> BytesOfBase64(std::string_view text) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count));
  }
  return bytes;
}

Error WrongRow(const Table& table, std::string_view what, Bytes line) {
  const Bytes shown = line.substr(0, kShownBytes);
  return Error{ErrorCode::kInput, fmt::format("table:{}: {}; the record is {}{}", table.name.Text(),
                                              what, shown, shown.size() < line.size() ? "…" : "")};
}

Error WrongCell(const Table& table, const Column& column, std::string_view what, Bytes line) {
  return WrongRow(
      table, fmt::format("column {} of type {}: {}", column.name, column.type_name, what), line);
}

// A field of bytes, as it came.
std::optional<std::string> RawBytes(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  const auto packed = value.is_object() ? value.find("base64") : value.end();
  if (packed == value.end() || !packed->is_string()) return std::nullopt;
  return BytesOfBase64(packed->get_ref<const std::string&>());
}

// The fields of a record, key's and value's one behind the other.
std::vector<Json> FieldsOf(Json& record) {
  std::vector<Json> fields;
  for (const char* part : {"key", "value"}) {
    const auto found = record.find(part);
    if (found == record.end()) continue;
    if (!found->is_array()) {
      fields.push_back(std::move(*found));
      continue;
    }
    for (Json& field : *found) fields.push_back(std::move(field));
  }
  return fields;
}

Status CheckKey(const Table& table, const TableRow& row, Bytes line) {
  size_t bytes = 0;
  size_t columns = 0;
  for (const Column& column : table.columns) {
    if (!column.is_key()) continue;
    const auto at = std::ranges::find(row.columns, column.name);
    if (at == row.columns.end()) {
      return WrongCell(table, column, "it is part of the primary key, and missing", line);
    }
    const auto& cell = row.cells[static_cast<size_t>(at - row.columns.begin())];
    if (!cell) return WrongCell(table, column, "it is part of the primary key, and null", line);
    if (column.role == ColumnRole::kPartitionKey) {
      bytes += cell->size();
      ++columns;
    }
  }
  if (bytes == 0 && columns == 1) return WrongRow(table, "the partition key is empty", line);
  if (bytes > kKeyBytesMax) return WrongRow(table, "the partition key is over 65,535 bytes", line);
  return {};
}

}  // namespace

Result<RowMapping> RowMapping::Make(Table table, minke_type key, minke_type value) {
  RowMapping mapping(std::move(table));
  std::vector<unsigned>& fields = mapping.fields_;
  const Table& to = mapping.table_;
  AddFields(key, fields);
  AddFields(value, fields);
  for (const Column& column : to.others) {
    if (column.is_key()) {
      return WrongColumn(to, column, "is part of the primary key: name it, too, behind the table");
    }
  }
  if (fields.size() == 1 && fields[0] == MINKE_BYTES) {
    fields.clear();
    return mapping;
  }
  size_t keys_end = 0;
  std::string names;
  for (size_t i = 0; i < to.columns.size(); ++i) {
    if (to.columns[i].is_key()) keys_end = i + 1;
    names += (i == 0 ? "" : ", ") + to.columns[i].name;
  }
  if (fields.size() < keys_end || fields.size() > to.columns.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the job puts out records of {} fields, and the columns of table:{} "
                             "are {}: name as many, as in -o 'table:{}(A,B)'; or put out one text, "
                             "a JSON object of columns",
                             fields.size(), to.name.Text(), names, to.name.Text())};
  }
  for (size_t i = 0; i < fields.size(); ++i) {
    const Column& column = to.columns[i];
    if (!column.type) return WrongColumn(to, column, "cannot be written: minke knows no such type");
    const std::string_view misfit = Misfit(fields[i], column.type->kind);
    if (!misfit.empty()) return WrongColumn(to, column, misfit);
  }
  return mapping;
}

Result<TableRow> RowMapping::RowOf(Bytes line) const {
  Json record = Json::parse(line, nullptr, false);
  if (!record.is_object()) return WrongRow(table_, "the line is no JSON object", line);
  std::vector<Json> fields = FieldsOf(record);
  TableRow row;
  const auto add = [&](const Column& column, const Json& value, bool is_field) -> Status {
    row.columns.push_back(column.name);
    auto& cell = row.cells.emplace_back();
    if (value.is_null()) return {};
    if (!column.type || column.type->kind == CqlKind::kCounter) {
      return WrongCell(table_, column, "minke cannot write it", line);
    }
    std::optional<std::string> raw;
    if (is_field) raw = RawBytes(value);
    if (raw && column.type->kind == CqlKind::kBlob) {
      cell = std::move(raw);
      return {};
    }
    auto bytes = CqlOfJson(*column.type, value);
    if (!bytes) return WrongCell(table_, column, bytes.error().text, line);
    cell = *std::move(bytes);
    return {};
  };
  if (!fields_.empty()) {
    if (fields.size() != fields_.size()) return WrongRow(table_, "fields are missing", line);
    for (size_t i = 0; i < fields.size(); ++i) {
      MINKE_TRY_STATUS(add(table_.columns[i], fields[i], true));
    }
  } else {
    const bool is_text = fields.size() == 1 && fields[0].is_string();
    const Json object =
        is_text ? Json::parse(fields[0].get_ref<const std::string&>(), nullptr, false) : Json();
    if (!object.is_object()) {
      return WrongRow(table_, "a record that is one text must be a JSON object of columns", line);
    }
    for (const auto& [name, value] : object.items()) {
      const auto column = std::ranges::find(table_.columns, name, &Column::name);
      if (column == table_.columns.end()) {
        return WrongRow(table_, fmt::format("it has no column {}", name), line);
      }
      MINKE_TRY_STATUS(add(*column, value, false));
    }
  }
  MINKE_TRY_STATUS(CheckKey(table_, row, line));
  return row;
}

}  // namespace minke
