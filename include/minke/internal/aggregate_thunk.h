// The functions behind minke_aggregate, for aggregates of the user's own. Part of <minke/job.h>;
// user code does not name these.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <minke/aggregate.h>
#include <minke/internal/declaration.h>

namespace minke::internal {

// A reference to the state behind the ABI's pointer.
template <class State>
struct StateAt {
  explicit StateAt(const void* at) : state(*static_cast<State*>(const_cast<void*>(at))) {}
  State& state;
};
template <>
struct StateAt<Growing> {
  explicit StateAt(const void* at) : state(static_cast<minke_growing*>(const_cast<void*>(at))) {}
  Growing state;
};

template <class A>
concept HasState = requires { typename A::State; };

template <class A, class V>
concept HasFold = requires(const A& a, typename A::State& state, V value) { a.Fold(state, value); };
template <class A>
concept HasMerge = requires(const A& a, typename A::State& into, const typename A::State& from) {
  a.Merge(into, from);
};
template <class A>
concept HasFinish = requires(const A& a, const typename A::State& state) { a.Finish(state); };

template <class V>
V ValueOf(const minke_pair& pair, std::string& room) {
  if constexpr (std::is_same_v<V, None>)
    return {};
  else if constexpr (std::is_same_v<V, int64_t>)
    return pair.value.i64;
  else if constexpr (std::is_same_v<V, uint64_t>)
    return pair.value.u64;
  else if constexpr (std::is_same_v<V, double>)
    return pair.value.f64;
  else
    return Decode<V>({pair.value.bytes, pair.value_size}, room);
}

template <class A, class V>
struct AggregateThunk {
  using State = typename A::State;
  static constexpr bool kGrows = std::is_same_v<State, Growing>;
  using Raw =
      std::remove_cvref_t<decltype(std::declval<const A&>().Finish(std::declval<const State&>()))>;
  using Finished = std::conditional_t<std::is_same_v<Raw, std::string>, std::string_view, Raw>;
  static_assert(kIsValue<Finished>,
                "minke: Finish of an aggregate must return std::string_view, std::string, int64_t, "
                "uint64_t, double, a std::tuple of these, or minke::None");

  static void Declare(Declaration& job, A aggregate) {
    minke_aggregate& functions = job.aggregate_functions;
    functions.kind = MINKE_AGGREGATE_CUSTOM;
    if constexpr (!kGrows) {
      functions.state_size = static_cast<uint32_t>((sizeof(State) + 7) / 8 * 8);
      const State initial{};
      std::memcpy(job.aggregate_initial, &initial, sizeof initial);
      functions.initial = job.aggregate_initial;
    }
    functions.fold = &Fold;
    functions.merge = &Merge;
    functions.finish = &Finish;
    functions.finished = TypeOf<Finished>::kType;
    job.Set(kAggregate, std::move(aggregate));
  }

 private:
  static const A& Self(void* self) {
    return static_cast<Instance*>(self)->declaration->template Get<A>(kAggregate);
  }

  static int Fold(void* self, void* const* states, const minke_pair* pairs, size_t count,
                  minke_error* error) noexcept {
    return Fence(error, [&] {
      const A& aggregate = Self(self);
      std::string& room = static_cast<Instance*>(self)->rooms[kAggregate].value;
      for (size_t i = 0; i < count; ++i) {
        StateAt<State> at(states[i]);
        aggregate.Fold(at.state, ValueOf<V>(pairs[i], room));
      }
    });
  }

  static int Merge(void* self, void* const* into, const void* const* from, size_t count,
                   minke_error* error) noexcept {
    return Fence(error, [&] {
      const A& aggregate = Self(self);
      for (size_t i = 0; i < count; ++i) {
        StateAt<State> to(into[i]);
        const StateAt<State> other(from[i]);
        aggregate.Merge(to.state, std::as_const(other.state));
      }
    });
  }

  static int Finish(void* self, const void* const* states, minke_pair* values, size_t count,
                    minke_error* error) noexcept {
    return Fence(error, [&] {
      const A& aggregate = Self(self);
      std::string& bytes = static_cast<Instance*>(self)->finished;
      bytes.clear();
      for (size_t i = 0; i < count; ++i) {
        const StateAt<State> at(states[i]);
        Store(aggregate.Finish(std::as_const(at.state)), values[i], bytes);
      }
      bytes.append(MINKE_READABLE_BEYOND, '\0');
      if constexpr (kIsStored<Finished>) {  // bytes has stopped moving
        size_t begin = 0;
        for (size_t i = 0; i < count; ++i) {
          values[i].value.bytes = bytes.data() + begin;
          begin += values[i].value_size;
        }
      }
    });
  }

  static void Store(const Raw& finished, minke_pair& value, std::string& bytes) {
    value.value_size = 0;
    if constexpr (std::is_same_v<Raw, int64_t>) value.value.i64 = finished;
    if constexpr (std::is_same_v<Raw, uint64_t>) value.value.u64 = finished;
    if constexpr (std::is_same_v<Raw, double>) value.value.f64 = finished;
    if constexpr (kIsStored<Finished>) {
      const Finished& view = finished;
      const size_t size = EncodedSize(view);
      const size_t begin = bytes.size();
      bytes.resize(begin + size);
      Encode(bytes.data() + begin, view);
      value.value_size = static_cast<uint32_t>(size);
    }
  }
};

}  // namespace minke::internal
