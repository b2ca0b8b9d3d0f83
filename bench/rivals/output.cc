#include "output.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <span>
#include <unistd.h>
#include <utility>

#include "input.h"

namespace rival {
namespace {

struct Item {
  uint64_t piece;  // eight bytes of the key, big-endian: they compare as the bytes do
  Entry* entry;
};

// The eight bytes of the key from `depth`; zeros behind its end.
uint64_t PieceOf(const Entry& entry, size_t depth) {
  if (depth >= entry.size) return 0;
  const uint64_t piece = __builtin_bswap64(Load(entry.bytes + depth));
  const size_t rest = entry.size - depth;
  return rest >= 8 ? piece : piece & ~uint64_t{0} << (64 - 8 * rest);
}

int CompareFrom(const Entry& a, const Entry& b, size_t depth) {
  const size_t size = std::min(a.size, b.size);
  const int order = size > depth ? memcmp(a.bytes + depth, b.bytes + depth, size - depth) : 0;
  if (order != 0) return order;
  return a.size < b.size ? -1 : a.size > b.size;
}

// Sorts items that agree on the key's first `depth` bytes and the piece's bytes above `byte`.
void RadixSort(std::span<Item> items, Item* space, size_t depth, int byte) {
  if (items.size() < 48) {
    std::sort(items.begin(), items.end(), [depth](const Item& a, const Item& b) {
      return a.piece != b.piece ? a.piece < b.piece : CompareFrom(*a.entry, *b.entry, depth) < 0;
    });
    return;
  }
  if (byte < 0) {  // the pieces are equal: keys that end in them are first, by their size
    const auto longer = std::partition(items.begin(), items.end(), [depth](const Item& item) {
      return item.entry->size <= depth + 8;
    });
    std::sort(items.begin(), longer,
              [](const Item& a, const Item& b) { return a.entry->size < b.entry->size; });
    for (auto item = longer; item != items.end(); ++item) {
      if (items.end() - item > 16) __builtin_prefetch(item[16].entry->bytes + depth + 8);
      item->piece = PieceOf(*item->entry, depth + 8);
    }
    return RadixSort({longer, items.end()}, space, depth + 8, 7);
  }
  const int shift = byte * 8;
  size_t counts[256] = {}, places[256], sum = 0;
  for (const Item& item : items) ++counts[item.piece >> shift & 255];
  for (int digit = 0; digit < 256; ++digit) {
    if (counts[digit] == items.size()) return RadixSort(items, space, depth, byte - 1);
    places[digit] = sum;
    sum += counts[digit];
  }
  for (const Item& item : items) space[places[item.piece >> shift & 255]++] = item;
  std::copy(space, space + items.size(), items.begin());
  size_t begin = 0;
  for (const size_t count : counts) {
    if (count > 1) RadixSort(items.subspan(begin, count), space + begin, depth, byte - 1);
    begin += count;
  }
}

// One thread's range of hashes, of all tables: the largest table's entries take in the others'.
class RangeMerge {
 public:
  RangeMerge(const KeyTable& largest, std::vector<Item>& items)
      : largest_(largest), items_(items) {}

  // Of a smaller table.
  void Fold(Entry* entry, uint32_t hash) {
    largest_.PrefetchSlot(hash);
    Add(entry, hash);
    if (batched_ == kBatch) FlushFolded();
  }
  // Of the largest.
  void Keep(Entry* entry, uint32_t hash) {
    Add(entry, hash);
    if (batched_ == kBatch) FlushKept();
  }
  void FlushFolded() {
    Entry* candidates[kBatch];
    for (int i = 0; i < batched_; ++i) candidates[i] = largest_.Candidate(batch_[i].hash);
    for (int i = 0; i < batched_; ++i) {
      Entry* const entry = batch_[i].entry;
      Key key{entry->bytes, {}, batch_[i].hash, entry->size, entry->sum};
      memcpy(key.bytes, entry->bytes, 16);
      Entry* same = candidates[i];
      if (same && !IsSame(*same, key)) same = largest_.Find(key);
      if (same) {
        same->sum += entry->sum;
      } else {
        items_.push_back({PieceOf(*entry, 0), entry});
      }
    }
    batched_ = 0;
  }
  void FlushKept() {
    for (int i = 0; i < batched_; ++i)
      items_.push_back({PieceOf(*batch_[i].entry, 0), batch_[i].entry});
    batched_ = 0;
  }

