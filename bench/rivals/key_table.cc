#include "key_table.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

namespace rival {

void* Reserve(size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  madvise(memory, bytes, MADV_HUGEPAGE);
  return memory;
}

KeyTable::KeyTable()
    : slots_(static_cast<Slot*>(Reserve(slot_count() * sizeof(Slot)))),
      arena_(static_cast<char*>(Reserve(kArenaBytes))) {}

void KeyTable::Flush() {
  Entry* candidates[kBatch];
  Entry** candidate = candidates;
  for (const Key* key = batch_; key < next_; ++key) *candidate++ = Candidate(key->hash);
  candidate = candidates;
  for (const Key* key = batch_; key < next_; ++key) {
    Entry* entry = *candidate++;
    if (!entry || !IsSame(*entry, *key)) entry = Find(*key);
    if (entry) {
      entry->sum += key->value;
    } else {
      Insert(*key);
    }
  }
  next_ = batch_;
}

Entry* KeyTable::Find(const Key& key) const {
  for (const Slot* slot = slots_ + Home(key.hash); slot->offset; ++slot) {
    if (slot->hash == key.hash && IsSame(*At(slot->offset), key)) return At(slot->offset);
  }
  return nullptr;
}

void KeyTable::Insert(const Key& key) {
  Slot* slot = slots_ + Home(key.hash);
  while (slot->offset) ++slot;
  // An entry that fits into a cache line lies in one: the prefetch has all of it.
  constexpr size_t kLine = 64;
  const size_t bytes = (offsetof(Entry, bytes) + std::max<size_t>(key.size, 16) + 7) & ~size_t{7};
  if (used_ % kLine + std::min(bytes, kLine) > kLine) used_ = (used_ + kLine - 1) & ~(kLine - 1);
  *slot = {key.hash, static_cast<uint32_t>(used_ / 8)};
  Entry* entry = At(slot->offset);
  entry->sum = key.value;
  entry->size = key.size;
  // The arena's pages are zeros, so what is behind the key already is.
  memcpy(entry->bytes, key.bytes, 16);
  if (key.size > 16) memcpy(entry->bytes + 16, key.data + 16, key.size - 16);
  used_ += bytes;
  if (used_ > kArenaBytes - (size_t{1} << 32)) {
    fprintf(stderr, "the arena is full\n");
    exit(1);
  }
  if (++size_ > home_count() * 6 / 10) Grow();
}

void KeyTable::Grow() {
  Slot* const old = slots_;
  const size_t old_count = slot_count();
  shift_ -= home_count() < size_t{1} << 23 ? 2 : 1;
  slots_ = static_cast<Slot*>(Reserve(slot_count() * sizeof(Slot)));
  for (size_t i = 0; i < old_count; ++i) {
    if (!old[i].offset) continue;
    Slot* slot = slots_ + Home(old[i].hash);
    while (slot->offset) ++slot;
    *slot = old[i];
  }
  munmap(old, old_count * sizeof(Slot));
}

}  // namespace rival
