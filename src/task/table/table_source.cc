#include "task/table/table_source.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "task/output/json_line.h"
#include "task/table/cql_value.h"

namespace minke {

TableSource::TableSource(TableRows rows) : rows_(std::move(rows)) {
  const Table& table = rows_.table();
  if (table.columns.size() == 1 && !table.others.empty()) return;
  for (const Column& column : table.columns) {
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
  auto rows = TableRows::Open(planned, piece, store);
  if (!rows) return std::move(rows).error();
  return std::unique_ptr<InputSource>(new TableSource(*std::move(rows)));
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
  line_.Clear();
  taken_ = 0;
  while (line_.size() == 0) {
    const auto cells = MINKE_TRY(rows_.Next());
    if (!cells) return false;
    MINKE_TRY_STATUS(AppendRow(*cells));
  }
  return true;
}

Status TableSource::AppendRow(std::span<const Cell> cells) {
  if (names_.empty()) {
    if (!cells[0]) return {};
    if (rows_.table().columns[0].type->kind == CqlKind::kText) {
      line_.Append(*cells[0]);
    } else {
      MINKE_TRY_STATUS(AppendValue(0, *cells[0]));
    }
    line_.Append("\n");
    return {};
  }
  for (size_t i = 0; i < cells.size(); ++i) {
    line_.Append(names_[i]);
    if (cells[i]) {
      MINKE_TRY_STATUS(AppendValue(i, *cells[i]));
    } else {
      line_.Append("null");
    }
  }
  line_.Append("}\n");
  return {};
}

Status TableSource::AppendValue(size_t column, Bytes cell) {
  if (AppendCqlJson(line_, *rows_.table().columns[column].type, cell)) return {};
  return rows_.Damaged(column, cell);
}

}  // namespace minke
