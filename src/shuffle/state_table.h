// The table beneath the aggregate table: one entry per distinct key, found by hash.
//
// An open-addressing index over an arena of entries
//
//     state (state_bytes, 8-aligned) · u32 key size · key, in room for 12 bytes at least (see
//     key_lookup.h) · up to a multiple of 8
//
// The index is made of groups of 8 slots {hash, place}, one cache line each: one comparison looks
// at a whole group, and no branch depends on which slot it is. A group's number is the top bits of
// the hash, the next one takes what does not fit: the index is as good as ordered by hash, so that
// growing it is one near-sequential pass. Keys are looked up in batches: all hashes, then all
// groups, then all entries, so that cache misses overlap. Hides layout and growth; the caller folds
// the states. The caller makes room first (MakeRoom): a lookup never fails. Used by one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include <minke/abi.h>

#include "base/arena.h"
#include "base/memory_accountant.h"
#include "shuffle/key_lookup.h"
#include "shuffle/slot_group.h"

namespace minke {

class StateTable {
 public:
  // Keys of one lookup, at most: their heads and slots stay in the first cache.
  static constexpr size_t kBatch = 64;

  StateTable(uint32_t state_bytes, const void* initial, KeyLookup lookup, MemoryGrant* grant);
  ~StateTable();
  StateTable(const StateTable&) = delete;
  StateTable& operator=(const StateTable&) = delete;

  // Makes room for `keys` new entries with `key_bytes` in all; false: the grant refuses (never
  // while it is empty).
  bool MakeRoom(size_t keys, size_t key_bytes);
  // Finds each key, or adds it with a copy of `initial`, and calls use(i, its state). At most
  // kBatch keys, with room made. Always inlined, so that the code of an aggregate is compiled into
  // it; so is the size of its states, but 0 reads it from the table.
  template <uint32_t kStateBytes = 0, typename Key, typename Use>
  [[gnu::always_inline]] inline void FindOrAdd(std::span<const Key> keys, Use use);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  uint64_t key_bytes() const { return key_bytes_; }
  // Forgets all entries, keeps what memory the grant gave.
  void Clear();
  // The same, but gives the memory back.
  void Release();
  // Frees the index: from now on the table is only read.
  void Freeze();

  // Places of entries: in order of their first emit, ascending. begin_place() … next_place() …
  // end_place().
  uint32_t begin_place() const { return kFirst; }
  uint32_t end_place() const { return static_cast<uint32_t>(used_ / kUnit); }
  uint32_t next_place(uint32_t place) const {
    return place + static_cast<uint32_t>(EntryBytes(key_size(place)) / kUnit);
  }
  char* state(uint32_t place) const { return arena_.data() + uint64_t{place} * kUnit; }
  uint32_t key_size(uint32_t place) const { return LoadLe<uint32_t>(state(place) + state_bytes_); }
  const char* key(uint32_t place) const { return state(place) + state_bytes_ + sizeof(uint32_t); }
  Bytes key_view(uint32_t place) const { return {key(place), key_size(place)}; }

  // Gives the arena away, with the memory that was taken for it; the table is then of no use.
  std::pair<Arena, MemoryGrant> TakeArena();
  uint32_t state_bytes() const { return state_bytes_; }

 private:
  static constexpr uint64_t kUnit = kPlaceBytes;
  static constexpr uint32_t kFirst = 1;

  size_t EntryBytes(uint32_t size) const {
    const uint32_t room = std::max(size, kHeadKeyBytes);
    return (state_bytes_ + sizeof(uint32_t) + room + kUnit - 1) / kUnit * kUnit;
  }
  char* Add(const char* key, uint32_t size, __m128i head, uint32_t hash);
  bool GrowIndex(size_t entries);
  void SetIndex(unsigned bits);
  void Put(uint32_t hash, uint32_t place);
  SlotGroup* Behind(const SlotGroup* group) const {
    const auto number = static_cast<size_t>(group - index_.groups);
    return index_.groups + ((number + 1) & ((size_t{1} << bits_) - 1));
  }
  static size_t IndexBytes(unsigned bits) { return (size_t{1} << bits) * sizeof(SlotGroup); }

  uint32_t state_bytes_;
  alignas(8) char initial_[64] = {};
  KeyLookup lookup_;
  MemoryGrant* grant_;
  Arena index_memory_;
  SlotIndex index_;
  unsigned bits_ = 0;  // of a group's number
  size_t limit_ = 0;   // entries that the index takes
  Arena arena_;
  uint64_t used_ = kFirst * kUnit;
  uint64_t room_ = 0;  // bytes of the arena that the grant has given
  size_t size_ = 0;
  uint64_t key_bytes_ = 0;
};

template <uint32_t kStateBytes, typename Key, typename Use>
void StateTable::FindOrAdd(std::span<const Key> keys, Use use) {
  KeyLook looks[kBatch];
  const size_t count = keys.size();
  lookup_.Find(keys, index_, arena_.data(), looks);
  char* const entries = arena_.data();
  const size_t state_bytes = kStateBytes != 0 ? kStateBytes : state_bytes_;
  for (size_t i = 0; i < count; ++i) {
    const KeyLook& look = looks[i];
    char* found = entries + look.candidate * kPlaceBytes;
    if (look.candidate == 0 ||
        !SameKey(found + state_bytes, keys[i].key, keys[i].key_size, look.head)) [[unlikely]] {
      found = Add(keys[i].key, keys[i].key_size, look.head, look.hash);
    }
    use(i, found);
  }
}

}  // namespace minke
