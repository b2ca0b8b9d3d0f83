#include "shuffle/key_sort.h"

#include <algorithm>
#include <cstring>

namespace minke {
namespace {

constexpr size_t kSmall = 48;  // below it comparisons are cheaper than counting
constexpr size_t kAhead = 16;  // entries whose keys are fetched ahead

class Sorting {
 public:
  Sorting(KeyEntry* buffer, const KeySource& keys) : buffer_(buffer), keys_(keys) {}

  // Entries agree on the key bytes before `depth`, and on the bytes of the prefix above `byte`.
  void Sort(KeyEntry* entries, size_t count, size_t depth, int byte) {
    for (;;) {
      if (count < kSmall) return SortSmall(entries, count, depth);
      if (byte < 0) {  // a loop, no recursion: keys may agree in megabytes
        const size_t ended = SortEnded(entries, count, depth + 8);
        entries += ended;
        count -= ended;
        depth += 8;
        byte = 7;
        continue;
      }
      if (Scatter(entries, count, depth, byte)) return;
      --byte;
    }
  }

 private:
  void SortSmall(KeyEntry* entries, size_t count, size_t depth) {
    std::sort(entries, entries + count, [&](const KeyEntry& a, const KeyEntry& b) {
      if (a.prefix != b.prefix) return a.prefix < b.prefix;
      return LessFrom(a, b, depth);
    });
  }

  // Of two entries with equal prefix at `depth`.
  bool LessFrom(const KeyEntry& a, const KeyEntry& b, size_t depth) const {
    const Bytes left = keys_.KeyAt(a.place);
    const Bytes right = keys_.KeyAt(b.place);
    const size_t from = std::min({depth, left.size(), right.size()});
    const int order = left.substr(from).compare(right.substr(from));
    return order != 0 ? order < 0 : a.place < b.place;
  }

  // All prefixes are equal: keys that end before `next` come first, by length, and are done with;
  // the rest gets the prefixes from there on. Returns how many have ended.
  size_t SortEnded(KeyEntry* entries, size_t count, size_t next) {
    for (size_t i = 0; i < count; ++i) {
      if (i + kAhead < count) keys_.Prefetch(entries[i + kAhead].place, next);
      entries[i].prefix = keys_.KeyAt(entries[i].place).size();
    }
    KeyEntry* longer = std::stable_partition(
        entries, entries + count, [next](const KeyEntry& entry) { return entry.prefix <= next; });
    std::sort(entries, longer, [](const KeyEntry& a, const KeyEntry& b) {
      return a.prefix != b.prefix ? a.prefix < b.prefix : a.place < b.place;
    });
    for (KeyEntry* entry = longer; entry < entries + count; ++entry) {
      entry->prefix = KeyPrefix(keys_.KeyAt(entry->place), next);
    }
    return static_cast<size_t>(longer - entries);
  }

  // Orders by one byte and sorts each group; false where all agree in it.
  bool Scatter(KeyEntry* entries, size_t count, size_t depth, int byte) {
    const int shift = byte * 8;
    size_t counts[256] = {};
    for (size_t i = 0; i < count; ++i) ++counts[(entries[i].prefix >> shift) & 255];
    size_t offsets[256];
    size_t sum = 0;
    for (size_t digit = 0; digit < 256; ++digit) {
      if (counts[digit] == count) return false;
      offsets[digit] = sum;
      sum += counts[digit];
    }
    for (size_t i = 0; i < count; ++i) {
      buffer_[offsets[(entries[i].prefix >> shift) & 255]++] = entries[i];
    }
    std::memcpy(entries, buffer_, count * sizeof(KeyEntry));
    for (size_t digit = 0, begin = 0; digit < 256; begin += counts[digit++]) {
      if (counts[digit] > 1) Sort(entries + begin, counts[digit], depth, byte - 1);
    }
    return true;
  }

  KeyEntry* buffer_;
  const KeySource& keys_;
};

}  // namespace

void SortKeys(std::span<KeyEntry> entries, std::span<KeyEntry> buffer, const KeySource& keys) {
  Sorting(buffer.data(), keys).Sort(entries.data(), entries.size(), 0, 7);
}

}  // namespace minke
