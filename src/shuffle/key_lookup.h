// How the aggregate table looks at keys: the head of each (size and first bytes) as one vector, a
// hash, its candidate in the index, and equality. Wide loads: 16 bytes are read from any key,
// however short.
//
// A stored key is u32 size · key, in room for 12 bytes of key at least, zeros behind a shorter one:
// then the head of a stored key is just its first 16 bytes, and most keys are compared at once.
//
// Keys are looked at in batches: all hashes, then all groups, then all entries, so that cache
// misses overlap. The hash is the processor's: one table keeps to one KeyLookup.
#pragma once

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
// Up to this size the head and the last 8 bytes are the whole key.
inline constexpr uint32_t kShortKeyBytes = kHeadKeyBytes + 8;
// What places are counted in.
inline constexpr uint64_t kPlaceBytes = 8;

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
  const char* stored_key = stored + sizeof(uint32_t);
  if (size <= kShortKeyBytes) {
    return LoadLe<uint64_t>(stored_key + size - 8) == LoadLe<uint64_t>(key + size - 8);
  }
  return std::memcmp(stored_key + kHeadKeyBytes, key + kHeadKeyBytes, size - kHeadKeyBytes) == 0;
}

}  // namespace minke
