#include "shuffle/user_kernel.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fmt/format.h>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/scalar.h"

namespace minke {
namespace {

constexpr size_t kStateMax = 64;
constexpr size_t kBatch = StateTable::kBatch;

// What both sizes of state share: the user's functions, and how finished values are stored.
class UserKernel : public FoldKernel {
 public:
  UserKernel(const AggregateOptions& options, std::unique_ptr<StateHeap> heap)
      : FoldKernel(std::move(heap)), aggregate_(options.aggregate), self_(options.self) {}

 protected:
  // Into into_[0 …].
  Status CallFold(std::span<const minke_pair> pairs) {
    minke_error error{};
    return Said("fold", aggregate_.fold(self_, into_.data(), pairs.data(), pairs.size(), &error),
                error);
  }

  // from_[0 …] into into_[0 …].
  Status CallMerge(size_t count) {
    minke_error error{};
    return Said("merge", aggregate_.merge(self_, into_.data(), from_.data(), count, &error), error);
  }

  // Of the states in from_[0 …].
  Status CallFinish(std::span<minke_record> values) {
    pairs_.assign(values.size(), {});
    for (size_t i = 0; i < values.size(); ++i) {
      pairs_[i].key = values[i].key;
      pairs_[i].key_size = values[i].key_size;
    }
    minke_error error{};
    MINKE_TRY_STATUS(
        Said("finish", aggregate_.finish(self_, from_.data(), pairs_.data(), pairs_.size(), &error),
             error));
    const bool is_scalar = IsScalar(aggregate_.finished);
    if (is_scalar) stored_.resize(values.size() * kScalarBytes + MINKE_READABLE_BEYOND);
    for (size_t i = 0; i < values.size(); ++i) {
      if (is_scalar) {
        char* to = stored_.data() + i * kScalarBytes;
        StoreScalar(to, aggregate_.finished, pairs_[i]);
        values[i].value = to;
        values[i].value_size = kScalarBytes;
      } else {
        values[i].value = pairs_[i].value.bytes;
        values[i].value_size = pairs_[i].value_size;
      }
    }
    return {};
  }

  const minke_aggregate aggregate_;
  std::vector<void*> into_ = std::vector<void*>(kBatch);
  std::vector<const void*> from_ = std::vector<const void*>(kBatch);

 private:
  static Status Said(const char* function, int result, const minke_error& error) {
    if (result == 0) return {};
    return Error{ErrorCode::kUserCode,
                 fmt::format("the aggregate's {} function failed: {}", function, error.text)};
  }

  void* self_;
  std::vector<minke_pair> pairs_;
  std::vector<char> stored_;
};

class FixedKernel final : public UserKernel {
 public:
  explicit FixedKernel(const AggregateOptions& options) : UserKernel(options, nullptr) {}

  uint32_t state_bytes() const override { return aggregate_.state_size; }
  const void* initial() const override { return aggregate_.initial; }

  Status Fold(StateTable& table, std::span<const minke_pair> pairs) override {
    table.FindOrAdd(pairs, [&](size_t i, char* state) { into_[i] = state; });
    return CallFold(pairs);
  }

  Status Merge(StateTable& table, std::span<const minke_record> states) override {
    table.FindOrAdd(states, [&](size_t i, char* state) {
      into_[i] = state;
      from_[i] = Aligned(Bytes(states[i].value, states[i].value_size), i);
    });
    return CallMerge(states.size());
  }

  Status MergeInto(std::span<char* const> into, std::span<const Bytes> from) override {
    while (!into.empty()) {
      const size_t count = std::min(into.size(), kBatch);
      for (size_t i = 0; i < count; ++i) {
        into_[i] = into[i];
        from_[i] = Aligned(from[i], i);
      }
      MINKE_TRY_STATUS(CallMerge(count));
      into = into.subspan(count);
      from = from.subspan(count);
    }
    return {};
  }

  Status Finish(std::span<minke_record> values) override {
    from_.resize(std::max(values.size(), kBatch));
    for (size_t i = 0; i < values.size(); ++i) from_[i] = values[i].value;
    return CallFinish(values);
  }

