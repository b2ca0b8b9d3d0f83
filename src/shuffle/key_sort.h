// Sorting keys that lie elsewhere: 16-byte entries of a key's next 8 bytes and where the key is.
// Most-significant-digit radix sort on the 8 bytes; a group that ties in all of them loads its next
// 8 and goes on. Ties of whole keys keep the order of `place`. Pure; the entries are sorted in
// place, with a buffer of the same size.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"

namespace minke {

struct KeyEntry {
  uint64_t prefix = 0;  // key bytes [depth, depth + 8), big-endian, zeros behind the key's end
  uint64_t place = 0;
};

// The 8 key bytes from `depth` on, as a number that orders as they do. 8 bytes behind any key are
// readable.
inline uint64_t KeyPrefix(Bytes key, size_t depth) {
  if (depth >= key.size()) return 0;
  const uint64_t bytes = LoadBe64(key.data() + depth);
  const size_t left = key.size() - depth;
  return left >= 8 ? bytes : bytes & (~uint64_t{0} << (64 - 8 * left));
}

// Where keys are: KeyAt(place) for any place of the entries.
class KeySource {
 public:
  virtual ~KeySource() = default;
  virtual Bytes KeyAt(uint64_t place) const = 0;
  virtual void Prefetch(uint64_t place, size_t depth) const = 0;
};

// Sorts by (key, place). Prefixes are those of depth 0; afterwards they are void. `buffer` is as
// large as `entries`.
void SortKeys(std::span<KeyEntry> entries, std::span<KeyEntry> buffer, const KeySource& keys);

}  // namespace minke
