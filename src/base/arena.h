// Memory for many small things that live and die together: one stretch of reserved address space,
// of which pages come, zeroed, as they are touched. Addresses stay until Cut. Freed whole. Used by
// one thread while it grows.
#pragma once

#include <cstddef>
#include <utility>

namespace minke {

class Arena {
 public:
  Arena() = default;
  // Reserves address space only; `bytes` is what it can hold at most. Huge pages behind
  // the first 2 MiB.
  explicit Arena(size_t bytes);
  // One to grow in: holds `bytes_max`, or half of that, a quarter, … where no stretch of addresses
  // is left that is as long; kGrowingBytesMin at least.
  static Arena Growing(size_t bytes_max);
  static constexpr size_t kGrowingBytesMin = size_t{1} << 30;
  Arena(Arena&& other) noexcept { *this = std::move(other); }
  Arena& operator=(Arena&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~Arena();

  char* data() const { return data_; }
  size_t capacity_bytes() const { return capacity_; }
  // Makes the pages come now, all at once, huge ones where they fit: for what will be touched all
  // over, above all where reading comes first. A page that is read before it is written comes
  // twice, and the second time every processor of the process is interrupted.
  void Populate();
  // Gives the pages behind the first `used` bytes back to the system; they read as zeros again.
  void Trim(size_t used);
  // The same with their addresses, too: the arena then holds no more than `used`. What is short
  // moves, so that thousands of such arenas lie side by side and count as one mapping.
  void Cut(size_t used);

 private:
  char* data_ = nullptr;
  size_t capacity_ = 0;
};

}  // namespace minke
