#include "shuffle/state_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>

#include "base/bytes.h"

namespace minke {
namespace {

constexpr size_t kBatch = 256;
constexpr size_t kAhead = 16;              // entries that are fetched ahead of their use
constexpr size_t kHeapBytesMax = 1 << 20;  // of one batch: more only where one state is as large

class TableStates final : public RecordStream {
 public:
  TableStates(const StateTable* table, std::vector<KeyEntry> entries, const FoldKernel* kernel)
      : table_(table), entries_(std::move(entries)), kernel_(kernel) {}

  Result<std::span<const minke_record>> Next() override {
    const size_t count = std::min(kBatch, entries_.size() - next_);
    for (size_t i = 0; i < count; ++i, ++next_) {
      if (next_ + kAhead < entries_.size()) {
        __builtin_prefetch(table_->state(static_cast<uint32_t>(entries_[next_ + kAhead].place)));
      }
      const auto place = static_cast<uint32_t>(entries_[next_].place);
      records_[i] = {table_->key(place), table_->state(place), table_->key_size(place),
                     table_->state_bytes()};
    }
    kernel_->ToStored({records_.data(), count});
    return std::span<const minke_record>(records_.data(), count);
  }

 private:
  const StateTable* table_;
  std::vector<KeyEntry> entries_;
  const FoldKernel* kernel_;
  size_t next_ = 0;
  std::array<minke_record, kBatch> records_;
};

// The first state of a key is loaded; those that follow wait, and are merged batch by batch.
class MergedStates final : public RecordStream {
 public:
  MergedStates(std::unique_ptr<RecordStream> states, FoldKernel* kernel)
      : states_(std::move(states)),
        kernel_(kernel),
        state_bytes_(kernel->state_bytes()),
        merged_(kBatch * state_bytes_ / sizeof(uint64_t)) {}

  Result<std::span<const minke_record>> Next() override {
    records_.clear();
    keys_.clear();
    if (kernel_->heap() != nullptr) kernel_->heap()->Clear();
    while (!IsFull() && (at_ < batch_.size() || MINKE_TRY(Pull()))) Take(batch_[at_++]);
    // The last key may go on in the next batch of the stream.
    while (at_ < batch_.size() ? IsLast(batch_[at_]) : MINKE_TRY(Pull()) && IsLast(batch_[at_])) {
      Take(batch_[at_++]);
    }
    MINKE_TRY_STATUS(MergeWaiting());
    keys_.append(MINKE_READABLE_BEYOND, '\0');
    const char* key = keys_.data();
    for (size_t i = 0; i < records_.size(); ++i) {
      records_[i].key = std::exchange(key, key + records_[i].key_size);
      records_[i].value = StateAt(i);
      records_[i].value_size = state_bytes_;
    }
    kernel_->ToStored(records_);
    return std::span<const minke_record>(records_);
  }

 private:
  char* StateAt(size_t index) {
    return reinterpret_cast<char*>(merged_.data()) + index * state_bytes_;
  }

  bool IsFull() const {
    if (records_.size() == kBatch) return true;
    const StateHeap* heap = kernel_->heap();
    return heap != nullptr && (heap->is_over_budget() || heap->used_bytes() > kHeapBytesMax);
  }

  Result<bool> Pull() {
    MINKE_TRY_STATUS(MergeWaiting());
    batch_ = MINKE_TRY(states_->Next());
    at_ = 0;
    return !batch_.empty();
  }

  bool IsLast(const minke_record& record) const {
    if (records_.empty() || record.key_size != records_.back().key_size) return false;
    return Bytes(record.key, record.key_size) ==
           Bytes(keys_).substr(keys_.size() - record.key_size);
  }

  void Take(const minke_record& record) {
    const Bytes stored(record.value, record.value_size);
    if (IsLast(record)) {
      into_.push_back(StateAt(records_.size() - 1));
      from_.push_back(stored);
      return;
    }
    char* state = StateAt(records_.size());
    std::memcpy(state, kernel_->initial(), state_bytes_);
    kernel_->Load(state, stored);
    keys_.append(record.key, record.key_size);
    records_.push_back({nullptr, nullptr, record.key_size, 0});
  }

  Status MergeWaiting() {
    if (into_.empty()) return {};
    Status status = kernel_->MergeInto(into_, from_);
    into_.clear();
    from_.clear();
    return status;
  }

  std::unique_ptr<RecordStream> states_;
  FoldKernel* kernel_;
  const uint32_t state_bytes_;
  std::span<const minke_record> batch_;
  size_t at_ = 0;
  std::vector<minke_record> records_;  // of the batch that is made; keys and values come last
  std::string keys_;                   // theirs, one behind the other
  std::vector<uint64_t> merged_;       // their states
  std::vector<char*> into_;            // what waits to be merged
  std::vector<Bytes> from_;
};

// Where states may be large, few are finished at a time, since their values may be as large.
class FinishedStates final : public RecordStream {
 public:
  FinishedStates(std::unique_ptr<RecordStream> states, FoldKernel* kernel)
      : states_(std::move(states)), kernel_(kernel) {}

  Result<std::span<const minke_record>> Next() override {
    if (batch_.empty()) batch_ = MINKE_TRY(states_->Next());
    const size_t count = kernel_->heap() == nullptr ? batch_.size() : CountSmall();
    records_.assign(batch_.begin(), batch_.begin() + static_cast<ptrdiff_t>(count));
    batch_ = batch_.subspan(count);
    if (!records_.empty()) MINKE_TRY_STATUS(kernel_->Finish(records_));
    return std::span<const minke_record>(records_);
  }

 private:
  size_t CountSmall() const {
    size_t count = 0;
    for (size_t bytes = 0; count < batch_.size(); ++count) {
      bytes += batch_[count].value_size;
      if (bytes > kHeapBytesMax && count > 0) break;
    }
    return count;
  }

  std::unique_ptr<RecordStream> states_;
  FoldKernel* kernel_;
  std::span<const minke_record> batch_;  // of what is not finished yet
  std::vector<minke_record> records_;
};

}  // namespace

std::unique_ptr<RecordStream> ReadStates(const StateTable* table, std::vector<KeyEntry> entries,
                                         const FoldKernel* kernel) {
  return std::make_unique<TableStates>(table, std::move(entries), kernel);
}

std::unique_ptr<RecordStream> MergeStates(std::unique_ptr<RecordStream> states,
                                          FoldKernel* kernel) {
  return std::make_unique<MergedStates>(std::move(states), kernel);
}

std::unique_ptr<RecordStream> FinishStates(std::unique_ptr<RecordStream> states,
                                           FoldKernel* kernel) {
  return std::make_unique<FinishedStates>(std::move(states), kernel);
}

}  // namespace minke
