#include "shuffle/state_table.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace minke {
namespace {

constexpr unsigned kBitsMin = 6;
constexpr uint64_t kArenaBytes = uint64_t{1} << 35;  // what 32-bit places reach; address space only
constexpr size_t kStepMin = 1 << 10;
constexpr size_t kStepMax = 1 << 20;

// Six tenths: probes stay short, and doubling comes late.
size_t LimitOf(unsigned bits) { return (size_t{1} << bits) / 10 * 6 + 1; }

}  // namespace

StateTable::StateTable(uint32_t state_bytes, const void* initial, MemoryGrant* grant)
    : state_bytes_(state_bytes), grant_(grant), arena_(kArenaBytes) {
  MINKE_CHECK(state_bytes <= sizeof(initial_) && state_bytes % 8 == 0);
  if (initial != nullptr) std::memcpy(initial_, initial, state_bytes);
}

StateTable::~StateTable() { grant_->GiveBack(room_ + (index_ != nullptr ? IndexBytes(bits_) : 0)); }

void StateTable::SetIndex(unsigned bits) {
  bits_ = bits;
  shift_ = 32 - bits;
  limit_ = LimitOf(bits);
  index_memory_ = Arena(IndexBytes(bits));
  index_ = reinterpret_cast<Slot*>(index_memory_.data());
}

bool StateTable::MakeRoom(size_t keys, size_t key_bytes) {
  const uint64_t bytes = keys * (state_bytes_ + sizeof(uint32_t) + kUnit) + key_bytes;
  if (used_ + bytes > room_) {
    const uint64_t lacking = used_ + bytes - room_;
    const uint64_t step = std::clamp<uint64_t>(grant_->limit_bytes() / 16, kStepMin, kStepMax);
    const uint64_t taken = (lacking + step - 1) / step * step;
    if (room_ + taken > kArenaBytes) return false;
    if (!grant_->TryTake(taken)) {
      if (!empty()) return false;
      grant_->Take(taken);
    }
    room_ += taken;
  }
  unsigned bits = std::max(bits_, kBitsMin);
  while (LimitOf(bits) < size_ + keys) ++bits;
  if (index_ != nullptr && bits == bits_) return true;
  if (!grant_->TryTake(IndexBytes(bits))) {
    if (!empty()) return false;
    grant_->Take(IndexBytes(bits));
  }
  const Arena old_memory = std::move(index_memory_);
  const Slot* old = index_;
  const size_t old_slots = old == nullptr ? 0 : size_t{1} << bits_;
  index_memory_ = Arena();
  SetIndex(bits);
  for (size_t i = 0; i < old_slots; ++i) {
    if (old[i].place == 0) continue;
    Slot* slot = Home(old[i].hash);
    while (slot->place != 0) slot = Behind(slot);
    *slot = old[i];
  }
  if (old != nullptr) grant_->GiveBack(old_slots * sizeof(Slot));
  return true;
}

// The key may be there all the same: behind a slot of equal hash, or added since the batch began.
char* StateTable::Add(const char* key, uint32_t size, __m128i head, uint32_t hash) {
  Slot* slot = Home(hash);
  for (; slot->place != 0; slot = Behind(slot)) {
    if (slot->hash == hash && key_size(slot->place) == size &&
        SameKey(this->key(slot->place), key, size, head)) {
      return state(slot->place);
    }
  }
  *slot = {hash, end_place()};
  char* entry = arena_.data() + used_;
  std::memcpy(entry, initial_, state_bytes_);
  StoreLe(entry + state_bytes_, size);
  std::memcpy(entry + state_bytes_ + sizeof(uint32_t), key, size);
  used_ += EntryBytes(size);
  ++size_;
  key_bytes_ += size;
  return entry;
}

void StateTable::Clear() {
  if (index_ != nullptr) std::memset(index_, 0, IndexBytes(bits_));
  used_ = kFirst * kUnit;
  size_ = 0;
  key_bytes_ = 0;
}

void StateTable::Release() {
  Freeze();
  bits_ = 0;
  grant_->GiveBack(std::exchange(room_, 0));
  arena_.Trim(0);
  used_ = kFirst * kUnit;
  size_ = 0;
  key_bytes_ = 0;
}

void StateTable::Freeze() {
  if (index_ == nullptr) return;
  grant_->GiveBack(IndexBytes(bits_));
  index_memory_ = Arena();
  index_ = nullptr;
}

std::pair<Arena, MemoryGrant> StateTable::TakeArena() {
  Freeze();
  arena_.Trim(used_ + MINKE_READABLE_BEYOND);
  MemoryGrant grant = grant_->Split(std::exchange(room_, 0));
  return {std::move(arena_), std::move(grant)};
}

}  // namespace minke