 private:
  static constexpr int kBatch = 32;
  struct Pending {
    Entry* entry;
    uint32_t hash;
  };

  void Add(Entry* entry, uint32_t hash) {
    __builtin_prefetch(entry);
    batch_[batched_++] = {entry, hash};
  }

  const KeyTable& largest_;
  std::vector<Item>& items_;
  int batched_ = 0;
  Pending batch_[kBatch];
};

// Per thread, the items of its range of hashes.
std::vector<std::vector<Item>> Merge(const std::vector<KeyTable>& tables) {
  const unsigned threads = static_cast<unsigned>(tables.size());
  const KeyTable& largest =
      *std::max_element(tables.begin(), tables.end(),
                        [](const KeyTable& a, const KeyTable& b) { return a.size() < b.size(); });
  size_t keys = 0;
  for (const KeyTable& table : tables) keys += table.size();
  std::vector<std::vector<Item>> ranges(threads);
  InParallel(threads, [&](unsigned thread) {
    const uint32_t low = static_cast<uint32_t>((uint64_t{thread} << 32) / threads);
    const uint32_t high = static_cast<uint32_t>((uint64_t{thread + 1} << 32) / threads - 1);
    ranges[thread].reserve(keys / threads + keys / 64 + 1024);
    RangeMerge merge(largest, ranges[thread]);
    for (const KeyTable& table : tables) {
      if (&table == &largest) continue;
      table.ForRange(low, high, [&](Entry* entry, uint32_t hash) { merge.Fold(entry, hash); });
      merge.FlushFolded();
    }
    largest.ForRange(low, high, [&](Entry* entry, uint32_t hash) { merge.Keep(entry, hash); });
    merge.FlushKept();
  });
  return ranges;
}

struct Parts {
  Item* items;                // of all parts, in their order
  std::vector<size_t> begin;  // of each part, and the end
};

std::vector<uint64_t> Splitters(const std::vector<std::vector<Item>>& from, size_t parts) {
  std::vector<uint64_t> samples, splitters;
  for (const std::vector<Item>& items : from) {
    for (size_t i = 0; i < 4096 && !items.empty(); ++i)
      samples.push_back(items[i * 2654435761u % items.size()].piece);
  }
  std::sort(samples.begin(), samples.end());
  for (size_t part = 1; part < parts; ++part)
    splitters.push_back(samples.empty() ? 0 : samples[samples.size() * part / parts]);
  return splitters;
}

// Splits the items into ranges of the key, in order, so that threads can sort them. Frees `from`.
Parts SplitByKey(std::vector<std::vector<Item>>& from) {
  const unsigned threads = static_cast<unsigned>(from.size());
  const size_t parts = threads == 1 ? 1 : threads * 16;
  const std::vector<uint64_t> splitters = Splitters(from, parts);
  std::vector<std::vector<size_t>> places(threads, std::vector<size_t>(parts));
  std::vector<std::vector<uint16_t>> part_of(threads);
  InParallel(threads, [&](unsigned thread) {
    part_of[thread].reserve(from[thread].size());
    for (const Item& item : from[thread]) {
      size_t part = 0;
      for (const uint64_t splitter : splitters) part += item.piece >= splitter;
      part_of[thread].push_back(static_cast<uint16_t>(part));
      ++places[thread][part];
    }
  });
  Parts result{nullptr, std::vector<size_t>(parts + 1)};
  size_t sum = 0;
  for (size_t part = 0; part < parts; ++part) {
    result.begin[part] = sum;
    for (unsigned thread = 0; thread < threads; ++thread)
      sum += std::exchange(places[thread][part], sum);
  }
  result.begin[parts] = sum;
  result.items = static_cast<Item*>(Reserve(sum * sizeof(Item) + 64));
  InParallel(threads, [&](unsigned thread) {
    size_t i = 0;
    for (const Item& item : from[thread])
      result.items[places[thread][part_of[thread][i++]]++] = item;
    std::vector<Item>().swap(from[thread]);
  });
  return result;
}

// Where more than two threads counted, a key that several smaller tables held is still there twice;
// returns the items without that.
std::span<Item> AddUpNeighbours(std::span<Item> items) {
  size_t kept = 0;
  for (size_t i = 1; i < items.size(); ++i) {
    if (CompareFrom(*items[kept].entry, *items[i].entry, 0) == 0) {
      items[kept].entry->sum += items[i].entry->sum;
    } else {
      items[++kept] = items[i];
    }
  }
  return items.first(items.empty() ? 0 : kept + 1);
}

size_t FormattedSize(std::span<const Item> items) {
  size_t bytes = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i + 16 < items.size()) __builtin_prefetch(items[i + 16].entry);
    uint64_t sum = items[i].entry->sum;
    bytes += items[i].entry->size + 3;  // a space, a digit, the line end
    while (sum >= 10) {
      sum /= 10;
      ++bytes;
    }
  }
  return bytes;
}

