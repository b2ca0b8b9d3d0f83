#include "task/table/table_rows.h"

#include <fmt/format.h>
#include <string>
#include <utility>
#include <vector>

namespace minke {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

// What a split counts from 0 on, as tokens.
TokenRange TokensOf(const proto::SplitPiece& piece) {
  return {static_cast<int64_t>(piece.begin() ^ kSignBit),
          static_cast<int64_t>((piece.end() - 1) ^ kSignBit)};
}

// A table that is there no more is wrong input, as a file is.
Error AsInput(Error error) {
  if (error.code == ErrorCode::kNotFound) error.code = ErrorCode::kInput;
  return error;
}

}  // namespace

TableRows::TableRows(Table table, std::unique_ptr<RowScan> scan)
    : table_(std::move(table)), scan_(std::move(scan)) {}

Result<TableRows> TableRows::Open(const proto::InputFile& planned, const proto::SplitPiece& piece,
                                  Store* store) {
  Table table = MINKE_TRY(OpenTable(store, TableIn(planned.path()).value_or("")));
  MINKE_TRY_STATUS(CheckReadable(table));
  std::vector<std::string> columns;
  for (const Column& column : table.columns) columns.push_back(column.name);
  auto scan = store->tables()->Scan(table.name, columns, TokensOf(piece));
  if (!scan) return AsInput(std::move(scan).error());
  return TableRows(std::move(table), *std::move(scan));
}

Result<std::optional<std::span<const Cell>>> TableRows::Next() {
  auto cells = scan_->Next();
  if (!cells) return AsInput(std::move(cells).error());
  return cells;
}

Error TableRows::Damaged(size_t column, Bytes cell) const {
  return Error{ErrorCode::kInput,
               fmt::format("table:{}: column {} holds {} bytes that are no value of its type {}",
                           table_.name.Text(), table_.columns[column].name, cell.size(),
                           table_.columns[column].type_name)};
}

Status CheckReadable(const Table& table) {
  for (const Column& column : table.columns) {
    if (!column.type) return WrongColumn(table, column, "cannot be read: minke knows no such type");
  }
  return {};
}

}  // namespace minke
