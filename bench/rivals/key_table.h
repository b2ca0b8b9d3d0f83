// A table of byte strings, each with a 64-bit sum: what the word count yardstick counts with, for
// any key and any number.
//
// An index of 8-byte slots {hash, offset} and an arena of entries, apart. Keys are looked up in
// batches of 64 in three steps, so that cache misses overlap: hash and prefetch the slot; find the
// candidate and prefetch its entry; compare and add. 16 bytes behind every key must be readable.
//
// One thread's; nothing here is shared.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <immintrin.h>
namespace rival {

struct Entry {
  uint64_t sum;
  uint32_t size;
  char bytes[];  // zeros up to 16 bytes; 8 behind the key may be read
};

struct Key {
  const char* data;
  char bytes[16];  // its first ones, zeros behind its end
  uint32_t hash, size;
  uint64_t value;
};

// `bytes` of zeros, in huge pages where the machine has them; pages come as they are used.
void* Reserve(size_t bytes);

inline uint64_t Load(const char* at) {
  uint64_t value;
  memcpy(&value, at, 8);
  return value;
}

inline uint64_t Mix(uint64_t a, uint64_t b) {
  const __uint128_t product = static_cast<__uint128_t>(a) * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

// 16 bytes from kMask + 16 - n: n times 0xff, then zeros.
alignas(64) inline constexpr unsigned char kMask[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                                        255, 255, 255, 255, 255, 255, 255, 255};

// Fills it where it stays: a copy would wait for the stores of its parts.
inline void FillKey(Key& key, const char* data, uint32_t size, uint64_t value) {
  key.data = data;
  key.size = size;
  key.value = value;
  uint64_t hash;
  if (size <= 16) {
    const __m128i mask = _mm_loadu_si128(reinterpret_cast<const __m128i*>(kMask + 16 - size));
    const __m128i bytes =
        _mm_and_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data)), mask);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(key.bytes), bytes);
    hash = Mix(static_cast<uint64_t>(_mm_cvtsi128_si64(bytes)) ^ 0x9E3779B97F4A7C15u,
               static_cast<uint64_t>(_mm_extract_epi64(bytes, 1)) ^ 0xD6E8FEB86659FD93u ^ size);
  } else {
    hash = size * 0x9E3779B97F4A7C15u;
    for (const char* at = data; at < data + size - 16; at += 16)
      hash = Mix(Load(at) ^ hash, Load(at + 8) ^ 0xE7037ED1A0B428DBu);
    memcpy(key.bytes, data, 16);
    hash = Mix(Load(data + size - 16) ^ hash, Load(data + size - 8) ^ 0x8EBC6AF09C88C6E3u);
  }
  key.hash = static_cast<uint32_t>(Mix(hash, 0xA0761D6478BD642Fu) >> 32);
}

// Of 16 bytes; zero if there is none.
inline uint64_t Difference(const char* a, const char* b) {
  return (Load(a) ^ Load(b)) | (Load(a + 8) ^ Load(b + 8));
}

inline bool IsSame(const Entry& entry, const Key& key) {
  if ((entry.size ^ key.size) | Difference(entry.bytes, key.bytes)) return false;
  for (size_t at = 16; at < key.size; at += 16) {
    const size_t from = std::min<size_t>(at, key.size - 16);
    if (Difference(entry.bytes + from, key.data + from)) return false;
  }
  return true;
}

class alignas(128) KeyTable {
 public:
  KeyTable();
  KeyTable(const KeyTable&) = delete;

  // Adds `value` to the key's sum. It may do so only at Flush().
  void Add(const char* data, size_t size, uint64_t value) {
    Key& key = *next_++;
    FillKey(key, data, static_cast<uint32_t>(size), value);
    PrefetchSlot(key.hash);
    if (next_ == batch_ + kBatch) Flush();
  }
  void Flush();

  size_t size() const { return size_; }
  // A lookup's steps; other keys' go between them while memory answers.
  void PrefetchSlot(uint32_t hash) const { __builtin_prefetch(slots_ + Home(hash)); }
  // The first entry with this hash, prefetched; most likely it is the key's. Or none.
  Entry* Candidate(uint32_t hash) const {
    const Slot* slot = slots_ + Home(hash);
    while (slot->offset && slot->hash != hash) ++slot;
    Entry* const entry = slot->offset ? At(slot->offset) : nullptr;
    __builtin_prefetch(entry, 1);
    return entry;
  }
  // The key's entry, or none.
  Entry* Find(const Key& key) const;

  // Visits (entry, hash) of each key whose hash is within [low, high]; the entry is not loaded yet.
  template <class Visit>
  void ForRange(uint32_t low, uint32_t high, Visit visit) const {
    const size_t end = std::min(Home(high) + 1 + kSlack, slot_count());
    for (size_t i = Home(low); i < end; ++i) {
      const Slot slot = slots_[i];
      if (slot.offset && slot.hash >= low && slot.hash <= high) visit(At(slot.offset), slot.hash);
    }
  }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t offset;  // of the entry in the arena, in 8 bytes; 0: the slot is empty
  };
  static constexpr int kBatch = 64;
  // Probes may run so far past the last home slot: nothing wraps around.
  static constexpr size_t kSlack = 4096;
  static constexpr size_t kArenaBytes = size_t{1} << 35;

  size_t Home(uint32_t hash) const { return hash >> shift_; }
  size_t home_count() const { return size_t{1} << (32 - shift_); }
  size_t slot_count() const { return home_count() + kSlack; }
  Entry* At(uint32_t offset) const { return reinterpret_cast<Entry*>(arena_ + size_t{offset} * 8); }
  void Insert(const Key& key);
  void Grow();

  unsigned shift_ = 16;  // before slots_, whose size it gives
  Slot* slots_;
  size_t size_ = 0;
  char* arena_;
  size_t used_ = 8;
  Key* next_ = batch_;
  Key batch_[kBatch];
};

}  // namespace rival
