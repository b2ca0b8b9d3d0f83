// What an aggregate must look like, and the advice where it does not. Part of <minke/job.h>;
// compile time only, but for Declare.
#pragma once

#include <type_traits>
#include <utility>

#include <minke/internal/aggregate_thunk.h>

namespace minke::internal {

template <class A, class V>
struct CustomCheck {
  template <class State>
  static constexpr bool kIsPlain =
      std::is_same_v<State, Growing> ||
      (std::is_trivially_copyable_v<State> && std::is_default_constructible_v<State> &&
       sizeof(State) <= 64 && alignof(State) <= 8);

  static constexpr bool Plain() {
    if constexpr (HasState<A>)
      return kIsPlain<typename A::State>;
    else
      return false;
  }
  static constexpr bool kFits = Plain() && HasFold<A, V> && HasMerge<A> && HasFinish<A>;

  static constexpr void Check() {
    static_assert(HasState<A>,
                  "minke: Aggregate takes minke::Count(), Sum(), Min(), Max(), or a struct of your "
                  "own with a type State and functions Fold, Merge and Finish");
    if constexpr (HasState<A>) {
      static_assert(Plain(),
                    "minke: the State of an aggregate must be trivially copyable, default "
                    "constructible and at most 64 bytes; use minke::Growing for more");
      static_assert(HasFold<A, V>,
                    "minke: the aggregate needs void Fold(State& state, V value) const, where V is "
                    "the value type that the map emits (minke::None for keys alone)");
      static_assert(HasMerge<A>,
                    "minke: the aggregate needs void Merge(State& into, const State& from) const");
      static_assert(HasFinish<A>, "minke: the aggregate needs Value Finish(const State&) const");
    }
  }
};

template <class A, class V>
struct AggregateCheck : CustomCheck<A, V> {
  static auto FinishedType() {
    if constexpr (CustomCheck<A, V>::kFits)
      return typename AggregateThunk<A, V>::Finished{};
    else
      return None{};
  }
  using Finished = decltype(FinishedType());
  static void Declare(Declaration& job, A aggregate) {
    AggregateThunk<A, V>::Declare(job, std::move(aggregate));
    job.output_value = TypeOf<Finished>::kType;
  }
};

template <class V>
struct AggregateCheck<Count, V> {
  static constexpr bool kFits = std::is_same_v<V, None>;
  using Finished = uint64_t;
  static constexpr void Check() {
    static_assert(kFits,
                  "minke: Count() counts keys: make the map emit keys alone, with "
                  "minke::Emit<Key>& and emit(key), or use Sum()");
  }
  static void Declare(Declaration& job, Count) {
    job.aggregate_functions.kind = MINKE_AGGREGATE_COUNT;
    job.aggregate_functions.finished = job.output_value = MINKE_U64;
  }
};

// Sum, Min and Max: of the type of their values.
template <class V, uint32_t kKind>
struct SameTypeAggregate {
  using Finished = V;
  template <class A>
  static void Declare(Declaration& job, A) {
    job.aggregate_functions.kind = kKind;
    job.aggregate_functions.finished = TypeOf<V>::kType;
  }
};
template <class V>
struct AggregateCheck<Sum, V> : SameTypeAggregate<V, MINKE_AGGREGATE_SUM> {
  static constexpr bool kFits = kIsNumber<V>;
  static constexpr void Check() {
    static_assert(kFits,
                  "minke: Sum() needs numbers: make the map emit int64_t, uint64_t or double "
                  "values, or write an aggregate of your own");
  }
};
template <class V, uint32_t kKind>
struct ExtremeCheck : SameTypeAggregate<V, kKind> {
  static constexpr bool kFits = kIsValue<V> && !std::is_same_v<V, None>;
  static constexpr void Check() {
    static_assert(kFits,
                  "minke: Min() and Max() need values: make the map emit a value with each key, "
                  "with minke::Emit<Key, Value>& and emit(key, value)");
  }
};
template <class V>
struct AggregateCheck<Min, V> : ExtremeCheck<V, MINKE_AGGREGATE_MIN> {};
template <class V>
struct AggregateCheck<Max, V> : ExtremeCheck<V, MINKE_AGGREGATE_MAX> {};

}  // namespace minke::internal
