#include "shuffle/fold_kernel.h"

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

// States are eight bytes, and what is finished.
struct CountOp {
  static constexpr uint64_t kInitial = 0;
  static void Fold(uint64_t& state, const minke_pair&) { ++state; }
  static void Merge(uint64_t& into, uint64_t from) { into += from; }
};

// Smallest and largest, in the stored form, which orders as the numbers do.
template <minke_type kType, bool kSmallest>
struct ExtremeOp {
  static constexpr uint64_t kInitial = kSmallest ? std::numeric_limits<uint64_t>::max() : 0;
  static uint64_t Ordered(const minke_pair& pair) {
    if constexpr (kType == MINKE_I64) return OrderedI64(pair.value.i64);
    if constexpr (kType == MINKE_F64) return OrderedF64(pair.value.f64);
    return pair.value.u64;
  }
  static void Merge(uint64_t& into, uint64_t from) {
    into = kSmallest ? std::min(into, from) : std::max(into, from);
  }
  static void Fold(uint64_t& state, const minke_pair& pair) { Merge(state, Ordered(pair)); }
};

template <typename Op>
class BuiltIn final : public FoldKernel {
 public:
  uint32_t state_bytes() const override { return sizeof(uint64_t); }
  const void* initial() const override { return &initial_; }

  Status Fold(StateTable& table, std::span<const minke_pair> pairs) override {
    table.FindOrAdd<sizeof(uint64_t)>(pairs, [&](size_t i, char* at) {
      auto state = LoadLe<uint64_t>(at);
      Op::Fold(state, pairs[i]);
      StoreLe(at, state);
    });
    return {};
  }

  Status Merge(StateTable& table, std::span<const minke_record> states) override {
    table.FindOrAdd<sizeof(uint64_t)>(
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
      char* to = stored_.data() + i * kScalarBytes;
      StoreBe64(to, LoadLe<uint64_t>(values[i].value));
      values[i].value = to;
      values[i].value_size = kScalarBytes;
    }
    return {};
  }

 private:
  static void MergeState(char* into, const char* from) {
    auto state = LoadLe<uint64_t>(into);
    Op::Merge(state, LoadLe<uint64_t>(from));
    StoreLe(into, state);
  }

  const uint64_t initial_ = Op::kInitial;
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
      kernel = MakeSumKernel(options.value_type, grant);
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
