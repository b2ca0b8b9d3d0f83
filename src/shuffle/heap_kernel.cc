#include "shuffle/heap_kernel.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "base/scalar.h"
#include "shuffle/double_sum.h"
#include "shuffle/key_sort.h"

namespace minke {
namespace {

// What all kernels with a heap share: a stored state enters another by the kernel's TakeIn.
template <typename Kernel, typename Head>
class HeapKernel : public FoldKernel {
 public:
  uint32_t state_bytes() const override { return sizeof(Head); }

  Status Merge(StateTable& table, std::span<const minke_record> states) override {
    table.FindOrAdd<sizeof(Head)>(states, [&](size_t i, char* at) {
      kernel()->TakeIn(at, Bytes(states[i].value, states[i].value_size));
    });
    return {};
  }

  void Load(char* state, Bytes stored) override { kernel()->TakeIn(state, stored); }

  Status MergeInto(std::span<char* const> into, std::span<const Bytes> from) override {
    for (size_t i = 0; i < into.size(); ++i) kernel()->TakeIn(into[i], from[i]);
    return {};
  }

 private:
  friend Kernel;
  explicit HeapKernel(MemoryGrant* grant) : FoldKernel(std::make_unique<StateHeap>(grant)) {}

  Kernel* kernel() { return static_cast<Kernel*>(this); }
};

// Whether the whole sum fits does not depend on the order of its parts, so these may grow to 128
// bits: few ever do. In the table a sum of 63 bits, shifted; where that does not suffice, the place
// of a wide one in the heap, with the lowest bit set. Stored as the one or the other.
template <typename Number, typename Wide>
class IntegerSumKernel final : public HeapKernel<IntegerSumKernel<Number, Wide>, Number> {
 public:
  explicit IntegerSumKernel(MemoryGrant* grant) : IntegerSumKernel::HeapKernel(grant) {}

  const void* initial() const override { return &initial_; }

  Status Fold(StateTable& table, std::span<const minke_pair> pairs) override {
    table.FindOrAdd<sizeof(Number)>(pairs, [&](size_t i, char* at) {
      const Number number = std::bit_cast<Number>(pairs[i].value.u64);
      Number shifted = 0;
      const bool is_large = __builtin_mul_overflow(number, Number{2}, &shifted);
      if (is_large || !TryAdd(at, shifted)) [[unlikely]]
        *Widened(at) += number;
    });
    return {};
  }

  void TakeIn(char* at, Bytes stored) {
    const bool is_added =
        stored.size() == sizeof(Number) && TryAdd(at, LoadLe<Number>(stored.data()));
    if (!is_added) [[unlikely]]
      *Widened(at) += LoadStored(stored);
  }

  void ToStored(std::span<minke_record> records) const override {
    for (minke_record& record : records) {
      record.value_size = sizeof(Number);
      const auto state = LoadLe<Number>(record.value);
      if (!IsWide(state)) continue;
      record.value = reinterpret_cast<const char*>(WideAt(state));
      record.value_size = sizeof(Wide);
    }
  }

  Status Finish(std::span<minke_record> values) override {
    stored_.resize(values.size() * kScalarBytes + MINKE_READABLE_BEYOND);
    for (size_t i = 0; i < values.size(); ++i) {
      const Wide sum = LoadStored(Bytes(values[i].value, values[i].value_size));
      const auto number = static_cast<Number>(sum);
      if (number != sum) {
        return Error{ErrorCode::kInput,
                     fmt::format("the sum of key '{}' does not fit into 64 bits; sum doubles "
                                 "instead, or smaller numbers",
                                 Bytes(values[i].key, values[i].key_size))};
      }
      char* to = stored_.data() + i * kScalarBytes;
      StoreBe64(to, std::is_signed_v<Number> ? OrderedI64(static_cast<int64_t>(number))
                                             : static_cast<uint64_t>(number));
      values[i].value = to;
      values[i].value_size = kScalarBytes;
    }
    return {};
  }

