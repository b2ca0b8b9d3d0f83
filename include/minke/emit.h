// What a map or a reduce emits with: emit(key), emit(key, value). Part of <minke/job.h>.
//
// Emitting writes one minke_pair into a batch that the engine lent; nothing is allocated. A key or
// value that lies inside the batch being read stays a view, any other is copied, so temporaries are
// safe and substrings of the input are free. An Emit belongs to the call that got it, and to its
// thread.
#pragma once

#include <type_traits>

#include <minke/internal/pair_writer.h>

namespace minke {
namespace internal {

template <class K, class V>
constexpr void CheckPairTypes() {
  static_assert(kIsKey<K>,
                "minke: the key of an Emit must be std::string_view, int64_t, uint64_t, double, or "
                "a std::tuple of two to sixteen of these (for int write int64_t, for std::string "
                "write std::string_view)");
  static_assert(kIsValue<V>,
                "minke: the value of an Emit must be std::string_view, int64_t, uint64_t, double, "
                "or a std::tuple of two to sixteen of these; leave it out to emit keys alone");
}

}  // namespace internal

template <class K, class V = None>
class Emit {
 public:
  using Key = K;
  using Value = V;

  explicit Emit(minke_emitter* emitter) : writer_(emitter) { internal::CheckPairTypes<K, V>(); }

  void operator()(const K& key)
    requires std::is_same_v<V, None>
  {
    writer_.Write(key, None());
  }
  void operator()(const K& key, const V& value) { writer_.Write(key, value); }

  // Whether the engine refused a batch (a full disk, a record over the limit). What is emitted then
  // is dropped, and the attempt ends when the call returns: a long loop may stop early.
  bool failed() const { return writer_.failed(); }

 private:
  internal::PairWriter writer_;
};

}  // namespace minke
