// The key table: one entry {state, key size, key} per distinct key, found in batches.
//
// An open-addressing index of 8-byte slots {hash bits, entry place} over an arena of entries. A
// slot's home is the top bits of the hash, so the index is ordered by hash and growing it is a
// near-sequential pass. Within a batch all homes are prefetched, then all candidate entries, so
// that cache misses overlap. Hides hashing, growth, memory steps and the choice of the instruction
// set. Entries never move; they lie in the order in which their keys first came. Not thread-safe.
//
//   entry: state (state_bytes) | u32 key size | key | filled up to a multiple of 8
//   place: offset of the entry in the arena / 8; 0 is no entry: what lies there has a size that no
//          key has
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <minke/abi.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/memory_accountant.h"

namespace minke {

// Where entries lie; what a segment keeps of a table.
struct EntryView {
  const char* base = nullptr;
  size_t state_bytes = 0;

  uint32_t first_place() const { return static_cast<uint32_t>(state_bytes / 8 + 1); }
  const char* StateAt(uint32_t place) const { return base + size_t{place} * 8; }
  Bytes KeyAt(uint32_t place) const {
    const char* size_at = StateAt(place) + state_bytes;
    return {size_at + 4, LoadLe<uint32_t>(size_at)};
  }
  uint32_t PlaceAfter(uint32_t place) const {
    const size_t bytes = state_bytes + 4 + KeyAt(place).size();
    return place + static_cast<uint32_t>((bytes + 7) / 8);
  }
};

class KeyTable {
 public:
  // A batch that is looked up at once.
  static constexpr size_t kBatch = 64;

  // `initial` (state_bytes, a multiple of 8) is copied into each new entry.
  KeyTable(std::vector<char> initial, MemoryGrant* grant);
  ~KeyTable();
  KeyTable(const KeyTable&) = delete;
  KeyTable& operator=(const KeyTable&) = delete;

  // Finds or adds the first keys of `pairs`; states[i] is the state of pairs[i]. Returns how many
  // were done, 1 to `count`; 0: memory is gone and nothing was done, which an empty table never
  // says. count ≤ kBatch.
  size_t Find(const minke_pair* pairs, size_t count, void** states) {
    return find_(*this, pairs, count, states);
  }

  // Makes the index large enough for `keys` more, if memory allows.
  void Expect(size_t keys) { (void)ReserveIndex(keys, false); }

  // Gives the index back to the system, but keeps what was taken for it: until Clear or the end the
  // caller may use index_bytes(), which are at least 16 for each key, as it likes.
  void DropIndex();
  // Drops all entries. Memory stays taken for the next ones, unless it is over the limit.
  void Clear();
  // The entries, with the part of the grant that holds them. Ends the table.
  Arena TakeEntries(MemoryGrant* to);

  size_t keys() const { return keys_; }
  size_t index_bytes() const { return index_bytes_; }
  EntryView entries() const { return {arena_.data(), initial_.size()}; }
  uint32_t end_place() const { return static_cast<uint32_t>(used_ / 8); }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t place;
  };
  struct Loops;  // the hot loops, in key_table.cc
  using FindFunction = size_t (*)(KeyTable&, const minke_pair*, size_t, void**);

  bool Reserve(size_t bytes, size_t keys);
  bool ReserveEntries(size_t bytes);
  bool ReserveIndex(size_t keys, bool must);
  void OpenArena(size_t bytes);
  void OpenIndex(unsigned bits);
  void MoveSlots(const Slot* from, size_t count);

  FindFunction find_;
  Slot* slots_ = nullptr;
  unsigned shift_ = 0;  // of a hash, to its home
  size_t mask_ = 0;
  char* base_ = nullptr;
  size_t used_ = 0;  // bytes of the arena
  size_t room_ = 0;  // bytes of it that were taken from the grant
  size_t keys_ = 0;
  size_t keys_max_ = 0;  // before the index must grow

  std::vector<char> initial_;
  MemoryGrant* grant_;
  Arena arena_;
  Arena index_;
  unsigned bits_ = 0;
  size_t index_bytes_ = 0;  // taken from the grant
};

}  // namespace minke
