// How the aggregate table looks at keys: the head of each (size and first bytes) as one vector, a
// hash, its candidate in the index, and equality. Wide loads: 28 bytes are read from any key,
// however short, and as many from a stored one.
//
// A stored key is u32 size · key, in room for 12 bytes of key at least, zeros behind a shorter one:
// then the head of a stored key is just its first 16 bytes, and most keys are compared at once.
//
// Keys are looked at in batches: all hashes, then all groups, then all entries, so that cache
// misses overlap. The hash is the processor's: one table keeps to one KeyLookup.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <immintrin.h>
#include <span>

#include <minke/abi.h>

#include "base/bytes.h"
#include "base/processor.h"
#include "shuffle/slot_group.h"

namespace minke {

inline constexpr uint32_t kHeadKeyBytes = 12;
// Up to this size the head and the 16 bytes behind it are the whole key.
inline constexpr uint32_t kShortKeyBytes = kHeadKeyBytes + 16;
// What places are counted in.
inline constexpr uint64_t kPlaceBytes = 8;

// Which bytes of a short key's parts are the key's, by its size: looked up, since sizes vary from
// key to key and a branch on them would be foretold badly.
struct alignas(32) ShortKey {
  uint8_t head[16] = {};  // ones for size and key
  uint8_t tail[16] = {};
};

inline constexpr auto kShortKeys = [] {
  std::array<ShortKey, kShortKeyBytes + 1> keys{};
  for (uint32_t size = 0; size <= kShortKeyBytes; ++size) {
    const uint32_t in_head = std::min(size, kHeadKeyBytes);
    std::fill_n(keys[size].head, sizeof(uint32_t) + in_head, uint8_t{0xff});
    std::fill_n(keys[size].tail, size - in_head, uint8_t{0xff});
  }
  return keys;
}();

struct KeyLook {
  __m128i head;        // {size, first 12 bytes}, zeros behind the key's end
  uint32_t hash;       // its top bits are the number of the key's home group
  uint32_t candidate;  // the place beside an equal hash in that group, or 0
};

class KeyLookup {
 public:
  // Hashes depend on the seed; keys chosen to collide under one do not under another.
  KeyLookup(Processor processor, uint64_t seed)
      : is_v3_(processor == Processor::kX86V3), seed_(seed) {}

  // Looks at `keys`, fetches what lies at their candidates. looks[i] is of keys[i].
  void Find(std::span<const minke_pair> keys, const SlotIndex& index, const char* entries,
            KeyLook* looks) const;
  void Find(std::span<const minke_record> keys, const SlotIndex& index, const char* entries,
            KeyLook* looks) const;

 private:
  bool is_v3_;
  uint64_t seed_;
};

// Whether the key stored at `stored` (its size first) is the key with that head.
inline bool SameKey(const char* stored, const char* key, uint32_t size, __m128i head) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(stored));
  const __m128i difference = _mm_xor_si128(bytes, head);
  if (_mm_testz_si128(difference, difference) == 0) return false;
  if (size <= kHeadKeyBytes) return true;
  const char* stored_tail = stored + sizeof(__m128i);
  const char* tail = key + kHeadKeyBytes;
  if (size <= kShortKeyBytes) {
    const __m128i differs =
        _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(stored_tail)),
                      _mm_loadu_si128(reinterpret_cast<const __m128i*>(tail)));
    const auto* mask = reinterpret_cast<const __m128i*>(kShortKeys[size].tail);
    return _mm_testz_si128(differs, _mm_load_si128(mask)) != 0;
  }
  return std::memcmp(stored_tail, tail, size - kHeadKeyBytes) == 0;
}

}  // namespace minke
