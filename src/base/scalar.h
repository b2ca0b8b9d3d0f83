// Scalars in their stored form: 8 bytes that order as the numbers do. The SDK's <minke/codec.h>
// writes the same bytes.
#pragma once

#include <bit>
#include <cstdint>

#include <minke/abi.h>

#include "base/bytes.h"

namespace minke {

inline constexpr size_t kScalarBytes = 8;
inline constexpr uint64_t kSignBit = uint64_t{1} << 63;

// Whether values of this type travel in a minke_pair as the number itself.
inline bool IsScalar(minke_type type) {
  return type == MINKE_I64 || type == MINKE_U64 || type == MINKE_F64;
}

inline uint64_t OrderedI64(int64_t value) { return static_cast<uint64_t>(value) ^ kSignBit; }
inline int64_t I64FromOrdered(uint64_t bits) { return static_cast<int64_t>(bits ^ kSignBit); }

inline uint64_t OrderedF64(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}
inline double F64FromOrdered(uint64_t bits) {
  return std::bit_cast<double>((bits & kSignBit) != 0 ? bits ^ kSignBit : ~bits);
}

// Writes the value of `pair` in stored form; `type` is a scalar.
inline void StoreScalar(char* to, minke_type type, const minke_pair& pair) {
  switch (type) {
    case MINKE_I64:
      return StoreBe64(to, OrderedI64(pair.value.i64));
    case MINKE_F64:
      return StoreBe64(to, OrderedF64(pair.value.f64));
    default:
      return StoreBe64(to, pair.value.u64);
  }
}

}  // namespace minke
