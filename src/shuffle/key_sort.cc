#include "shuffle/key_sort.h"

#include <algorithm>
#include <cstring>

namespace minke {
namespace {

constexpr size_t kSmall = 48;  // below it comparisons are cheaper than counting
constexpr size_t kAhead = 16;  // entries whose keys are fetched ahead

// Entries go to and fro between their home and the buffer: each scatter moves them to the other
// side, so that nothing is copied back but small groups that end on the wrong one.
class Sorting {
 public:
  explicit Sorting(const KeySource& keys) : keys_(keys) {}

  // Entries of one group, where they are, and the same stretch of the other side.
  struct Group {
    KeyEntry* at;
    KeyEntry* other;
    size_t count;
    bool is_home;  // `at` is where the sorted entries belong

    Group Part(size_t begin, size_t size) const {
      return {at + begin, other + begin, size, is_home};
    }
  };

  // Entries agree on the key bytes before `depth`, and on the bytes of the prefix above `byte`.
  void Sort(Group group, size_t depth, int byte) {
    for (;;) {
      if (group.count < kSmall) return SortSmall(group, depth);
      if (byte < 0) {  // a loop, no recursion: keys may agree in megabytes
        const size_t ended = SortEnded(group, depth + 8);
        group = group.Part(ended, group.count - ended);
        depth += 8;
        byte = 7;
        continue;
      }
      if (Scatter(group, depth, byte)) return;
      --byte;
    }
  }

 private:
  static void BringHome(const Group& group) {
    if (!group.is_home) std::copy_n(group.at, group.count, group.other);
  }

  void SortSmall(const Group& group, size_t depth) {
    std::sort(group.at, group.at + group.count, [&](const KeyEntry& a, const KeyEntry& b) {
      if (a.prefix != b.prefix) return a.prefix < b.prefix;
      return LessFrom(a, b, depth);
    });
    BringHome(group);
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
  size_t SortEnded(const Group& group, size_t next) {
    KeyEntry* const end = group.at + group.count;
    for (KeyEntry* entry = group.at; entry < end; ++entry) {
      if (entry + kAhead < end) keys_.Prefetch(entry[kAhead].place, next);
      entry->prefix = keys_.KeyAt(entry->place).size();
    }
    KeyEntry* longer = std::stable_partition(
        group.at, end, [next](const KeyEntry& entry) { return entry.prefix <= next; });
    std::sort(group.at, longer, [](const KeyEntry& a, const KeyEntry& b) {
      return a.prefix != b.prefix ? a.prefix < b.prefix : a.place < b.place;
    });
    const auto ended = static_cast<size_t>(longer - group.at);
    BringHome(group.Part(0, ended));
    for (KeyEntry* entry = longer; entry < end; ++entry) {
      entry->prefix = KeyPrefix(keys_.KeyAt(entry->place), next);
    }
    return ended;
  }

  // Orders by one byte and sorts each group; false where all agree in it.
  bool Scatter(const Group& group, size_t depth, int byte) {
    const int shift = byte * 8;
    const std::span<const KeyEntry> entries(group.at, group.count);
    size_t counts[256] = {};
    for (const KeyEntry& entry : entries) ++counts[(entry.prefix >> shift) & 255];
    size_t offsets[256];
    size_t sum = 0;
    for (size_t digit = 0; digit < 256; ++digit) {
      if (counts[digit] == group.count) return false;
      offsets[digit] = sum;
      sum += counts[digit];
    }
    for (const KeyEntry& entry : entries) {
      group.other[offsets[(entry.prefix >> shift) & 255]++] = entry;
    }
    const Group moved{group.other, group.at, group.count, !group.is_home};
    for (size_t digit = 0, begin = 0; digit < 256; begin += counts[digit++]) {
      if (counts[digit] > 0) Sort(moved.Part(begin, counts[digit]), depth, byte - 1);
    }
    return true;
  }

  const KeySource& keys_;
};

}  // namespace

void SortKeys(std::span<KeyEntry> entries, std::span<KeyEntry> buffer, const KeySource& keys) {
  Sorting(keys).Sort({entries.data(), buffer.data(), entries.size(), true}, 0, 7);
}

}  // namespace minke
