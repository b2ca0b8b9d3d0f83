#include "shuffle/state_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace minke {
namespace {

constexpr unsigned kBitsMin = 3;
constexpr unsigned kAmpleBitsMax = 17;
constexpr uint64_t kAmpleShare = 32;                 // of the grant that an ample index may take
constexpr uint64_t kArenaBytes = uint64_t{1} << 35;  // what 32-bit places reach; address space only
constexpr size_t kStepMin = 1 << 10;
constexpr size_t kStepMax = 1 << 20;

// Six tenths of the slots: few keys lie outside their group, and doubling comes late.
size_t LimitOf(unsigned bits) { return (SlotGroup::kSlots << bits) * 6 / 10; }

}  // namespace

StateTable::StateTable(uint32_t state_bytes, const void* initial, KeyLookup lookup,
                       MemoryGrant* grant)
    : state_bytes_(state_bytes),
      lookup_(lookup),
      grant_(grant),
      arena_(Arena::Growing(kArenaBytes)) {
  MINKE_CHECK(state_bytes <= sizeof(initial_) && state_bytes % 8 == 0);
  if (initial != nullptr) std::memcpy(initial_, initial, state_bytes);
}

StateTable::~StateTable() {
  grant_->GiveBack(room_ + (index_.groups != nullptr ? IndexBytes(bits_) : 0));
}

void StateTable::SetIndex(unsigned bits) {
  bits_ = bits;
  limit_ = LimitOf(bits);
  index_memory_ = Arena(IndexBytes(bits));
  index_memory_.Populate();
  index_ = {reinterpret_cast<SlotGroup*>(index_memory_.data()), 32 - bits};
}

bool StateTable::MakeRoom(size_t keys, size_t key_bytes) {
  const uint64_t bytes =
      keys * (state_bytes_ + sizeof(uint32_t) + kHeadKeyBytes + kUnit) + key_bytes;
  if (used_ + bytes > room_) {
    const uint64_t lacking = used_ + bytes - room_;
    const uint64_t step = std::clamp<uint64_t>(grant_->limit_bytes() / 16, kStepMin, kStepMax);
    const uint64_t taken = (lacking + step - 1) / step * step;
    if (room_ + taken + MINKE_READABLE_BEYOND > arena_.capacity_bytes()) return false;
    if (!grant_->TryTake(taken)) {
      if (!empty()) return false;
      grant_->Take(taken);
    }
    room_ += taken;
  }
  return size_ + keys <= limit_ || GrowIndex(size_ + keys);
}

bool StateTable::GrowIndex(size_t entries) {
  unsigned bits = std::max(bits_, kBitsMin);
  while (LimitOf(bits) < entries) ++bits;
  // Where there is room, an index grows fourfold while it is small.
  const unsigned ample = std::min(bits + 1, kAmpleBitsMax);
  if (ample > bits && IndexBytes(ample) <= grant_->limit_bytes() / kAmpleShare &&
      grant_->TryTake(IndexBytes(ample))) {
    bits = ample;
  } else if (!grant_->TryTake(IndexBytes(bits))) {
    if (!empty()) return false;
    grant_->Take(IndexBytes(bits));
  }
  const Arena old_memory = std::move(index_memory_);
  const SlotGroup* old = index_.groups;
  const size_t old_groups = old == nullptr ? 0 : size_t{1} << bits_;
  index_memory_ = Arena();
  SetIndex(bits);
  for (size_t i = 0; i < old_groups; ++i) {
    for (size_t slot = 0; slot < SlotGroup::kSlots && old[i].places[slot] != 0; ++slot) {
      Put(old[i].hashes[slot], old[i].places[slot]);
    }
  }
  if (old != nullptr) grant_->GiveBack(old_groups * sizeof(SlotGroup));
  return true;
}

// Into the first empty slot from its group on.
void StateTable::Put(uint32_t hash, uint32_t place) {
  SlotGroup* group = index_.Home(hash);
  uint32_t empty = group->EmptySlots();
  while (empty == 0) {
    group = Behind(group);
    empty = group->EmptySlots();
  }
  const int slot = std::countr_zero(empty);
  group->hashes[slot] = hash;
  group->places[slot] = place;
}

// The key may be there all the same: beside another of equal hash, in a group behind, or added
// since the batch began.
char* StateTable::Add(const char* key, uint32_t size, __m128i head, uint32_t hash) {
  for (const SlotGroup* group = index_.Home(hash);; group = Behind(group)) {
    const uint32_t empty = group->EmptySlots();
    for (uint32_t slots = group->SlotsOf(hash) & ~empty; slots != 0; slots &= slots - 1) {
      char* const found = state(group->places[std::countr_zero(slots)]);
      if (SameKey(found + state_bytes_, key, size, head)) return found;
    }
    if (empty != 0) break;
  }
  Put(hash, end_place());
  char* entry = arena_.data() + used_;
  std::memcpy(entry, initial_, state_bytes_);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(entry + state_bytes_), head);
  if (size > kHeadKeyBytes) std::memcpy(entry + state_bytes_ + sizeof(uint32_t), key, size);
  used_ += EntryBytes(size);
  ++size_;
  key_bytes_ += size;
  return entry;
}

void StateTable::Clear() {
  if (index_.groups != nullptr) std::memset(index_.groups, 0, IndexBytes(bits_));
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
  if (index_.groups == nullptr) return;
  grant_->GiveBack(IndexBytes(bits_));
  index_memory_ = Arena();
  index_ = {};
  limit_ = 0;
}

std::pair<Arena, MemoryGrant> StateTable::TakeArena() {
  Freeze();
  arena_.Cut(used_ + MINKE_READABLE_BEYOND);
  MemoryGrant grant = grant_->Split(std::exchange(room_, 0));
  return {std::move(arena_), std::move(grant)};
}

}  // namespace minke
