// The aggregate table's index: groups of eight slots {hash, place}, a cache line each, hashes
// first: one comparison looks at all of them. Filled from the first slot on; place 0 marks an empty
// one.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <emmintrin.h>

namespace minke {

struct alignas(64) SlotGroup {
  static constexpr size_t kSlots = 8;
  uint32_t hashes[kSlots];
  uint32_t places[kSlots];

  // The place beside the first hash that is `hash`, or 0.
  [[gnu::always_inline]] inline uint32_t PlaceOf(uint32_t hash) const {
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(hash));
    const auto* at = reinterpret_cast<const __m128i*>(hashes);
    const __m128i found = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(at), wanted),
                                          _mm_cmpeq_epi32(_mm_load_si128(at + 1), wanted));
    const auto bits = static_cast<uint32_t>(_mm_movemask_epi8(found));
    return bits == 0 ? 0 : places[std::countr_zero(bits) / 2];
  }
};

// A power of two of groups. A key's home is the one that the top bits of its hash number.
struct SlotIndex {
  SlotGroup* groups = nullptr;
  unsigned shift = 32;  // of a hash; 32 less the bits of a group's number

  [[gnu::always_inline]] inline SlotGroup* Home(uint32_t hash) const {
    return groups + (hash >> shift);
  }
};

}  // namespace minke
