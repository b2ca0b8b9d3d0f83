#include "task/table/row_fields.h"

#include <charconv>
#include <fmt/format.h>
#include <limits>

#include "base/scalar.h"
#include "task/table/cql_value.h"

namespace minke {
namespace {

bool Fits(unsigned field, CqlKind kind) {
  if (field == MINKE_BYTES) return true;
  if (field == MINKE_F64) {
    return kind == CqlKind::kFloat || kind == CqlKind::kDouble || kind == CqlKind::kDecimal;
  }
  return IsInteger(kind) || kind == CqlKind::kCounter || kind == CqlKind::kTimestamp;
}

template <typename T>
bool ReadNumber(Bytes text, T* number) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), *number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

void AppendBe64(std::string& to, uint64_t bits) {
  char bytes[kScalarBytes];
  StoreBe64(bytes, bits);
  to.append(bytes, sizeof(bytes));
}

}  // namespace

Result<RowFields> RowFields::Make(const Table* table, minke_type key, minke_type value) {
  std::vector<unsigned> types;
  for (; key != MINKE_NONE; key >>= 4) types.push_back(static_cast<unsigned>(key & 15));
  RowFields fields(table, types.size());
  for (; value != MINKE_NONE; value >>= 4) types.push_back(static_cast<unsigned>(value & 15));
  if (types.size() != table->columns.size()) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the job maps records of {} fields, and table:{} has {} columns: name "
                    "as many, as in 'table:{}(A,B)'",
                    types.size(), table->name.Text(), table->columns.size(), table->name.Text())};
  }
  for (size_t i = 0; i < types.size(); ++i) {
    const Column& column = table->columns[i];
    if (Fits(types[i], column.type->kind)) continue;
    return WrongColumn(*table, column,
                       types[i] == MINKE_F64 ? "is no floating-point number, as the job takes it"
                                             : "is no integer, as the job takes it");
  }
  fields.types_ = std::move(types);
  return fields;
}

Status RowFields::AppendKey(std::string& to, std::span<const Cell> cells) {
  return Append(to, cells, 0, key_fields_);
}

Status RowFields::AppendValue(std::string& to, std::span<const Cell> cells) {
  return Append(to, cells, key_fields_, types_.size());
}

Status RowFields::Append(std::string& to, std::span<const Cell> cells, size_t begin, size_t end) {
  for (size_t i = begin; i < end; ++i) {
    MINKE_TRY_STATUS(types_[i] == MINKE_BYTES ? AppendBytes(to, i, cells[i], i + 1 == end)
                                              : AppendNumber(to, i, cells[i]));
  }
  return {};
}

Result<Bytes> RowFields::TextOf(size_t field, Bytes cell) {
  const CqlType& type = *table_->columns[field].type;
  text_.Clear();
  if (!AppendCqlJson(text_, type, cell)) {
    return Error{ErrorCode::kInput, "holds bytes that are no value of its type"};
  }
  Bytes text(text_.data(), text_.size());
  if (text.starts_with('"')) text = text.substr(1, text.size() - 2);
  return text;
}

Status RowFields::AppendNumber(std::string& to, size_t field, const Cell& cell) {
  const Column& column = table_->columns[field];
  const auto wrong = [&](std::string_view what) {
    Error error = WrongColumn(*table_, column, what);
    error.code = ErrorCode::kInput;
    return error;
  };
  double real = std::numeric_limits<double>::quiet_NaN();
  if (!cell && types_[field] != MINKE_F64) {
    return wrong("is null, and the job takes an integer: take it as bytes, or map lines");
  }
  if (cell && column.type->kind == CqlKind::kTimestamp) {
    if (cell->size() != kScalarBytes) return wrong("holds bytes that are no value of its type");
    AppendBe64(to, types_[field] == MINKE_I64 ? LoadBe64(cell->data()) ^ kSignBit
                                              : LoadBe64(cell->data()));
    return {};
  }
  auto text = cell ? TextOf(field, *cell) : Result<Bytes>(Bytes("NaN"));
  if (!text) return wrong(text.error().text);
  int64_t integer = 0;
  uint64_t natural = 0;
  if (types_[field] == MINKE_F64 && ReadNumber(*text, &real)) {
    AppendBe64(to, OrderedF64(real));
  } else if (types_[field] == MINKE_I64 && ReadNumber(*text, &integer)) {
    AppendBe64(to, OrderedI64(integer));
  } else if (types_[field] == MINKE_U64 && ReadNumber(*text, &natural)) {
    AppendBe64(to, natural);
  } else {
    return wrong(fmt::format("holds {}, which the job's field cannot take", *text));
  }
  return {};
}

// In a tuple all but the last end with 00 00, and a zero in them is 00 FF.
Status RowFields::AppendBytes(std::string& to, size_t field, const Cell& cell, bool is_last) {
  const Column& column = table_->columns[field];
  Bytes bytes = cell.value_or(Bytes());
  if (cell && column.type->kind != CqlKind::kText && column.type->kind != CqlKind::kBlob) {
    auto text = TextOf(field, *cell);
    if (!text) {
      Error error = WrongColumn(*table_, column, text.error().text);
      error.code = ErrorCode::kInput;
      return error;
    }
    bytes = *text;
  }
  if (is_last) {
    to.append(bytes);
    return {};
  }
  for (const char byte : bytes) {
    to.push_back(byte);
    if (byte == '\0') to.push_back('\xff');
  }
  to.append(2, '\0');
  return {};
}

}  // namespace minke
