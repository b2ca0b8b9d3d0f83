#include "shuffle/fold_kernel.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/scalar.h"

namespace minke {
namespace {

constexpr size_t kStateMax = 64;

struct CountOp {
  using State = uint64_t;
  static constexpr State kInitial = 0;
  static void Fold(State& state, const minke_pair&) { ++state; }
  static void Merge(State& into, const State& from) { into += from; }
  static bool Finish(const State& state, uint64_t* stored) {
    *stored = state;
    return true;
  }
};

// Sums of integers in 128 bits: whether the whole sum fits does not depend on the order.
struct SumI64Op {
  using State = __int128;
  static constexpr State kInitial = 0;
  static void Fold(State& state, const minke_pair& pair) { state += pair.value.i64; }
  static void Merge(State& into, const State& from) { into += from; }
  static bool Finish(const State& state, uint64_t* stored) {
    *stored = OrderedI64(static_cast<int64_t>(state));
    return state == static_cast<int64_t>(state);
  }
};

struct SumU64Op {
  using State = unsigned __int128;
  static constexpr State kInitial = 0;
  static void Fold(State& state, const minke_pair& pair) { state += pair.value.u64; }
  static void Merge(State& into, const State& from) { into += from; }
  static bool Finish(const State& state, uint64_t* stored) {
    *stored = static_cast<uint64_t>(state);
    return state >> 64 == 0;
  }
};

// Smallest and largest, in the stored form, which orders as the numbers do.
template <minke_type kType, bool kSmallest>
struct ExtremeOp {
  using State = uint64_t;
  static constexpr State kInitial = kSmallest ? std::numeric_limits<uint64_t>::max() : 0;
  static uint64_t Ordered(const minke_pair& pair) {
    if constexpr (kType == MINKE_I64) return OrderedI64(pair.value.i64);
    if constexpr (kType == MINKE_F64) return OrderedF64(pair.value.f64);
    return pair.value.u64;
  }
  static void Merge(State& into, const State& from) {
    into = kSmallest ? std::min(into, from) : std::max(into, from);
  }
  static void Fold(State& state, const minke_pair& pair) { Merge(state, Ordered(pair)); }
  static bool Finish(const State& state, uint64_t* stored) {
    *stored = state;
    return true;
  }
};

// States are 8-aligned; a 16-byte one is moved as bytes.
template <typename Op>
class BuiltIn final : public FoldKernel {
 public:
  using State = typename Op::State;

  uint32_t state_bytes() const override { return sizeof(State); }
  const void* initial() const override { return &initial_; }

  Status Fold(StateTable& table, std::span<const minke_pair> pairs) override {
    if (is_v3_) {
      FoldV3(table, pairs);
    } else {
      FoldAny(table, pairs);
    }
    return {};
  }

  Status Merge(StateTable& table, std::span<const minke_record> states) override {
    table.FindOrAdd<sizeof(State)>(
        states, [&](size_t i, char* into) { MergeState(into, states[i].value); });
    return {};
  }

  Status MergeOne(void* into, const void* from) override {
    MergeState(into, from);
    return {};
  }

  Status Finish(const void* const* states, std::span<minke_record> values) override {
    stored_.resize((values.size() + 8) * kScalarBytes);  // the last ones are readable beyond
    for (size_t i = 0; i < values.size(); ++i) {
      uint64_t bits = 0;
      if (!Op::Finish(Load(states[i]), &bits)) {
        return Error{ErrorCode::kInput,
                     fmt::format("the sum of key '{}' does not fit into 64 bits; sum doubles "
                                 "instead, or smaller numbers",
                                 Bytes(values[i].key, values[i].key_size))};
      }
      char* to = stored_.data() + i * kScalarBytes;
      StoreBe64(to, bits);
      values[i].value = to;
      values[i].value_size = kScalarBytes;
    }
    return {};
  }

 private:
  static State Load(const void* from) {
    State state;
    std::memcpy(&state, from, sizeof(State));
    return state;
  }
  static void MergeState(void* into, const void* from) {
    State state = Load(into);
    Op::Merge(state, Load(from));
    std::memcpy(into, &state, sizeof(State));
  }
  [[gnu::always_inline]] static inline void FoldPairs(StateTable& table,
                                                      std::span<const minke_pair> pairs) {
    table.FindOrAdd<sizeof(State)>(pairs, [&](size_t i, char* at) {
      State state = Load(at);
      Op::Fold(state, pairs[i]);
      std::memcpy(at, &state, sizeof(State));
    });
  }
  static void FoldAny(StateTable& table, std::span<const minke_pair> pairs) {
    FoldPairs(table, pairs);
  }
  [[gnu::target("arch=x86-64-v3")]] static void FoldV3(StateTable& table,
                                                       std::span<const minke_pair> pairs) {
    FoldPairs(table, pairs);
  }