 private:
  static bool IsWide(Number state) { return (state & 1) != 0; }
  static Wide* WideAt(Number state) { return std::bit_cast<Wide*>(state ^ 1); }
  static Wide LoadStored(Bytes stored) {
    if (stored.size() == sizeof(Wide)) return LoadLe<Wide>(stored.data());
    return LoadLe<Number>(stored.data()) >> 1;
  }

  // Adds a number that is shifted already, if what is there and what comes out are no wide ones.
  static bool TryAdd(char* at, Number shifted) {
    const auto state = LoadLe<Number>(at);
    Number sum = 0;
    const bool is_large = __builtin_add_overflow(state, shifted, &sum);
    if (is_large || IsWide(state)) return false;
    StoreLe(at, sum);
    return true;
  }

  [[gnu::noinline]] Wide* Widened(char* at) {
    const auto state = LoadLe<Number>(at);
    if (IsWide(state)) return WideAt(state);
    Wide* wide = new (this->heap_->Get(sizeof(Wide)).data) Wide(state >> 1);
    StoreLe(at, std::bit_cast<Number>(wide) | 1);
    return wide;
  }

  const Number initial_ = 0;
  std::vector<char> stored_;
};

// In the table a WindowSum; where that does not suffice, words[0] is the place of a FullSum in the
// heap. Stored as the one or the other.
class DoubleSumKernel final : public HeapKernel<DoubleSumKernel, WindowSum> {
 public:
  explicit DoubleSumKernel(MemoryGrant* grant) : HeapKernel(grant) {}

  const void* initial() const override { return &initial_; }

  Status Fold(StateTable& table, std::span<const minke_pair> pairs) override {
    table.FindOrAdd<sizeof(WindowSum)>(pairs, [&](size_t i, char* at) {
      // In place: a copy would wait for the stores of the pair before.
      auto* state = std::launder(reinterpret_cast<WindowSum*>(at));
      if (!state->TryAdd(pairs[i].value.f64)) [[unlikely]]
        AddAny(at, pairs[i].value.f64);
    });
    return {};
  }

  void TakeIn(char* at, Bytes stored) {
    if (stored.size() == sizeof(FullSum)) {
      Widened(at)->Add(LoadLe<FullSum>(stored.data()));
      return;
    }
    MINKE_CHECK(stored.size() == sizeof(WindowSum));
    const auto added = LoadLe<WindowSum>(stored.data());
    auto state = LoadLe<WindowSum>(at);
    if (state.base == SumHead::kFull || !state.Add(added)) {
      Widened(at)->Add(added);
    } else {
      StoreLe(at, state);
    }
  }

  void ToStored(std::span<minke_record> records) const override {
    for (minke_record& record : records) {
      record.value_size = sizeof(WindowSum);
      const auto state = LoadLe<WindowSum>(record.value);
      if (state.base != SumHead::kFull) continue;
      record.value = reinterpret_cast<const char*>(FullAt(state));
      record.value_size = sizeof(FullSum);
    }
  }

  Status Finish(std::span<minke_record> values) override {
    stored_.resize(values.size() * kScalarBytes + MINKE_READABLE_BEYOND);
    for (size_t i = 0; i < values.size(); ++i) {
      const bool is_full = values[i].value_size == sizeof(FullSum);
      const double sum = is_full ? Rounded(LoadLe<FullSum>(values[i].value))
                                 : Rounded(LoadLe<WindowSum>(values[i].value));
      char* to = stored_.data() + i * kScalarBytes;
      StoreBe64(to, OrderedF64(sum));
      values[i].value = to;
      values[i].value_size = kScalarBytes;
    }
    return {};
  }

 private:
  static FullSum* FullAt(const WindowSum& state) { return std::bit_cast<FullSum*>(state.words[0]); }

