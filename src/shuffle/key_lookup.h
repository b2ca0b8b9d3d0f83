// How the aggregate table looks at a key: its first 16 bytes as one vector, a hash, and equality.
// Wide loads: 16 bytes are read from any key, however short, and 8 from its end.
#pragma once

#include <cstdint>
#include <cstring>
#include <immintrin.h>

#include "base/bytes.h"

namespace minke {

// The first 16 bytes, zeros behind the key's end.
struct KeyHead {
  __m128i bytes;
};

// Row n (of 17): n bytes of ones, then zeros.
alignas(32) inline constexpr auto kHeadMasks = [] {
  struct Masks {
    uint8_t bytes[32];
  } masks{};
  for (int i = 0; i < 16; ++i) masks.bytes[i] = 0xff;
  return masks;
}();

inline __m128i HeadMask(uint32_t size) {
  const uint32_t kept = size < 16 ? size : 16;
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(kHeadMasks.bytes + 16 - kept));
}

inline __m128i LoadHead(const char* key, uint32_t size) {
  return _mm_and_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(key)), HeadMask(size));
}

inline uint64_t FoldedProduct(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// 32 bits whose top ones place the key. The table's own: not part of any format. `seed` differs per
// table and level, so that keys chosen to collide in one do not in the next.
inline uint32_t HashKey(const char* key, uint32_t size, __m128i head, uint64_t seed) {
  uint64_t hash;
  if (size <= 16) {
    const auto low = static_cast<uint64_t>(_mm_cvtsi128_si64(head));
    const auto high = static_cast<uint64_t>(_mm_extract_epi64(head, 1));
    hash = FoldedProduct(low ^ seed, high ^ 0xd6e8feb86659fd93u ^ size);
  } else {
    hash = seed ^ size;
    const char* at = key;
    for (uint32_t left = size; left > 16; at += 16, left -= 16) {
      hash = FoldedProduct(LoadLe<uint64_t>(at) ^ hash,
                           LoadLe<uint64_t>(at + 8) ^ 0xe7037ed1a0b428dbu);
    }
    hash = FoldedProduct(LoadLe<uint64_t>(key + size - 16) ^ hash,
                         LoadLe<uint64_t>(key + size - 8) ^ 0x8ebc6af09c88c6e3u);
  }
  return static_cast<uint32_t>(FoldedProduct(hash, 0xa0761d6478bd642fu) >> 32);
}

// Whether the `size` bytes at `stored` are the key with that head. 16 bytes at `stored` are
// readable.
inline bool SameKey(const char* stored, const char* key, uint32_t size, __m128i head) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(stored));
  const __m128i difference = _mm_and_si128(_mm_xor_si128(bytes, head), HeadMask(size));
  if (_mm_testz_si128(difference, difference) == 0) return false;
  return size <= 16 || std::memcmp(stored + 16, key + 16, size - 16) == 0;
}

}  // namespace minke
