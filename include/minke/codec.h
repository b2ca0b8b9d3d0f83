// How keys and values are written as bytes, so that byte order is the order of the values.
//
//   int64_t    8 bytes, big-endian, sign bit flipped
//   uint64_t   8 bytes, big-endian
//   double     8 bytes, big-endian; positive: sign bit flipped, negative: all bits flipped
//              (-0.0 comes before 0.0 and is another key; NaNs come first or last by their sign)
//   bytes      as they are
//   tuple      its fields one behind the other. The last field is written as above; bytes in any
//              other place are written with 00 as 00 FF, and end with 00 00
//
// A tuple so orders by its first field, then the second, and so on, as std::tuple does. Part of
// <minke/job.h>; all inline; any thread.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include <minke/abi.h>

namespace minke {

// No value: Emit<K> emits keys alone.
struct None {
  bool operator==(const None&) const = default;
};

namespace internal {

inline constexpr uint64_t kSignBit = uint64_t{1} << 63;

inline void StoreBigEndian(char* to, uint64_t bits) {
  bits = __builtin_bswap64(bits);
  std::memcpy(to, &bits, sizeof bits);
}

inline uint64_t LoadBigEndian(const char* from) {
  uint64_t bits;
  std::memcpy(&bits, from, sizeof bits);
  return __builtin_bswap64(bits);
}

inline uint64_t OrderedBits(uint64_t value) { return value; }
inline uint64_t OrderedBits(int64_t value) { return static_cast<uint64_t>(value) ^ kSignBit; }
inline uint64_t OrderedBits(double value) {
  const auto bits = std::bit_cast<uint64_t>(value);
  return (bits & kSignBit) != 0 ? ~bits : bits | kSignBit;
}

template <class T>
T FromOrderedBits(uint64_t bits) {
  if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<double>((bits & kSignBit) != 0 ? bits ^ kSignBit : ~bits);
  } else {
    return static_cast<T>(std::is_same_v<T, int64_t> ? bits ^ kSignBit : bits);
  }
}

template <class T>
inline constexpr bool kIsNumber =
    std::is_same_v<T, int64_t> || std::is_same_v<T, uint64_t> || std::is_same_v<T, double>;
template <class T>
inline constexpr bool kIsBytes = std::is_same_v<T, std::string_view>;

// The type as the ABI names it; 0xff for a type that can neither be a key nor a value.
template <class T>
struct TypeOf {
  static constexpr minke_type kType = std::is_same_v<T, int64_t>    ? MINKE_I64
                                      : std::is_same_v<T, uint64_t> ? MINKE_U64
                                      : std::is_same_v<T, double>   ? MINKE_F64
                                      : kIsBytes<T>                 ? MINKE_BYTES
                                      : std::is_same_v<T, None>     ? MINKE_NONE
                                                                    : 0xff;
  static constexpr bool kIsTuple = false;
};

template <class... Fields>
struct TypeOf<std::tuple<Fields...>> {
  static constexpr bool kIsTuple = true;
  static constexpr bool kFits = sizeof...(Fields) >= 2 && sizeof...(Fields) <= 16 &&
                                ((kIsNumber<Fields> || kIsBytes<Fields>) && ...);
  static constexpr minke_type Pack() {
    minke_type type = 0;
    int shift = 0;
    ((type |= TypeOf<Fields>::kType << shift, shift += 4), ...);
    return type;
  }
  static constexpr minke_type kType = [] {
    if constexpr (kFits)
      return Pack();
    else
      return minke_type{0xff};
  }();
};

template <class T>
inline constexpr bool kIsKey = TypeOf<T>::kType != 0xff && TypeOf<T>::kType != MINKE_NONE;
template <class T>
inline constexpr bool kIsValue = TypeOf<T>::kType != 0xff;

}  // namespace internal
}  // namespace minke
