// The aggregate table's own view of a key: its hash, and whether two keys are equal, by wide loads.
//
// The hash is private and may change with any version: it is never written anywhere. It is a
// multiply-and-fold hash in the manner of wyhash (public domain), 16 bytes a step. Up to 64 bytes
// behind a key are read, and do not matter. Pure; from any thread. All is force-inlined, so that
// each caller gets it compiled for its own instruction set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <immintrin.h>

#include "base/bytes.h"

namespace minke {

#define MINKE_KEY_INLINE [[gnu::always_inline]] inline

// 16 bytes of ff, then 16 zeros: the mask of the first n ≤ 16 bytes begins at 16 - n.
alignas(32) inline constexpr uint8_t kKeyMasks[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                      255, 255, 255, 255, 255, 255, 255, 255};

MINKE_KEY_INLINE __m128i LoadKeyPiece(const char* from) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
}
MINKE_KEY_INLINE __m128i KeyMask(size_t size) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(kKeyMasks + 16 - size));
}

MINKE_KEY_INLINE uint64_t MultiplyAndFold(uint64_t a, uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

MINKE_KEY_INLINE uint32_t HashKey(const char* key, size_t size) {
  uint64_t hash;
  if (size <= 16) {
    const __m128i piece = _mm_and_si128(LoadKeyPiece(key), KeyMask(size));
    hash = MultiplyAndFold(
        static_cast<uint64_t>(_mm_cvtsi128_si64(piece)) ^ 0x9E3779B97F4A7C15ull,
        static_cast<uint64_t>(_mm_extract_epi64(piece, 1)) ^ (0xD6E8FEB86659FD93ull ^ size));
  } else {
    hash = size * 0x9E3779B97F4A7C15ull;
    const char* at = key;
    for (size_t left = size; left > 16; left -= 16, at += 16) {
      hash = MultiplyAndFold(LoadLe<uint64_t>(at) ^ hash,
                             LoadLe<uint64_t>(at + 8) ^ 0xE7037ED1A0B428DBull);
    }
    hash = MultiplyAndFold(LoadLe<uint64_t>(key + size - 16) ^ hash,
                           LoadLe<uint64_t>(key + size - 8) ^ 0x8EBC6AF09C88C6E3ull);
  }
  return static_cast<uint32_t>(MultiplyAndFold(hash, 0xA0761D6478BD642Full) >> 32);
}

// Whether two keys of one size are equal.
MINKE_KEY_INLINE bool KeysEqual(const char* a, const char* b, size_t size) {
  const __m128i head = _mm_xor_si128(LoadKeyPiece(a), LoadKeyPiece(b));
  if (size <= 16) return _mm_testz_si128(head, KeyMask(size)) != 0;
  const char* a_end = a + size - 16;
  const char* b_end = b + size - 16;
  const __m128i tail = _mm_xor_si128(LoadKeyPiece(a_end), LoadKeyPiece(b_end));
  const __m128i both = _mm_or_si128(head, tail);
  if (_mm_testz_si128(both, both) == 0) return false;
  for (a += 16, b += 16; a < a_end; a += 16, b += 16) {
    const __m128i piece = _mm_xor_si128(LoadKeyPiece(a), LoadKeyPiece(b));
    if (_mm_testz_si128(piece, piece) == 0) return false;
  }
  return true;
}

// Copies a key; up to 15 bytes behind it are copied too.
MINKE_KEY_INLINE void CopyKey(char* to, const char* from, size_t size) {
  for (size_t at = 0; at < size; at += 16) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to + at), LoadKeyPiece(from + at));
  }
}

#undef MINKE_KEY_INLINE

}  // namespace minke
