// Aggregates: values folded while they are emitted, one state per key and map task. The fast path.
// Part of <minke/job.h>.
//
// Count(), Sum(), Min() and Max() are compiled into the engine. An aggregate of your own is a
// struct, associative and commutative to the bit:
//
//   struct Mean {
//     struct State { int64_t sum = 0; int64_t count = 0; };      // plain bytes, up to 64
//     void Fold(State& state, int64_t value) const { state.sum += value; ++state.count; }
//     void Merge(State& into, const State& from) const { … }
//     double Finish(const State& state) const { … }              // any value type, or std::string
//   };
//
// `using State = minke::Growing` keeps bytes that may grow. One object serves all threads: its
// functions are const or static.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string_view>

#include <minke/abi.h>

namespace minke {

struct Count {};
struct Sum {};
struct Min {};
struct Max {};

// A state of any size up to 256 MiB, empty when new. Valid during the call that got it.
class Growing {
 public:
  explicit Growing(minke_growing* bytes) : bytes_(bytes) {}

  std::string_view view() const { return {bytes_->data, bytes_->size}; }
  char* data() { return bytes_->data; }
  size_t size() const { return bytes_->size; }
  // New bytes are zero.
  void Resize(size_t size) {
    const auto wanted = static_cast<uint32_t>(size);
    if (wanted != size) throw std::length_error("an aggregate's state outgrew 4 GiB");
    if (wanted > bytes_->capacity) bytes_->grow(bytes_, wanted);
    if (wanted > bytes_->size) std::memset(bytes_->data + bytes_->size, 0, wanted - bytes_->size);
    bytes_->size = wanted;
  }
  void Append(std::string_view more) {
    const size_t old = size();
    Resize(old + more.size());
    if (!more.empty()) std::memcpy(bytes_->data + old, more.data(), more.size());
  }

 private:
  minke_growing* bytes_;
};

}  // namespace minke
