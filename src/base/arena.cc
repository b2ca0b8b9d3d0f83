#include "base/arena.h"

#include <sys/mman.h>

#include "base/check.h"

namespace minke {
namespace {
constexpr size_t kPage = 4096;
constexpr size_t kHugeFrom = size_t{4} << 20;
size_t RoundUp(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }
}  // namespace

Arena::Arena(size_t bytes) : capacity_(RoundUp(bytes)) {
  if (capacity_ == 0) return;
  void* at = mmap(nullptr, capacity_, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) internal::OutOfMemory(capacity_);
  data_ = static_cast<char*>(at);
  if (capacity_ >= kHugeFrom) madvise(data_, capacity_, MADV_HUGEPAGE);
}

Arena::~Arena() {
  if (data_ != nullptr) munmap(data_, capacity_);
}

void Arena::Populate() {
  // Before Linux 5.14, or where memory is short, it does nothing or stops half-way: the pages then
  // come as they are touched.
  if (capacity_ != 0) madvise(data_, capacity_, MADV_POPULATE_WRITE);
}

void Arena::Trim(size_t used) {
  const size_t keep = RoundUp(used);
  if (keep < capacity_) madvise(data_ + keep, capacity_ - keep, MADV_DONTNEED);
}

void Arena::Cut(size_t used) {
  const size_t keep = RoundUp(used);
  if (keep >= capacity_) return;
  munmap(data_ + keep, capacity_ - keep);
  capacity_ = keep;
  if (keep == 0) data_ = nullptr;
}

}  // namespace minke
