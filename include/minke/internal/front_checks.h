// The advice that wrong use of the front gets from the compiler. Part of <minke/job.h>; compile
// time only. Each check has kFits, and a function whose static_asserts say what to write instead.
#pragma once

#include <string_view>
#include <type_traits>

#include <minke/internal/aggregate_thunk.h>
#include <minke/internal/signature.h>

namespace minke::internal {

// The third or fourth parameter may be minke::Task&, and nothing else.
template <class P, size_t kWithoutTask>
inline constexpr bool kEndsWell =
    P::kCount == kWithoutTask ||
    (P::kCount == kWithoutTask + 1 && std::is_same_v<typename P::template At<kWithoutTask>, Task&>);

template <class T, bool kIsGood, class Otherwise>
using Or = std::conditional_t<kIsGood, T, Otherwise>;

struct NoParameters : Parameters<> {};

template <class F>
struct MapCheck {
  using Object = typename Factory<F>::Object;
  static constexpr bool kIsKnown = FunctionParameters<Object>::kIsKnown;
  using P = Or<FunctionParameters<Object>, kIsKnown, NoParameters>;
  using First = std::remove_cvref_t<typename P::template At<0>>;
  using Emits = EmitOf<typename P::template At<1>>;

  static constexpr bool kFits = kIsKnown && kIsInput<First> && Emits::kIsEmit && kEndsWell<P, 2> &&
                                kIsKey<typename Emits::Key> && kIsValue<typename Emits::Value> &&
                                std::is_move_constructible_v<Object>;
  using Input = Or<First, kFits, Text>;
  using Key = Or<typename Emits::Key, kFits, std::string_view>;
  using Value = Or<typename Emits::Value, kFits, None>;

  static constexpr void Check() {
    static_assert(kIsKnown,
                  "minke: Map takes a function whose parameter types are written out (no auto, no "
                  "overloads), like [](const minke::Text& text, minke::Emit<std::string_view>& "
                  "emit) { … }");
    if constexpr (kIsKnown) {
      static_assert(kIsInput<First>,
                    "minke: the first parameter of a map must be const minke::Text&, const "
                    "minke::Line&, const minke::FixedRecord& or const minke::Record<K, V>&");
      static_assert(Emits::kIsEmit,
                    "minke: the second parameter of a map must be minke::Emit<Key, Value>&, by "
                    "reference, or minke::Emit<Key>& to emit keys alone");
      static_assert(kEndsWell<P, 2>,
                    "minke: behind the input and the Emit a map can only take minke::Task&");
      if constexpr (Emits::kIsEmit) CheckPairTypes<typename Emits::Key, typename Emits::Value>();
    }
  }
};

template <class F, class K, class V>
struct GroupCheck {
  using Object = typename Factory<F>::Object;
  static constexpr bool kIsKnown = FunctionParameters<Object>::kIsKnown;
  using P = Or<FunctionParameters<Object>, kIsKnown, NoParameters>;
  using First = std::remove_cvref_t<typename P::template At<0>>;
  using Second = typename P::template At<1>;
  using Emits = EmitOf<typename P::template At<2>>;

  static constexpr bool kTakesKey = std::is_same_v<First, K>;
  static constexpr bool kTakesValues = std::is_same_v<Second, Values<V>&>;
  static constexpr bool kFits = kIsKnown && kTakesKey && kTakesValues && Emits::kIsEmit &&
                                kEndsWell<P, 3> && kIsKey<typename Emits::Key> &&
                                kIsValue<typename Emits::Value>;
  using OutKey = Or<typename Emits::Key, kFits, K>;
  using OutValue = Or<typename Emits::Value, kFits, V>;

  static constexpr void Reduce() {
    static_assert(kIsKnown,
                  "minke: Reduce takes a function whose parameter types are written out (no auto, "
                  "no overloads), like [](Key key, minke::Values<Value>& values, "
                  "minke::Emit<OutKey, OutValue>& emit) { … }");
    if constexpr (kIsKnown) {
      static_assert(kTakesKey,
                    "minke: the first parameter of a reduce must be the key type that the map "
                    "emits: the K of its minke::Emit<K, V>");
      static_assert(ValuesOf<Second>::kIsValues,
                    "minke: the second parameter of a reduce must be minke::Values<V>&, by "
                    "reference: values are read once, and cannot be copied");
      static_assert(!ValuesOf<Second>::kIsValues || kTakesValues,
                    "minke: the minke::Values<V> of a reduce must have the value type that the map "
                    "emits (the V of its minke::Emit<K, V>), or, behind Aggregate, the finished "
                    "type of the aggregate");
      static_assert(Emits::kIsEmit,
                    "minke: the third parameter of a reduce must be minke::Emit<OutKey, "
                    "OutValue>&, by reference");
      static_assert(kEndsWell<P, 3>,
                    "minke: behind key, values and Emit a reduce can only take minke::Task&");
      if constexpr (Emits::kIsEmit) CheckPairTypes<typename Emits::Key, typename Emits::Value>();
    }
  }

  static constexpr void Combine() {
    constexpr bool kKeeps = kFits && std::is_same_v<OutKey, K> && std::is_same_v<OutValue, V>;
    static_assert(kKeeps,
                  "minke: a combiner reads and emits what the map emits: [](K key, "
                  "minke::Values<V>& values, minke::Emit<K, V>& emit) { … } with the K and V of "
                  "the map's minke::Emit<K, V>");
  }
};

}  // namespace minke::internal
