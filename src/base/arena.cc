#include "base/arena.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <sys/mman.h>

#include "base/check.h"

namespace minke {
namespace {
constexpr size_t kPage = 4096;
constexpr size_t kHugePage = size_t{2} << 20;
size_t RoundUp(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

// Null where the system refuses.
char* Reserve(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<char*>(at);
}

// Begins where a huge page does. The first of them is left to small pages: many an arena never
// holds more than a few, and clearing a huge page takes as long as clearing 512.
char* ReserveHuge(size_t bytes) {
  char* const at = Reserve(bytes + kHugePage);
  if (at == nullptr) return nullptr;
  const size_t before = -reinterpret_cast<uintptr_t>(at) % kHugePage;
  if (before != 0) munmap(at, before);
  munmap(at + before + bytes, kHugePage - before);
  madvise(at + before + kHugePage, bytes - kHugePage, MADV_HUGEPAGE);
  return at + before;
}
}  // namespace

Arena::Arena(size_t bytes) : capacity_(RoundUp(bytes)) {
  if (capacity_ == 0) return;
  data_ = capacity_ < kHugePage ? Reserve(capacity_) : ReserveHuge(capacity_);
  if (data_ == nullptr) internal::OutOfMemory(capacity_);
}

Arena Arena::Growing(size_t bytes_max) {
  Arena arena;
  for (size_t bytes = bytes_max; bytes > kGrowingBytesMin; bytes /= 2) {
    arena.data_ = ReserveHuge(bytes);
    if (arena.data_ == nullptr) continue;
    arena.capacity_ = bytes;
    return arena;
  }
  return Arena(std::min(bytes_max, kGrowingBytesMin));
}

Arena::~Arena() {
  if (data_ != nullptr) munmap(data_, capacity_);
}

void Arena::Populate() {
  if (capacity_ == 0) return;
  if (capacity_ >= kHugePage) madvise(data_, capacity_, MADV_HUGEPAGE);
  // Before Linux 5.14, or where memory is short, it does nothing or stops half-way: the pages then
  // come as they are touched.
  madvise(data_, capacity_, MADV_POPULATE_WRITE);
}

void Arena::Trim(size_t used) {
  const size_t keep = RoundUp(used);
  if (keep < capacity_) madvise(data_ + keep, capacity_ - keep, MADV_DONTNEED);
}

void Arena::Cut(size_t used) {
  const size_t keep = RoundUp(used);
  if (keep >= capacity_) return;
  if (keep != 0 && keep < kHugePage) {
    Arena small(keep);
    std::memcpy(small.data_, data_, used);
    *this = std::move(small);
    return;
  }
  munmap(data_ + keep, capacity_ - keep);
  capacity_ = keep;
  if (keep == 0) data_ = nullptr;
}

}  // namespace minke
