#include "adapter/cassandra/pager.h"

#include <algorithm>
#include <utility>

namespace minke {
namespace {

constexpr size_t kPageBytes = size_t{4} << 20;
constexpr size_t kPageRowsFirst = 16;
constexpr size_t kPageRowsMin = 8;

}  // namespace

Pager::Pager(Dispatcher* dispatcher, Connection::StatementPtr statement, CqlValues values,
             Bulk bulk)
    : dispatcher_(dispatcher),
      statement_(std::move(statement)),
      values_(std::move(values)),
      bulk_(bulk),
      page_rows_(kPageRowsFirst) {}

Pager::~Pager() {
  if (call_ != nullptr) dispatcher_->Forget(call_);
}

Result<bool> Pager::Next() {
  if (row_ + 1 < rows_.rows()) {
    ++row_;
    return true;
  }
  while (!is_over_) {
    if (call_ == nullptr) MINKE_TRY_STATUS(Ask());
    rows_ = CqlResult();
    rows_ = MINKE_TRY(dispatcher_->Wait(std::exchange(call_, nullptr)));
    row_ = 0;
    page_ = rows_.next_page();
    is_over_ = page_.empty();
    Measure();
    if (!is_over_) MINKE_TRY_STATUS(Ask());
    if (rows_.rows() > 0) return true;
  }
  return false;
}

Status Pager::Ask() {
  call_ = MINKE_TRY(
      dispatcher_->Start(statement_->Bind(values_, static_cast<int32_t>(page_rows_)), 0, page_));
  return {};
}

void Pager::Measure() {
  size_t bytes = 0;
  for (size_t row = 0; row < rows_.rows(); ++row) {
    for (size_t i = 0; i < bulk_.columns; ++i) {
      bytes += rows_.bytes(row, bulk_.first_column + i).size();
    }
  }
  if (bytes == 0) return;
  page_rows_ = std::clamp(kPageBytes * rows_.rows() / bytes, kPageRowsMin, bulk_.rows_max);
}

}  // namespace minke
