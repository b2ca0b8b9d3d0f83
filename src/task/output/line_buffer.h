// The buffer that lines are formatted into: grows as needed, keeps its memory when cleared (but for
// what one huge line took), and has 64 bytes to read and write behind its end. Used by one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>

#include <minke/abi.h>

#include "base/bytes.h"

namespace minke {

class LineBuffer {
 public:
  // The end, with room for `bytes` and 64 more behind it. Write there, then call EndAt.
  char* Room(size_t bytes) {
    if (capacity_ - size_ < bytes + MINKE_READABLE_BEYOND) [[unlikely]]
      Grow(bytes);
    return data_.get() + size_;
  }
  void EndAt(const char* end) { size_ = static_cast<size_t>(end - data_.get()); }
  void Append(Bytes bytes) {
    char* to = Room(bytes.size());
    std::memcpy(to, bytes.data(), bytes.size());
    EndAt(to + bytes.size());
  }

  const char* data() const { return data_.get(); }
  size_t size() const { return size_; }
  void Clear() {
    size_ = 0;
    if (capacity_ > kKeptBytes) {
      data_.reset();
      capacity_ = 0;
    }
  }

 private:
  static constexpr size_t kFirstBytes = 64 << 10;
  static constexpr size_t kKeptBytes = 4 << 20;

  void Grow(size_t bytes) {
    const size_t needed = size_ + bytes + MINKE_READABLE_BEYOND;
    const size_t capacity = std::max({needed, 2 * capacity_, kFirstBytes});
    auto data = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ > 0) std::memcpy(data.get(), data_.get(), size_);
    data_ = std::move(data);
    capacity_ = capacity;
  }

  std::unique_ptr<char[]> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace minke
