#include "task/job/group_cursor.h"

#include <cstring>
#include <utility>

namespace minke {
namespace {

Bytes KeyOf(const minke_record& record) { return {record.key, record.key_size}; }

bool SameKey(const minke_record& a, const minke_record& b) {
  return a.key_size == b.key_size && (a.key == b.key || std::memcmp(a.key, b.key, a.key_size) == 0);
}

}  // namespace

GroupCursor::GroupCursor(RecordStream* stream, Mode mode,
                         std::function<void(size_t records)> progress)
    : stream_(stream), mode_(mode), progress_(std::move(progress)) {
  abi_.struct_size = sizeof(minke_groups);
  abi_.refill = &OnRefill;
  abi_.owner = this;
}

int GroupCursor::OnRefill(minke_groups* abi) {
  return static_cast<Abi*>(abi)->owner->Refill() ? 1 : 0;
}

// The next batch of the stream, with its group starts marked.
bool GroupCursor::Pull() {
  if (!status_) return false;
  if (!batch_.empty()) {
    last_key_.assign(KeyOf(batch_.back()));
    has_last_ = true;
  }
  auto next = stream_->Next();
  batch_ = {};
  shown_end_ = 0;
  if (!next) {
    status_ = std::move(next).error();
    return false;
  }
  if (next->empty()) return false;
  batch_ = *next;
  first_.resize(batch_.size());
  first_[0] = !has_last_ || KeyOf(batch_[0]) != last_key_;
  for (size_t i = 1; i < batch_.size(); ++i) first_[i] = !SameKey(batch_[i - 1], batch_[i]);
  progress_(batch_.size());
  return true;
}

void GroupCursor::Show(size_t begin, size_t end) {
  abi_.records = batch_.data();
  abi_.first = first_.data();
  abi_.next = begin;
  abi_.count = end;
  shown_end_ = end;
}

size_t GroupCursor::EndOfGroup(size_t from) const {
  while (from < batch_.size() && first_[from] == 0) ++from;
  return from;
}

bool GroupCursor::Refill() {
  if (mode_ == Mode::kAll) {
    if (!Pull()) return false;
    Show(0, batch_.size());
    return true;
  }
  if (shown_end_ < batch_.size() || batch_.empty()) return false;  // the group ended in this batch
  if (!Pull()) return false;
  const size_t end = EndOfGroup(0);
  if (end == 0) return false;  // a new group: NextGroup shows it
  Show(0, end);
  return true;
}

bool GroupCursor::NextGroup() {
  while (Refill()) {
  }
  if (shown_end_ >= batch_.size() && !Pull()) return false;
  const size_t begin = shown_end_;
  key_.assign(KeyOf(batch_[begin]));
  Show(begin, EndOfGroup(begin + 1));
  return true;
}

}  // namespace minke
