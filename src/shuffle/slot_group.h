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

  // A bit for each hash that is `hash`, the first slot's lowest. Empty slots may be among them.
  [[gnu::always_inline]] inline uint32_t SlotsOf(uint32_t hash) const {
    return SlotsThatHold(hashes, hash);
  }
  // A bit for each empty slot.
  [[gnu::always_inline]] inline uint32_t EmptySlots() const { return SlotsThatHold(places, 0); }

  // The place beside the first hash that is `hash`, or 0.
  [[gnu::always_inline]] inline uint32_t PlaceOf(uint32_t hash) const {
    const uint32_t slots = SlotsOf(hash);
    return slots == 0 ? 0 : places[std::countr_zero(slots)];
  }

 private:
  [[gnu::always_inline]] static inline uint32_t SlotsThatHold(const uint32_t* numbers,
                                                              uint32_t number) {
    const __m128i wanted = _mm_set1_epi32(static_cast<int>(number));
    const auto* at = reinterpret_cast<const __m128i*>(numbers);
    const __m128i found = _mm_packs_epi32(_mm_cmpeq_epi32(_mm_load_si128(at), wanted),
                                          _mm_cmpeq_epi32(_mm_load_si128(at + 1), wanted));
    return static_cast<uint32_t>(_mm_movemask_epi8(_mm_packs_epi16(found, _mm_setzero_si128())));
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
