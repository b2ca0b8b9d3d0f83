// How the aggregate table looks at a key: its head (size and first bytes) as one vector, a hash,
// and equality. Wide loads: 16 bytes are read from any key, however short.
//
// A stored key is u32 size · key, in room for 12 bytes of key at least, zeros behind a shorter one:
// then the head of a stored key is just its first 16 bytes, and most keys are compared at once.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <immintrin.h>

#include "base/bytes.h"

namespace minke {

inline constexpr uint32_t kHeadKeyBytes = 12;
// Up to this size the head and the last 8 bytes are the whole key.
inline constexpr uint32_t kShortKeyBytes = kHeadKeyBytes + 8;

// Row n (of 13): 4 + n bytes of ones, then zeros.
alignas(32) inline constexpr auto kHeadMasks = [] {
  struct Masks {
    uint8_t bytes[32];
  } masks{};
  for (int i = 0; i < 16; ++i) masks.bytes[i] = 0xff;
  return masks;
}();

// {size, first 12 bytes}, zeros behind the key's end.
inline __m128i LoadHead(const char* key, uint32_t size) {
  const __m128i bytes =
      _mm_slli_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(key)), sizeof(uint32_t));
  const uint32_t kept = std::min(size, kHeadKeyBytes);
  const __m128i mask =
      _mm_loadu_si128(reinterpret_cast<const __m128i*>(kHeadMasks.bytes + kHeadKeyBytes - kept));
  return _mm_insert_epi32(_mm_and_si128(bytes, mask), static_cast<int>(size), 0);
}

inline uint64_t FoldedProduct(uint64_t a, uint64_t b) {
  const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// Takes in all that lies behind the head.
[[gnu::noinline]] inline uint64_t HashLongKey(const char* key, uint32_t size, uint64_t hash) {
  const char* at = key + kHeadKeyBytes;
  for (uint32_t left = size - kHeadKeyBytes; left > 16; at += 16, left -= 16) {
    hash =
        FoldedProduct(LoadLe<uint64_t>(at) ^ hash, LoadLe<uint64_t>(at + 8) ^ 0xe7037ed1a0b428dbu);
  }
  return FoldedProduct(LoadLe<uint64_t>(key + size - 16) ^ hash, 0x8ebc6af09c88c6e3u);
}

// 32 bits whose top ones place the key. The table's own: not part of any format.
inline uint32_t HashKey(const char* key, uint32_t size, __m128i head, uint64_t seed) {
  const auto low = static_cast<uint64_t>(_mm_cvtsi128_si64(head));
  const auto high = static_cast<uint64_t>(_mm_extract_epi64(head, 1));
  uint64_t hash = FoldedProduct(low ^ seed, high ^ 0xd6e8feb86659fd93u);
  if (size > kShortKeyBytes) [[unlikely]]
    hash = HashLongKey(key, size, hash);
  // The last 8 bytes, where they go beyond the head. Sizes vary from key to key, so this is
  // arithmetic, which no compiler turns into branches: max(size - 8, 0), and ones where size > 12.
  const int64_t from = int64_t{size} - 8;
  const int64_t is_beyond = (int64_t{kHeadKeyBytes} - int64_t{size}) >> 63;
  const uint64_t tail =
      LoadLe<uint64_t>(key + (from & ~(from >> 63))) & static_cast<uint64_t>(is_beyond);
  return static_cast<uint32_t>(FoldedProduct(hash ^ tail, 0xa0761d6478bd642fu) >> 32);
}

// Whether the key stored at `stored` (its size first) is the key with that head.
inline bool SameKey(const char* stored, const char* key, uint32_t size, __m128i head) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(stored));
  const __m128i difference = _mm_xor_si128(bytes, head);
  if (_mm_testz_si128(difference, difference) == 0) return false;
  if (size <= kHeadKeyBytes) return true;
  const char* stored_key = stored + sizeof(uint32_t);
  if (size <= kShortKeyBytes) {
    return LoadLe<uint64_t>(stored_key + size - 8) == LoadLe<uint64_t>(key + size - 8);
  }
  return std::memcmp(stored_key + kHeadKeyBytes, key + kHeadKeyBytes, size - kHeadKeyBytes) == 0;
}

}  // namespace minke
