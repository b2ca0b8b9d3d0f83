#include "task/table/table_records.h"

#include <utility>

namespace minke {
namespace {

constexpr size_t kBatchRecords = 1024;
constexpr size_t kBatchBytes = 256 << 10;

}  // namespace

struct TableRecords::Piece {
  Piece(TableRows from, uint64_t first) : rows(std::move(from)), offset(first) {}

  TableRows rows;
  std::optional<RowFields> fields;  // of the rows' table
  uint64_t offset;                  // of the next row: tells it from those of other splits
};

TableRecords::TableRecords(const proto::Plan* plan, const proto::Split* split,
                           const RecordOptions& options)
    : plan_(*plan), split_(*split), options_(options) {
  batch_.struct_size = sizeof(batch_);
  batch_.kind = MINKE_RECORDS;
}

TableRecords::~TableRecords() = default;

Status TableRecords::OpenPiece() {
  const proto::SplitPiece& piece = split_.pieces(next_piece_++);
  const proto::InputFile& planned = plan_.files(static_cast<int>(piece.file()));
  path_.reserve(planned.path().size() + MINKE_READABLE_BEYOND);
  path_ = planned.path();
  tag_.reserve(planned.tag().size() + MINKE_READABLE_BEYOND);
  tag_ = planned.tag();
  auto rows = MINKE_TRY(TableRows::Open(planned, piece, options_.store));
  piece_ = std::make_unique<Piece>(std::move(rows), piece.begin());
  piece_->fields = MINKE_TRY(RowFields::Make(&piece_->rows.table(), options_.key, options_.value));
  return {};
}

Result<bool> TableRecords::AddRow() {
  const auto cells = MINKE_TRY(piece_->rows.Next());
  if (!cells) return false;
  const size_t begin = bytes_.size();
  MINKE_TRY_STATUS(piece_->fields->AppendKey(bytes_, *cells));
  const size_t middle = bytes_.size();
  MINKE_TRY_STATUS(piece_->fields->AppendValue(bytes_, *cells));
  records_.push_back({nullptr, nullptr, static_cast<uint32_t>(middle - begin),
                      static_cast<uint32_t>(bytes_.size() - middle)});
  return true;
}

Result<const minke_batch*> TableRecords::Next() {
  records_.clear();
  bytes_.clear();
  const size_t records_max = options_.careful ? 1 : kBatchRecords;
  while (records_.empty()) {
    if (piece_ == nullptr && next_piece_ == split_.pieces_size()) return nullptr;
    if (piece_ == nullptr) MINKE_TRY_STATUS(OpenPiece());
    batch_.offset = piece_->offset;
    bool has_more = true;
    while (has_more && records_.size() < records_max && bytes_.size() < kBatchBytes) {
      has_more = MINKE_TRY(AddRow());
    }
    piece_->offset += records_.size();
    if (!has_more) piece_.reset();
  }
  batch_.size = bytes_.size();
  bytes_.append(MINKE_READABLE_BEYOND, '\0');
  const char* at = bytes_.data();
  for (minke_record& record : records_) {
    record.key = at;
    record.value = at + record.key_size;
    at = record.value + record.value_size;
  }
  batch_.data = bytes_.data();
  batch_.records = records_.data();
  batch_.record_count = records_.size();
  batch_.path = {path_.data(), path_.size()};
  batch_.tag = {tag_.data(), tag_.size()};
  records_done_ += records_.size();
  bytes_done_ += batch_.size;
  return &batch_;
}

}  // namespace minke
