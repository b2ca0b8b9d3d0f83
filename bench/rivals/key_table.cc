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
  for (int i = 0; i < batched_; ++i) candidates[i] = Candidate(batch_[i].hash);
  for (int i = 0; i < batched_; ++i) {
    if (candidates[i] && IsSame(*candidates[i], batch_[i])) {
      candidates[i]->sum += batch_[i].value;
    } else if (Entry* entry = Find(batch_[i])) {
      entry->sum += batch_[i].value;
    } else {
      Insert(batch_[i]);
    }
  }
  batched_ = 0;
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
  *slot = {key.hash, static_cast<uint32_t>(used_ / 8)};
  Entry* entry = At(slot->offset);
  entry->sum = key.value;
  entry->size = key.size;
  // The arena's pages are zeros, so what is behind the key already is.
  memcpy(entry->bytes, &key.first, 8);
  memcpy(entry->bytes + 8, &key.second, 8);
  if (key.size > 16) memcpy(entry->bytes + 16, key.data + 16, key.size - 16);
  used_ += (offsetof(Entry, bytes) + std::max<size_t>(key.size, 16) + 7) & ~size_t{7};
  if (used_ > kArenaBytes - (size_t{1} << 32)) {
    fprintf(stderr, "the arena is full\n");
    exit(1);
  }
  if (++size_ > (size_t{1} << bits_) * 6 / 10) Grow();
}

void KeyTable::Grow() {
  Slot* const old = slots_;
  const size_t old_count = slot_count();
  bits_ += bits_ + 2 > 24 ? 1 : 2;
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
