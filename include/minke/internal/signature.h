// Reads the parameters of user functions, so that types follow from what users write and wrong ones
// are refused with advice. Part of <minke/job.h>; compile time only.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>

#include <minke/emit.h>
#include <minke/input.h>
#include <minke/task.h>
#include <minke/values.h>

namespace minke::internal {

// What stands in after a refusal, so that the advice is not buried under what follows from it.
struct Refused {};

template <class... P>
struct Parameters {
  static constexpr size_t kCount = sizeof...(P);
  template <size_t I>
  using At = std::tuple_element_t<I, std::tuple<P..., Refused, Refused, Refused>>;
};

template <class F>
struct MemberParameters;
template <class R, class C, class... P>
struct MemberParameters<R (C::*)(P...)> : Parameters<P...> {};
template <class R, class C, class... P>
struct MemberParameters<R (C::*)(P...) const> : Parameters<P...> {};
template <class R, class C, class... P>
struct MemberParameters<R (C::*)(P...) noexcept> : Parameters<P...> {};
template <class R, class C, class... P>
struct MemberParameters<R (C::*)(P...) const noexcept> : Parameters<P...> {};

template <class F>
struct FunctionParameters {
  static constexpr bool kIsKnown = false;
};
template <class F>
  requires requires { &F::operator(); }
struct FunctionParameters<F> : MemberParameters<decltype(&F::operator())> {
  static constexpr bool kIsKnown = true;
};
template <class R, class... P>
struct FunctionParameters<R (*)(P...)> : Parameters<P...> {
  static constexpr bool kIsKnown = true;
};
template <class R, class... P>
struct FunctionParameters<R (*)(P...) noexcept> : Parameters<P...> {
  static constexpr bool kIsKnown = true;
};

// A user's object: F itself, copied for each attempt, or what F returns if it takes nothing.
template <class F>
struct Factory {
  using Object = F;
  F prototype;
  Object Make() const { return prototype; }
};
template <class F>
  requires std::is_invocable_v<const F&>
struct Factory<F> {
  using Object = std::invoke_result_t<const F&>;
  F prototype;
  Object Make() const { return prototype(); }
};

// Emit<K, V>&, taken apart.
template <class T>
struct EmitOf {
  static constexpr bool kIsEmit = false;
  using Key = Refused;
  using Value = Refused;
};
template <class K, class V>
struct EmitOf<Emit<K, V>&> {
  static constexpr bool kIsEmit = true;
  using Key = K;
  using Value = V;
};

template <class T>
struct ValuesOf {
  static constexpr bool kIsValues = false;
};
template <class V>
struct ValuesOf<Values<V>&> {
  static constexpr bool kIsValues = true;
  using Value = V;
};

template <class T>
struct RecordOf {
  static constexpr bool kIsRecord = false;
  using Key = None;
  using Value = None;
};
template <class K, class V>
struct RecordOf<Record<K, V>> {
  static constexpr bool kIsRecord = true;
  using Key = K;
  using Value = V;
};

template <class T>
inline constexpr bool kIsInput =
    std::is_same_v<T, Text> || std::is_same_v<T, Line> || std::is_same_v<T, std::string_view> ||
    std::is_same_v<T, FixedRecord> || RecordOf<T>::kIsRecord;

// Begin(Task&), and End(Emit&) or End(Emit&, Task&), where the object has them.
template <class Object>
void CallBegin(Object& object, Task& task) {
  if constexpr (requires { &Object::Begin; }) {
    static_assert(std::is_invocable_v<decltype(&Object::Begin), Object&, Task&>,
                  "minke: Begin must take minke::Task&: void Begin(minke::Task& task)");
    object.Begin(task);
  }
}

template <class Object>
inline constexpr bool kHasEnd = requires { &Object::End; };

template <class Object, class E>
void CallEnd(Object& object, E& emit, Task& task) {
  if constexpr (std::is_invocable_v<decltype(&Object::End), Object&, E&, Task&>) {
    object.End(emit, task);
  } else {
    static_assert(std::is_invocable_v<decltype(&Object::End), Object&, E&>,
                  "minke: End must take the same minke::Emit<K, V>& as the function itself: "
                  "void End(minke::Emit<K, V>& emit)");
    object.End(emit);
  }
}

// Calls a user's function with what it takes: the task too, if it asks for it.
template <class Object, class... A>
void CallWithTask(Object& object, Task& task, A&&... arguments) {
  if constexpr (std::is_invocable_v<Object&, A&&..., Task&>) {
    object(static_cast<A&&>(arguments)..., task);
  } else {
    object(static_cast<A&&>(arguments)...);
  }
}

}  // namespace minke::internal
