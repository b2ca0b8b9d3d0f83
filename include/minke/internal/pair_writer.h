// Writes pairs into the batch that the engine lent: what emit(key, value) compiles to. Part of
// <minke/job.h>; user code does not name these.
#pragma once

#include <cstring>
#include <string_view>
#include <type_traits>

#include <minke/abi.h>
#include <minke/tuple_codec.h>

namespace minke::internal {

// Stored as bytes, as opposed to a number in the pair itself.
template <class T>
inline constexpr bool kIsStored = kIsBytes<T> || TypeOf<T>::kIsTuple;

// The open end of an emitter's batch. It is a copy of the emitter's fields, so that the compiler
// can keep them in registers while user code runs; the destructor writes the count back.
class PairWriter {
 public:
  explicit PairWriter(minke_emitter* emitter)
      : emitter_(emitter), window_(emitter->window), window_size_(emitter->window_size) {
    Load();
  }
  ~PairWriter() { emitter_->count = static_cast<uint32_t>(next_ - emitter_->pairs); }
  PairWriter(const PairWriter&) = delete;
  PairWriter& operator=(const PairWriter&) = delete;

  template <class K, class V>
  void Write(const K& key, const V& value) {
    if (next_ == end_) [[unlikely]]
      Hand(0);
    const bool copies_key = MustCopy(key);
    const bool copies_value = kIsStored<V> && MustCopy(value);
    if (copies_key || copies_value) {
      const size_t bytes =
          (copies_key ? EncodedSize(key) : 0) + (copies_value ? EncodedSize(value) : 0);
      if (bytes > emitter_->scratch_capacity - emitter_->scratch_used) [[unlikely]] {
        Hand(bytes);
        if (bytes > emitter_->scratch_capacity) return;  // refused: the emitter has failed
      }
    }
    minke_pair* pair = next_;
    pair->key = Place(key, copies_key);
    pair->key_size = static_cast<uint32_t>(EncodedSize(key));
    pair->value_size = 0;
    if constexpr (kIsStored<V>) {
      pair->value.bytes = Place(value, copies_value);
      pair->value_size = static_cast<uint32_t>(EncodedSize(value));
    }
    if constexpr (std::is_same_v<V, int64_t>) pair->value.i64 = value;
    if constexpr (std::is_same_v<V, uint64_t>) pair->value.u64 = value;
    if constexpr (std::is_same_v<V, double>) pair->value.f64 = value;
    next_ = pair + 1;
  }

  bool failed() const { return emitter_->failed != 0; }

 private:
  // Views of the window stay views; numbers are encoded (in a value they lie in the pair itself).
  bool MustCopy(std::string_view bytes) const {
    return static_cast<size_t>(bytes.data() - window_) >= window_size_;
  }
  template <class T>
  bool MustCopy(const T&) const {
    return true;
  }

  template <class T>
  const char* Place(const T& value, bool copies) {
    if constexpr (kIsBytes<T>) {
      if (!copies) return value.data();
    }
    char* to = emitter_->scratch + emitter_->scratch_used;
    if constexpr (kIsBytes<T>) {
      if (!value.empty()) std::memcpy(to, value.data(), value.size());
    } else {
      Encode(to, value);
    }
    emitter_->scratch_used += EncodedSize(value);
    return to;
  }

  void Load() {
    next_ = emitter_->pairs + emitter_->count;
    end_ = emitter_->pairs + emitter_->capacity;
  }

  // Hands the batch over; afterwards `bytes` fit into the scratch, or the emitter has failed.
  // Always inlined: a call would take the writer's address, and keep its fields in memory.
  [[gnu::always_inline]] void Hand(size_t bytes) {
    next_ = HandOver(emitter_, next_, bytes);
    end_ = emitter_->pairs + emitter_->capacity;
  }

  // Static, so that the writer itself never has to live in memory.
  [[gnu::noinline, gnu::cold]] static minke_pair* HandOver(minke_emitter* emitter, minke_pair* next,
                                                           size_t bytes) {
    emitter->count = static_cast<uint32_t>(next - emitter->pairs);
    if (bytes == 0)
      emitter->flush(emitter);
    else
      emitter->reserve(emitter, bytes);
    return emitter->pairs + emitter->count;
  }

  minke_emitter* emitter_;
  const char* window_;
  size_t window_size_;
  minke_pair* next_;
  minke_pair* end_;
};

}  // namespace minke::internal
