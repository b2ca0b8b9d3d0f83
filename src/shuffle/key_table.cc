#include "shuffle/key_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "shuffle/key_hash.h"

namespace minke {
namespace {

constexpr size_t kSlack = 4096;                 // readable and writable behind the last entry
constexpr size_t kArenaMax = size_t{8} << 32;   // what a 32-bit place can name
constexpr size_t kHugePage = size_t{2} << 20;   // memory comes in these steps, once there is much
constexpr size_t kNeedMax = size_t{256} << 10;  // a batch that might add more is cut
constexpr unsigned kFirstBits = 9;
constexpr unsigned kBitsMax = 31;
constexpr unsigned kDoublingBits = 17;  // from here on the index doubles; before, it quadruples

size_t AlignUp(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

// Find, compiled for each instruction set and for states of the commonest size.
struct KeyTable::Loops {
  // kState: state_bytes, or 0 for any.
  template <size_t kState>
  [[gnu::always_inline]] static inline size_t Find(KeyTable& table, const minke_pair* pairs,
                                                   size_t count, void** states) {
    const size_t state_bytes = kState != 0 ? kState : table.initial_.size();
    uint32_t hashes[kBatch];
    size_t need = 0;
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = HashKey(pairs[i].key, pairs[i].key_size);
      need += pairs[i].key_size;
      __builtin_prefetch(table.slots_ + (hashes[i] >> table.shift_));
    }
    need += count * (state_bytes + 4 + 7);
    if (need > kNeedMax) [[unlikely]]
      count = Cut(pairs, count, state_bytes, &need);
    if (need > table.room_ - table.used_ || count > table.keys_max_ - table.keys_) [[unlikely]] {
      if (!table.Reserve(need, count)) return 0;
    }

    const Slot* const slots = table.slots_;
    const char* const base = table.base_;
    const char* entries[kBatch];
    for (size_t i = 0; i < count; ++i) {
      const uint32_t hash = hashes[i];
      size_t at = hash >> table.shift_;
      while (slots[at].hash != hash && slots[at].place != 0) at = (at + 1) & table.mask_;
      entries[i] = base + size_t{slots[at].place} * 8;
      __builtin_prefetch(entries[i], 1);
    }
    for (size_t i = 0; i < count; ++i) {
      const char* entry = entries[i];
      const uint32_t size = pairs[i].key_size;
      if (LoadLe<uint32_t>(entry + state_bytes) == size &&
          KeysEqual(entry + state_bytes + 4, pairs[i].key, size)) [[likely]] {
        states[i] = const_cast<char*>(entry);
      } else {
        states[i] = FindOrAdd<kState>(table, pairs[i].key, size, hashes[i]);
      }
    }
    return count;
  }

  template <size_t kState>
  [[gnu::always_inline]] static inline void* FindOrAdd(KeyTable& table, const char* key,
                                                       uint32_t size, uint32_t hash) {
    const size_t state_bytes = kState != 0 ? kState : table.initial_.size();
    size_t at = hash >> table.shift_;
    for (; table.slots_[at].place != 0; at = (at + 1) & table.mask_) {
      if (table.slots_[at].hash != hash) continue;
      char* entry = table.base_ + size_t{table.slots_[at].place} * 8;
      if (LoadLe<uint32_t>(entry + state_bytes) == size &&
          KeysEqual(entry + state_bytes + 4, key, size)) {
        return entry;
      }
    }
    char* entry = table.base_ + table.used_;
    table.slots_[at] = {hash, static_cast<uint32_t>(table.used_ / 8)};
    std::memcpy(entry, table.initial_.data(), state_bytes);
    StoreLe(entry + state_bytes, size);
    CopyKey(entry + state_bytes + 4, key, size);
    table.used_ += (state_bytes + 4 + size + 7) & ~size_t{7};
    ++table.keys_;
    return entry;
  }

  // Half the batch, until it cannot add much more than kNeedMax.
  [[gnu::noinline]] static size_t Cut(const minke_pair* pairs, size_t count, size_t state_bytes,
                                      size_t* need) {
    while (count > 1 && *need > kNeedMax) {
      count /= 2;
      *need = count * (state_bytes + 4 + 7);
      for (size_t i = 0; i < count; ++i) *need += pairs[i].key_size;
    }
    return count;
  }

  template <size_t kState>
  static size_t FindV2(KeyTable& table, const minke_pair* pairs, size_t count, void** states) {
    return Find<kState>(table, pairs, count, states);
  }
  template <size_t kState>
  [[gnu::target("arch=x86-64-v3")]] static size_t FindV3(KeyTable& table, const minke_pair* pairs,
                                                         size_t count, void** states) {
    return Find<kState>(table, pairs, count, states);
  }

  static FindFunction For(size_t state_bytes) {
    const bool is_v3 = __builtin_cpu_supports("x86-64-v3") != 0;
    if (state_bytes == 8) return is_v3 ? FindV3<8> : FindV2<8>;
    return is_v3 ? FindV3<0> : FindV2<0>;
  }
};

KeyTable::KeyTable(std::vector<char> initial, MemoryGrant* grant)
    : find_(Loops::For(initial.size())), initial_(std::move(initial)), grant_(grant) {
  MINKE_CHECK(!initial_.empty() && initial_.size() % 8 == 0);
  OpenArena(0);
  index_bytes_ = sizeof(Slot) << kFirstBits;
  grant_->Take(index_bytes_);
  OpenIndex(kFirstBits);
}

KeyTable::~KeyTable() { grant_->GiveBack(room_ + index_bytes_); }

// An empty table always finds room, whatever the grant says, so that one record makes progress.
bool KeyTable::Reserve(size_t bytes, size_t keys) {
  return ReserveEntries(bytes) && ReserveIndex(keys, keys_ == 0);
}

bool KeyTable::ReserveEntries(size_t bytes) {
  const size_t end = used_ + bytes;
  if (end <= room_) return true;
  if (end + kSlack > arena_.capacity_bytes()) {
    if (keys_ != 0) return false;
    OpenArena(end);
    return true;
  }
  const size_t more = end - room_;
  const size_t step = AlignUp(std::max(more, std::min(room_ / 4, kHugePage)), kPage);
  if (grant_->TryTake(step)) {
    room_ += step;
  } else if (keys_ == 0 || grant_->TryTake(more)) {
    if (keys_ == 0) grant_->Take(more);
    room_ += more;
  } else {
    return false;
  }
  return true;
}

bool KeyTable::ReserveIndex(size_t keys, bool must) {
  if (keys_ + keys <= keys_max_) return true;
  unsigned bits = bits_;
  while ((size_t{1} << bits) / 2 < keys_ + keys) bits += bits < kDoublingBits ? 2 : 1;
  if (bits > kBitsMax) return false;
  const size_t bytes = sizeof(Slot) << bits;
  if (must) {
    grant_->Take(bytes);
  } else if (!grant_->TryTake(bytes)) {
    return false;
  }
  const Arena old = std::move(index_);
  const Slot* old_slots = slots_;
  const size_t old_count = size_t{1} << bits_;
  OpenIndex(bits);
  if (keys_ != 0) MoveSlots(old_slots, old_count);
  grant_->GiveBack(index_bytes_);
  index_bytes_ = bytes;
  return true;
}

// A new arena that holds at least `bytes`, and as much as the grant may allow one day.
void KeyTable::OpenArena(size_t bytes) {
  grant_->GiveBack(room_);
  used_ = size_t{entries().first_place()} * 8;
  const size_t limit = std::clamp(grant_->limit_bytes(), size_t{64} << 10, kArenaMax);
  arena_ = Arena();  // gives its memory back before the next one comes
  arena_ = Arena(std::max(limit, bytes) + kSlack);
  base_ = arena_.data();
  room_ = AlignUp(std::max(bytes, used_), kPage);
  grant_->Take(room_);
  StoreLe(base_ + initial_.size(), UINT32_MAX);  // no key is so long: see place 0
}

void KeyTable::OpenIndex(unsigned bits) {
  bits_ = bits;
  shift_ = 32 - bits;
  mask_ = (size_t{1} << bits) - 1;
  keys_max_ = size_t{1} << (bits - 1);
  index_ = Arena(sizeof(Slot) << bits);
  slots_ = reinterpret_cast<Slot*>(index_.data());
}

// Begins behind an empty slot: homes then ascend, but for one place where they start anew.
void KeyTable::MoveSlots(const Slot* from, size_t count) {
  size_t first = 0;
  while (from[first].place != 0) ++first;
  for (size_t i = first + 1; i < first + count; ++i) {
    const Slot slot = from[i & (count - 1)];
    if (slot.place == 0) continue;
    size_t at = slot.hash >> shift_;
    while (slots_[at].place != 0) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

void KeyTable::DropIndex() {
  index_ = Arena();
  slots_ = nullptr;
  keys_max_ = 0;
}

void KeyTable::Clear() {
  keys_ = 0;
  if (grant_->taken_bytes() > grant_->limit_bytes()) {
    OpenArena(0);
    grant_->GiveBack(index_bytes_);
    index_bytes_ = sizeof(Slot) << kFirstBits;
    grant_->Take(index_bytes_);
    OpenIndex(kFirstBits);
  } else {
    used_ = size_t{entries().first_place()} * 8;
    OpenIndex(bits_);
  }
}

Arena KeyTable::TakeEntries(MemoryGrant* to) {
  arena_.Cut(used_ + kSlack);
  const size_t keep = std::min(room_, AlignUp(used_, kPage));
  *to = grant_->Split(keep);
  grant_->GiveBack(room_ - keep);
  room_ = 0;
  keys_ = 0;
  return std::move(arena_);
}

}  // namespace minke
