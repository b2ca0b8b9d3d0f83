#include "task/table/table_source.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <string>
#include <utility>

#include "task/output/json_line.h"
#include "task/table/cql_value.h"

namespace minke {
namespace {

constexpr uint64_t kSignBit = uint64_t{1} << 63;

// What a split counts from 0 on, as tokens.
TokenRange TokensOf(const proto::SplitPiece& piece) {
  return {static_cast<int64_t>(piece.begin() ^ kSignBit),
          static_cast<int64_t>((piece.end() - 1) ^ kSignBit)};
}

}  // namespace

Status CheckReadable(const Table& table) {
  for (const Column& column : table.columns) {
    if (!column.type) return WrongColumn(table, column, "cannot be read: minke knows no such type");
  }
  return {};
}

TableSource::TableSource(Table table, std::unique_ptr<RowScan> rows)
    : table_(std::move(table)), rows_(std::move(rows)) {
  for (const Column& column : table_.columns) {
    LineBuffer name;
    name.Append(names_.empty() ? "{" : ",");
    AppendJsonText(name, column.name);
    name.Append(":");
    names_.emplace_back(name.data(), name.size());
  }
}

Result<std::unique_ptr<InputSource>> TableSource::Open(const proto::InputFile& planned,
                                                       const proto::SplitPiece& piece,
                                                       Store* store) {
  auto table = OpenTable(store, TableIn(planned.path()).value_or(""));
  if (!table) return std::move(table).error();
  MINKE_TRY_STATUS(CheckReadable(*table));
  std::vector<std::string> columns;
  for (const Column& column : table->columns) columns.push_back(column.name);
  auto rows = store->tables()->Scan(table->name, columns, TokensOf(piece));
  if (!rows && rows.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kInput, std::move(rows).error().text};
  }
  if (!rows) return std::move(rows).error();
  return std::unique_ptr<InputSource>(new TableSource(*std::move(table), *std::move(rows)));
}

Result<size_t> TableSource::Read(char* to, size_t size) {
  size_t done = 0;
  while (done < size) {
    if (taken_ == line_.size() && !MINKE_TRY(NextLine())) break;
    const size_t part = std::min(size - done, line_.size() - taken_);
    std::memcpy(to + done, line_.data() + taken_, part);
    taken_ += part;
    done += part;
  }
  bytes_read_ += done;
  return done;
}

Result<bool> TableSource::NextLine() {
  const auto cells = rows_->Next();
  if (!cells && cells.error().code == ErrorCode::kNotFound) {
    return Error{ErrorCode::kInput, cells.error().text};
  }
  if (!cells) return cells.error();
  line_.Clear();
  taken_ = 0;
  if (!*cells) return false;
  for (size_t i = 0; i < table_.columns.size(); ++i) {
    const Cell& cell = (**cells)[i];
    line_.Append(names_[i]);
    if (!cell) {
      line_.Append("null");
    } else if (!AppendCqlJson(line_, *table_.columns[i].type, *cell)) {
      return Error{
          ErrorCode::kInput,
          fmt::format("table:{}: column {} holds {} bytes that are no value of its type {}",
                      table_.name.Text(), table_.columns[i].name, cell->size(),
                      table_.columns[i].type_name)};
    }
  }
  line_.Append("}\n");
  return true;
}

}  // namespace minke