  FullSum* Widened(char* at) {
    auto state = LoadLe<WindowSum>(at);
    if (state.base == SumHead::kFull) return FullAt(state);
    auto* full = reinterpret_cast<FullSum*>(heap_->Get(sizeof(FullSum)).data);
    *full = FullSum::Zero();
    full->Add(state);
    state = {{SumHead::kFull, 0}, {std::bit_cast<uint64_t>(full), 0, 0}};
    StoreLe(at, state);
    return full;
  }

  [[gnu::noinline]] void AddAny(char* at, double value) {
    auto state = LoadLe<WindowSum>(at);
    if (state.base == SumHead::kFull || !state.AddAny(value)) {
      Widened(at)->Add(value);
    } else {
      StoreLe(at, state);
    }
  }

  const WindowSum initial_ = WindowSum::Empty();
  std::vector<char> stored_;
};

// The smallest or largest value so far, in the heap; null where there is none yet. Its first bytes
// decide most comparisons.
struct Extreme {
  uint64_t prefix;
  char* data;
  uint32_t capacity;
  uint32_t size;
};

template <bool kSmallest>
class ExtremeKernel final : public HeapKernel<ExtremeKernel<kSmallest>, Extreme> {
 public:
  explicit ExtremeKernel(MemoryGrant* grant) : ExtremeKernel::HeapKernel(grant) {}

  const void* initial() const override { return &initial_; }

  Status Fold(StateTable& table, std::span<const minke_pair> pairs) override {
    table.FindOrAdd(pairs, [&](size_t i, char* at) {
      TakeIn(at, Bytes(pairs[i].value.bytes, pairs[i].value_size));
    });
    return {};
  }

  void TakeIn(char* at, Bytes value) {
    auto state = LoadLe<Extreme>(at);
    const uint64_t prefix = KeyPrefix(value, 0);
    if (state.data != nullptr && !IsBetter(value, prefix, state)) return;
    const auto size = static_cast<uint32_t>(value.size());
    if (state.data == nullptr || size > state.capacity) {
      this->heap_->Free({state.data, state.capacity});
      const StateHeap::Block block = this->heap_->Get(size);
      state.data = block.data;
      state.capacity = block.capacity;
    }
    std::memcpy(state.data, value.data(), size);
    state.prefix = prefix;
    state.size = size;
    StoreLe(at, state);
  }

  void ToStored(std::span<minke_record> records) const override {
    for (minke_record& record : records) {
      const auto state = LoadLe<Extreme>(record.value);
      record.value = state.data;
      record.value_size = state.size;
    }
  }

  // A stored state is the value itself.
  Status Finish(std::span<minke_record>) override { return {}; }

 private:
  static bool IsBetter(Bytes value, uint64_t prefix, const Extreme& than) {
    if (prefix != than.prefix) return (prefix < than.prefix) == kSmallest;
    const int order = value.compare(Bytes(than.data, than.size));
    return kSmallest ? order < 0 : order > 0;
  }

  const Extreme initial_{};
};

}  // namespace

std::unique_ptr<FoldKernel> MakeSumKernel(minke_type value_type, MemoryGrant* grant) {
  switch (value_type) {
    case MINKE_I64:
      return std::make_unique<IntegerSumKernel<int64_t, __int128>>(grant);
    case MINKE_U64:
      return std::make_unique<IntegerSumKernel<uint64_t, unsigned __int128>>(grant);
    case MINKE_F64:
      return std::make_unique<DoubleSumKernel>(grant);
    default:
      return nullptr;
  }
}

std::unique_ptr<FoldKernel> MakeExtremeKernel(const AggregateOptions& options, MemoryGrant* grant) {
  if (options.value_type == MINKE_NONE) return nullptr;
  if (options.aggregate.kind == MINKE_AGGREGATE_MIN) {
    return std::make_unique<ExtremeKernel<true>>(grant);
  }
  return std::make_unique<ExtremeKernel<false>>(grant);
}

}  // namespace minke