 private:
  // A stored state may lie anywhere; the user's code gets it aligned, copied if need be.
  const void* Aligned(Bytes stored, size_t index) {
    if (reinterpret_cast<uintptr_t>(stored.data()) % 8 == 0) return stored.data();
    return std::memcpy(copies_[index].data(), stored.data(), stored.size());
  }

  using Copy = std::array<uint64_t, kStateMax / sizeof(uint64_t)>;
  std::array<Copy, kBatch> copies_;
};

// In the table a minke_growing, whose bytes lie in the heap. Stored as these bytes.
class GrowingKernel final : public UserKernel {
 public:
  GrowingKernel(const AggregateOptions& options, MemoryGrant* grant)
      : UserKernel(options, std::make_unique<StateHeap>(grant)), initial_(heap_->EmptyState()) {}

  uint32_t state_bytes() const override { return sizeof(minke_growing); }
  const void* initial() const override { return &initial_; }

  Status Fold(StateTable& table, std::span<const minke_pair> pairs) override {
    table.FindOrAdd(pairs, [&](size_t i, char* state) { into_[i] = state; });
    MINKE_TRY_STATUS(CallFold(pairs));
    return CheckSizes(pairs.size());
  }

  Status Merge(StateTable& table, std::span<const minke_record> states) override {
    table.FindOrAdd(states, [&](size_t i, char* state) { into_[i] = state; });
    View(states);
    MINKE_TRY_STATUS(CallMerge(states.size()));
    return CheckSizes(states.size());
  }

  void Load(char* state, Bytes stored) override {
    if (stored.empty()) return;
    auto* growing = reinterpret_cast<minke_growing*>(state);
    const auto size = static_cast<uint32_t>(stored.size());
    growing->grow(growing, size);
    std::memcpy(growing->data, stored.data(), size);
    growing->size = size;
  }

  Status MergeInto(std::span<char* const> into, std::span<const Bytes> from) override {
    into_.assign(into.begin(), into.end());
    into_.resize(std::max(into.size(), kBatch));
    stored_records_.assign(from.size(), {});
    for (size_t i = 0; i < from.size(); ++i) {
      stored_records_[i].value = from[i].data();
      stored_records_[i].value_size = static_cast<uint32_t>(from[i].size());
    }
    View(stored_records_);
    MINKE_TRY_STATUS(CallMerge(into.size()));
    return CheckSizes(into.size());
  }

  void ToStored(std::span<minke_record> records) const override {
    for (minke_record& record : records) {
      const auto state = LoadLe<minke_growing>(record.value);
      record.value = state.data;
      record.value_size = state.size;
    }
  }

  Status Finish(std::span<minke_record> values) override {
    View(values);
    return CallFinish(values);
  }

 private:
  // from_ = the stored states as the user's code sees them; they cannot grow.
  void View(std::span<const minke_record> stored) {
    views_.resize(stored.size());
    from_.resize(std::max(stored.size(), kBatch));
    for (size_t i = 0; i < stored.size(); ++i) {
      const uint32_t size = stored[i].value_size;
      views_[i] = {const_cast<char*>(stored[i].value), size, size, nullptr, nullptr};
      from_[i] = &views_[i];
    }
  }

  // Of into_[0 …], after user code had them.
  Status CheckSizes(size_t count) const {
    for (size_t i = 0; i < count; ++i) {
      const auto* state = static_cast<const minke_growing*>(into_[i]);
      if (state->size > state->capacity) {
        return Error{ErrorCode::kUserCode,
                     fmt::format("the aggregate set the size of a state to {} bytes, beyond its "
                                 "capacity of {}; call grow first",
                                 state->size, state->capacity)};
      }
      if (state->size > kStoredBytesMax) {
        return Error{ErrorCode::kUserCode,
                     fmt::format("a state of the aggregate has grown to {} bytes, more than the "
                                 "limit of {} MiB; keep less in a state",
                                 state->size, kStoredBytesMax >> 20)};
      }
    }
    return {};
  }

  const minke_growing initial_;
  std::vector<minke_growing> views_;
  std::vector<minke_record> stored_records_;
};

}  // namespace

std::unique_ptr<FoldKernel> MakeUserKernel(const AggregateOptions& options, MemoryGrant* grant) {
  if (options.aggregate.state_size == 0) return std::make_unique<GrowingKernel>(options, grant);
  return std::make_unique<FixedKernel>(options);
}

}  // namespace minke