  const bool is_v3_ = __builtin_cpu_supports("x86-64-v3") != 0;
  const State initial_ = Op::kInitial;
  std::vector<char> stored_;
};

// A user's aggregate with a state of fixed size.
class Custom final : public FoldKernel {
 public:
  Custom(const minke_aggregate& aggregate, void* self) : aggregate_(aggregate), self_(self) {}

  uint32_t state_bytes() const override { return aggregate_.state_size; }
  const void* initial() const override { return aggregate_.initial; }

  Status Fold(StateTable& table, std::span<const minke_pair> pairs) override {
    void* states[StateTable::kBatch];
    table.FindOrAdd<0>(pairs, [&](size_t i, char* state) { states[i] = state; });
    minke_error error{};
    return Said("fold", aggregate_.fold(self_, states, pairs.data(), pairs.size(), &error), error);
  }

  Status Merge(StateTable& table, std::span<const minke_record> states) override {
    void* into[StateTable::kBatch];
    const void* from[StateTable::kBatch];
    alignas(16) char aligned[StateTable::kBatch][kStateMax];
    table.FindOrAdd<0>(states, [&](size_t i, char* state) {
      into[i] = state;
      from[i] = std::memcpy(aligned[i], states[i].value, aggregate_.state_size);
    });
    minke_error error{};
    return Said("merge", aggregate_.merge(self_, into, from, states.size(), &error), error);
  }

  Status MergeOne(void* into, const void* from) override {
    alignas(16) char aligned[kStateMax];
    const void* copy = std::memcpy(aligned, from, aggregate_.state_size);
    minke_error error{};
    return Said("merge", aggregate_.merge(self_, &into, &copy, 1, &error), error);
  }

  Status Finish(const void* const* states, std::span<minke_record> values) override {
    pairs_.assign(values.size(), {});
    for (size_t i = 0; i < values.size(); ++i) {
      pairs_[i].key = values[i].key;
      pairs_[i].key_size = values[i].key_size;
    }
    minke_error error{};
    MINKE_TRY_STATUS(Said(
        "finish", aggregate_.finish(self_, states, pairs_.data(), pairs_.size(), &error), error));
    const bool is_scalar = IsScalar(aggregate_.finished);
    stored_.resize((values.size() + 8) * kScalarBytes);
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

 private:
  static Status Said(const char* function, int result, const minke_error& error) {
    if (result == 0) return {};
    return Error{ErrorCode::kUserCode,
                 fmt::format("the aggregate's {} function failed: {}", function, error.text)};
  }

  minke_aggregate aggregate_;
  void* self_;
  std::vector<minke_pair> pairs_;
  std::vector<char> stored_;
};

template <template <minke_type> typename Op>
std::unique_ptr<FoldKernel> ForScalar(minke_type type) {
  switch (type) {
    case MINKE_I64:
      return std::make_unique<BuiltIn<Op<MINKE_I64>>>();
    case MINKE_U64:
      return std::make_unique<BuiltIn<Op<MINKE_U64>>>();
    case MINKE_F64:
      return std::make_unique<BuiltIn<Op<MINKE_F64>>>();
    default:
      return nullptr;
  }
}

template <minke_type kType>
using MinOp = ExtremeOp<kType, true>;
template <minke_type kType>
using MaxOp = ExtremeOp<kType, false>;

}  // namespace

Result<std::unique_ptr<FoldKernel>> FoldKernel::Make(const AggregateOptions& options) {
  const minke_aggregate& aggregate = options.aggregate;
  std::unique_ptr<FoldKernel> kernel;
  switch (aggregate.kind) {
    case MINKE_AGGREGATE_COUNT:
      kernel = std::make_unique<BuiltIn<CountOp>>();
      break;
    case MINKE_AGGREGATE_SUM:
      if (options.value_type == MINKE_I64) kernel = std::make_unique<BuiltIn<SumI64Op>>();
      if (options.value_type == MINKE_U64) kernel = std::make_unique<BuiltIn<SumU64Op>>();
      break;
    case MINKE_AGGREGATE_MIN:
      kernel = ForScalar<MinOp>(options.value_type);
      break;
    case MINKE_AGGREGATE_MAX:
      kernel = ForScalar<MaxOp>(options.value_type);
      break;
    case MINKE_AGGREGATE_CUSTOM:
      if (aggregate.state_size != 0) kernel = std::make_unique<Custom>(aggregate, options.self);
      break;
    default:
      break;
  }
  if (kernel == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("aggregates of kind {} over values of type {} are not supported",
                             aggregate.kind, options.value_type)};
  }
  return kernel;
}

}  // namespace minke