void WriteAt(int file, const char* data, size_t size, size_t offset) {
  for (size_t done = 0; done < size;) {
    const ssize_t written =
        pwrite(file, data + done, size - done, static_cast<off_t>(offset + done));
    if (written <= 0) {
      perror("write");
      exit(1);
    }
    done += static_cast<size_t>(written);
  }
}

void WriteLines(int file, std::span<const Item> items, size_t offset) {
  constexpr size_t kBuffer = 1 << 19;
  const std::unique_ptr<char[]> buffer(new char[kBuffer]);
  size_t used = 0;
  const auto write = [&](const char* data, size_t size) {
    WriteAt(file, data, size, offset);
    offset += size;
  };
  for (size_t i = 0; i < items.size(); ++i) {
    if (i + 16 < items.size()) __builtin_prefetch(items[i + 16].entry);
    const Entry& entry = *items[i].entry;
    if (used + entry.size + 32 > kBuffer) write(buffer.get(), std::exchange(used, 0));
    if (entry.size + 32 > kBuffer) {
      write(entry.bytes, entry.size);
    } else {
      memcpy(buffer.get() + used, entry.bytes, entry.size);
      used += entry.size;
    }
    char* at = buffer.get() + used;
    *at++ = ' ';
    at = std::to_chars(at, at + 20, entry.sum).ptr;
    *at++ = '\n';
    used = static_cast<size_t>(at - buffer.get());
  }
  write(buffer.get(), used);
}

}  // namespace

void WriteSorted(const std::vector<KeyTable>& tables, const char* path) {
  const unsigned threads = static_cast<unsigned>(tables.size());
  std::vector<std::vector<Item>> ranges = Merge(tables);
  const Parts parts = SplitByKey(ranges);
  const size_t count = parts.begin.size() - 1;
  const auto for_each_part = [&](auto f) {
    std::atomic<size_t> next{0};
    InParallel(threads, [&](unsigned) {
      for (size_t part; (part = next++) < count;) f(part);
    });
  };
  std::vector<std::span<Item>> sorted(count);
  std::vector<size_t> offsets(count + 1);
  for_each_part([&](size_t part) {
    sorted[part] = {parts.items + parts.begin[part], parts.items + parts.begin[part + 1]};
    const std::unique_ptr<Item[]> space(new Item[sorted[part].size()]);
    RadixSort(sorted[part], space.get(), 0, 7);
    if (threads > 2) sorted[part] = AddUpNeighbours(sorted[part]);
    offsets[part + 1] = FormattedSize(sorted[part]);
  });
  for (size_t part = 0; part < count; ++part) offsets[part + 1] += offsets[part];
  const int file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (file < 0) {
    perror(path);
    exit(1);
  }
  for_each_part([&](size_t part) { WriteLines(file, sorted[part], offsets[part]); });
  close(file);
}

}  // namespace rival
