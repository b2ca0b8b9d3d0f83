#include "shuffle/fold_kernel.h"

#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <vector>

#include "base/bytes.h"
#include "base/scalar.h"
#include "shuffle/heap_kernel.h"
#include "shuffle/user_kernel.h"

namespace minke {
namespace {

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
    table.FindOrAdd<sizeof(State)>(pairs, [&](size_t i, char* at) {
      State state = LoadState(at);
      Op::Fold(state, pairs[i]);
      std::memcpy(at, &state, sizeof(State));
    });
    return {};
  }

  Status Merge(StateTable& table, std::span<const minke_record> states) override {
    table.FindOrAdd<sizeof(State)>(
        states, [&](size_t i, char* into) { MergeState(into, states[i].value); });
    return {};
  }

  Status MergeInto(std::span<char* const> into, std::span<const Bytes> from) override {
    for (size_t i = 0; i < into.size(); ++i) MergeState(into[i], from[i].data());
    return {};
  }

  Status Finish(std::span<minke_record> values) override {
    stored_.resize((values.size() + 8) * kScalarBytes);  // the last ones are readable beyond
    for (size_t i = 0; i < values.size(); ++i) {
      uint64_t bits = 0;
      if (!Op::Finish(LoadState(values[i].value), &bits)) {
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
  static State LoadState(const void* from) {
    State state;
    std::memcpy(&state, from, sizeof(State));
    return state;
  }
  static void MergeState(void* into, const void* from) {
    State state = LoadState(into);
    Op::Merge(state, LoadState(from));
    std::memcpy(into, &state, sizeof(State));
  }

  const State initial_ = Op::kInitial;
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

void FoldKernel::Load(char* state, Bytes stored) {
  std::memcpy(state, stored.data(), state_bytes());
}

Result<std::unique_ptr<FoldKernel>> FoldKernel::Make(const AggregateOptions& options,
                                                     MemoryGrant* grant) {
  const minke_aggregate& aggregate = options.aggregate;
  std::unique_ptr<FoldKernel> kernel;
  switch (aggregate.kind) {
    case MINKE_AGGREGATE_COUNT:
      kernel = std::make_unique<BuiltIn<CountOp>>();
      break;
    case MINKE_AGGREGATE_SUM:
      if (options.value_type == MINKE_I64) kernel = std::make_unique<BuiltIn<SumI64Op>>();
      if (options.value_type == MINKE_U64) kernel = std::make_unique<BuiltIn<SumU64Op>>();
      if (options.value_type == MINKE_F64) kernel = MakeDoubleSumKernel(grant);
      break;
    case MINKE_AGGREGATE_MIN:
      kernel = ForScalar<MinOp>(options.value_type);
      if (kernel == nullptr) kernel = MakeExtremeKernel(options, grant);
      break;
    case MINKE_AGGREGATE_MAX:
      kernel = ForScalar<MaxOp>(options.value_type);
      if (kernel == nullptr) kernel = MakeExtremeKernel(options, grant);
      break;
    case MINKE_AGGREGATE_CUSTOM:
      kernel = MakeUserKernel(options, grant);
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
