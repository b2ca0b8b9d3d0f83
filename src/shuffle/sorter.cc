#include "shuffle/sorter.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <emmintrin.h>
#include <utility>
#include <vector>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/scalar.h"
#include "shuffle/key_sort.h"
#include "shuffle/merge.h"

namespace minke {
namespace {

// A record in the arena: u32 key size, u32 value size, key, value, up to a multiple of 4. A key
// that is the beginning of its value is not stored a second time: a bit of its size says so.
constexpr size_t kUnit = 4;
constexpr size_t kSizesBytes = 8;
constexpr uint32_t kKeyInValue = uint32_t{1} << 31;
constexpr uint64_t kArenaBytes = uint64_t{1} << 34;  // what 32-bit places reach; address space only
constexpr uint64_t kEntriesBytes = uint64_t{1} << 36;
constexpr size_t kStepMin = 1 << 10;
constexpr size_t kStepMax = 2 << 20;
constexpr size_t kStreamBatch = 256;
constexpr size_t kAhead = 16;
constexpr int kSegmentShift = 48;  // in a KeyEntry's place: segment above, unit of its arena below

struct Entry {
  uint64_t prefix;
  uint32_t partition;
  uint32_t place;  // in units
};

minke_record RecordAt(const char* at) {
  const auto stored = LoadLe<uint32_t>(at);
  const uint32_t key_size = stored & ~kKeyInValue;
  const char* key = at + kSizesBytes;
  const char* value = (stored & kKeyInValue) != 0 ? key : key + key_size;
  return {key, value, key_size, LoadLe<uint32_t>(at + 4)};
}

// Copies in steps of 32 bytes: up to 31 more than `size` are read and written.
inline void CopyWide(char* to, const char* from, size_t size) {
  constexpr size_t kStep = 2 * sizeof(__m128i);
  if (size > 16 * kStep) {
    std::memcpy(to, from, size);
    return;
  }
  for (size_t i = 0; i < size; i += kStep) {
    const auto* at = reinterpret_cast<const __m128i*>(from + i);
    auto* into = reinterpret_cast<__m128i*>(to + i);
    const __m128i first = _mm_loadu_si128(at);
    const __m128i second = _mm_loadu_si128(at + 1);
    _mm_storeu_si128(into, first);
    _mm_storeu_si128(into + 1, second);
  }
}

// Fetches what of a record does not lie in its first cache line, as far as it is soon needed.
inline void PrefetchRest(const char* at, const minke_record& record) {
  constexpr size_t kLine = 64;
  const char* end = std::min(record.value + record.value_size, at + 8 * kLine);
  for (const char* line = at + kLine; line < end; line += kLine) __builtin_prefetch(line);
  __builtin_prefetch(end);
}

Bytes KeyOf(const minke_record& record) { return {record.key, record.key_size}; }
Bytes ValueOf(const minke_record& record) { return {record.value, record.value_size}; }

// Records of several arenas, by place.
class ArenaKeys final : public KeySource {
 public:
  explicit ArenaKeys(std::vector<const char*> arenas) : arenas_(std::move(arenas)) {}
  const char* At(uint64_t place) const {
    constexpr uint64_t kMask = (uint64_t{1} << kSegmentShift) - 1;
    return arenas_[place >> kSegmentShift] + (place & kMask) * kUnit;
  }
  Bytes KeyAt(uint64_t place) const override { return KeyOf(RecordAt(At(place))); }
  void Prefetch(uint64_t place, size_t depth) const override {
    __builtin_prefetch(At(place) + kSizesBytes + depth);
  }

 private:
  std::vector<const char*> arenas_;
};

void SortEntries(std::vector<KeyEntry>& entries, const ArenaKeys& keys, bool sort_values) {
  std::vector<KeyEntry> buffer(entries.size());
  SortKeys(entries, buffer, keys);
  if (!sort_values) return;
  for (size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    const Bytes key = keys.KeyAt(entries[begin].place);
    for (end = begin + 1; end < entries.size() && keys.KeyAt(entries[end].place) == key; ++end) {
    }
    std::sort(
        entries.begin() + static_cast<ptrdiff_t>(begin),
        entries.begin() + static_cast<ptrdiff_t>(end), [&](const KeyEntry& a, const KeyEntry& b) {
          const int order =
              ValueOf(RecordAt(keys.At(a.place))).compare(ValueOf(RecordAt(keys.At(b.place))));
          return order != 0 ? order < 0 : a.place < b.place;
        });
  }
}

// Sorted entries as records.
class SortedRecords final : public RecordStream {
 public:
  // `kept` is what the keys lie in.
  SortedRecords(std::vector<KeyEntry> entries, ArenaKeys keys,
                std::vector<std::shared_ptr<const SortedSegment>> kept, MemoryGrant grant)
      : entries_(std::move(entries)),
        keys_(std::move(keys)),
        kept_(std::move(kept)),
        grant_(std::move(grant)) {}

  Result<std::span<const minke_record>> Next() override {
    const size_t count = std::min(kStreamBatch, entries_.size() - next_);
    for (size_t i = 0; i < count; ++i, ++next_) {
      if (next_ + kAhead < entries_.size()) {
        __builtin_prefetch(keys_.At(entries_[next_ + kAhead].place));
      }
      const char* at = keys_.At(entries_[next_].place);
      records_[i] = RecordAt(at);
      PrefetchRest(at, records_[i]);
    }
    return std::span<const minke_record>(records_.data(), count);
  }

 private:
  std::vector<KeyEntry> entries_;
  ArenaKeys keys_;
  std::vector<std::shared_ptr<const SortedSegment>> kept_;
  MemoryGrant grant_;
  size_t next_ = 0;
  std::array<minke_record, kStreamBatch> records_;
};

class MemorySegment final : public SortedSegment {
 public:
  Arena arena;
  Arena entries;               // Entry, partition after partition, each in emit order
  std::vector<size_t> begins;  // of each partition in `entries`, and the end
  MemoryGrant grant;
  uint64_t bytes_total = 0;

  uint64_t records() const override { return begins.back(); }
  uint64_t bytes() const override { return bytes_total; }
  bool has_partition(uint32_t partition) const override {
    return begins[partition] < begins[partition + 1];
  }
  std::span<const Entry> Of(uint32_t partition) const {
    return {reinterpret_cast<const Entry*>(entries.data()) + begins[partition],
            begins[partition + 1] - begins[partition]};
  }
};

class RunSegment final : public SortedSegment {
 public:
  std::shared_ptr<const Run> run;
  std::vector<bool> seen;
  uint64_t records_total = 0;

  uint64_t records() const override { return records_total; }
  uint64_t bytes() const override { return run == nullptr ? 0 : run->stored_bytes(); }
  bool has_partition(uint32_t partition) const override { return seen[partition]; }
};

}  // namespace

struct Sorter::State {
  State(SorterOptions given, MemoryGrant* memory, SpillSpace* space)
      : options(given), grant(memory), spill(space), seen(given.partitions) {}
  ~State() { grant->GiveBack(room + entries_room); }

  SorterOptions options;
  MemoryGrant* grant;
  SpillSpace* spill;
  Arena arena = Arena::Growing(kArenaBytes);
  Arena entries = Arena::Growing(kEntriesBytes);
  uint64_t used = 0;          // of the arena
  uint64_t room = 0;          // that the grant gave for it
  size_t count = 0;           // entries
  uint64_t entries_room = 0;  // bytes
  uint64_t bytes_total = 0;
  std::vector<std::shared_ptr<const Run>> runs;
  std::vector<bool> seen;
  uint64_t spilled_bytes = 0;

  Entry* entry(size_t index) const { return reinterpret_cast<Entry*>(entries.data()) + index; }
  bool TakeRoom(uint64_t* have, uint64_t needed);
  Status MakeRoom(size_t bytes);
  void Put(const minke_pair& pair, Bytes value, uint32_t partition);
  Status WriteRecords(RunWriter& writer, uint32_t partition, RecordStream& records) const;
  std::vector<size_t> CountPartitions() const;
  Result<uint64_t> WriteEntries(RunSink* sink);
  Status Spill();
  Status PrepareRuns();
  Result<uint64_t> WriteAll(RunSink* sink);
  std::shared_ptr<const SortedSegment> Keep();
};

bool Sorter::State::TakeRoom(uint64_t* have, uint64_t needed) {
  if (needed <= *have) return true;
  const uint64_t step = std::clamp<uint64_t>(grant->limit_bytes() / 16, kStepMin, kStepMax);
  const uint64_t taken = (needed - *have + step - 1) / step * step;
  if (!grant->TryTake(taken)) {
    if (count > 0) return false;
    grant->Take(taken);
  }
  *have += taken;
  return true;
}

// Room for one more record of `bytes` in the arena.
Status Sorter::State::MakeRoom(size_t bytes) {
  const bool fits = used + bytes + MINKE_READABLE_BEYOND <= arena.capacity_bytes() &&
                    (count + 1) * sizeof(Entry) <= entries.capacity_bytes() &&
                    TakeRoom(&room, used + bytes) &&
                    TakeRoom(&entries_room, (count + 1) * sizeof(Entry));
  if (fits) return {};
  MINKE_TRY_STATUS(Spill());
  MINKE_CHECK(TakeRoom(&room, used + bytes) &&
              TakeRoom(&entries_room, (count + 1) * sizeof(Entry)));
  return {};
}

void Sorter::State::Put(const minke_pair& pair, Bytes value, uint32_t partition) {
  char* at = arena.data() + used;
  const bool is_in_value = pair.key == value.data() && pair.key_size <= value.size();
  const uint32_t key_bytes = is_in_value ? 0 : pair.key_size;
  StoreLe(at, pair.key_size | (is_in_value ? kKeyInValue : 0));
  StoreLe(at + 4, static_cast<uint32_t>(value.size()));
  CopyWide(at + kSizesBytes, pair.key, key_bytes);
  CopyWide(at + kSizesBytes + key_bytes, value.data(), value.size());
  *entry(count++) = {KeyPrefix(Bytes(pair.key, pair.key_size), 0), partition,
                     static_cast<uint32_t>(used / kUnit)};
  used += (kSizesBytes + key_bytes + value.size() + kUnit - 1) / kUnit * kUnit;
  bytes_total += pair.key_size + value.size();
}

std::vector<size_t> Sorter::State::CountPartitions() const {
  std::vector<size_t> begins(options.partitions + 1, 0);
  for (size_t i = 0; i < count; ++i) ++begins[entry(i)->partition + 1];
  for (uint32_t p = 0; p < options.partitions; ++p) begins[p + 1] += begins[p];
  return begins;
}

// Through the combiner, if there is one.
Status Sorter::State::WriteRecords(RunWriter& writer, uint32_t partition,
                                   RecordStream& records) const {
  if (options.combiner != nullptr) {
    return options.combiner->Combine(records, [&](const minke_pair& pair) {
      char stored[kScalarBytes];
      Bytes value(pair.value.bytes, pair.value_size);
      if (IsScalar(options.value_type)) {
        StoreScalar(stored, options.value_type, pair);
        value = Bytes(stored, kScalarBytes);
      } else if (options.value_type == MINKE_NONE) {
        value = {};
      }
      return writer.Add(partition, Bytes(pair.key, pair.key_size), value);
    });
  }
  return writer.AddAll(partition, records);
}

// How many records it wrote, as all that write do: a combiner changes their number.
Result<uint64_t> Sorter::State::WriteEntries(RunSink* sink) {
  const std::vector<size_t> begins = CountPartitions();
  std::vector<KeyEntry> ordered(count);
  std::vector<size_t> next(begins.begin(), begins.end() - 1);
  for (size_t i = 0; i < count; ++i) {
    ordered[next[entry(i)->partition]++] = {entry(i)->prefix, entry(i)->place};
  }
  RunWriter writer(options.block, sink);
  for (uint32_t p = 0; p < options.partitions; ++p) {
    if (begins[p] == begins[p + 1]) continue;
    std::vector<KeyEntry> part(ordered.begin() + static_cast<ptrdiff_t>(begins[p]),
                               ordered.begin() + static_cast<ptrdiff_t>(begins[p + 1]));
    const ArenaKeys keys({arena.data()});
    SortEntries(part, keys, options.sort_values);
    SortedRecords records(std::move(part), keys, {}, MemoryGrant());
    MINKE_TRY_STATUS(WriteRecords(writer, p, records));
  }
  MINKE_TRY_STATUS(writer.Finish());
  return writer.records();
}

Status Sorter::State::Spill() {
  NotingSink sink(MINKE_TRY(spill->Begin()), &seen);
  MINKE_TRY(WriteEntries(&sink));
  runs.push_back(MINKE_TRY(spill->Seal()));
  spilled_bytes += runs.back()->stored_bytes();
  used = 0;
  count = 0;
  return {};
}

// If anything was spilled: the rest too, and few enough runs for one merge. One run is written at a
// time, so this comes before the run of WriteAll begins.
Status Sorter::State::PrepareRuns() {
  if (runs.empty()) return {};
  if (count > 0) MINKE_TRY_STATUS(Spill());
  return MergeDown(runs, 0, options.partitions - 1, spill, options.block,
                   {.sort_values = options.sort_values});
}

Result<uint64_t> Sorter::State::WriteAll(RunSink* sink) {
  if (runs.empty()) return WriteEntries(sink);
  RunWriter writer(options.block, sink);
  for (uint32_t p = 0; p < options.partitions; ++p) {
    if (!seen[p]) continue;
    const auto merged =
        MINKE_TRY(MergeRuns(runs, p, spill, options.block, {.sort_values = options.sort_values}));
    MINKE_TRY_STATUS(WriteRecords(writer, p, *merged));
  }
  MINKE_TRY_STATUS(writer.Finish());
  return writer.records();
}

std::shared_ptr<const SortedSegment> Sorter::State::Keep() {
  auto segment = std::make_shared<MemorySegment>();
  segment->begins = CountPartitions();
  segment->entries = Arena(count * sizeof(Entry));
  auto* ordered = reinterpret_cast<Entry*>(segment->entries.data());
  std::vector<size_t> next(segment->begins.begin(), segment->begins.end() - 1);
  for (size_t i = 0; i < count; ++i) ordered[next[entry(i)->partition]++] = *entry(i);
  entries = Arena();
  arena.Cut(used + MINKE_READABLE_BEYOND);
  segment->arena = std::move(arena);
  segment->bytes_total = bytes_total;
  segment->grant = grant->Split(std::exchange(room, 0) + std::exchange(entries_room, 0));
  return segment;
}

Sorter::Sorter(SorterOptions options, MemoryGrant* grant, SpillSpace* spill)
    : state_(std::make_unique<State>(options, grant, spill)) {}

Sorter::~Sorter() = default;

Status Sorter::Add(std::span<const minke_pair> pairs, std::span<const uint32_t> partitions) {
  State& state = *state_;
  const bool is_scalar = IsScalar(state.options.value_type);
  const bool is_none = state.options.value_type == MINKE_NONE;
  char stored[kScalarBytes + MINKE_READABLE_BEYOND];
  for (size_t i = 0; i < pairs.size(); ++i) {
    const minke_pair& pair = pairs[i];
    Bytes value;
    if (is_scalar) {
      StoreScalar(stored, state.options.value_type, pair);
      value = Bytes(stored, kScalarBytes);
    } else if (!is_none) {
      value = Bytes(pair.value.bytes, pair.value_size);
    }
    const size_t bytes = kSizesBytes + pair.key_size + value.size() + kUnit;
    if (state.used + bytes > state.room || (state.count + 1) * sizeof(Entry) > state.entries_room)
        [[unlikely]] {
      MINKE_TRY_STATUS(state.MakeRoom(bytes));
    }
    state.Put(pair, value, partitions[i]);
  }
  return {};
}

Result<std::shared_ptr<const SortedSegment>> Sorter::Finish(bool keep_in_memory) {
  State& state = *state_;
  if (keep_in_memory && state.runs.empty()) return state.Keep();
  auto segment = std::make_shared<RunSegment>();
  segment->seen.resize(state.options.partitions);
  MINKE_TRY_STATUS(state.PrepareRuns());
  NotingSink sink(MINKE_TRY(state.spill->Begin()), &segment->seen);
  segment->records_total = MINKE_TRY(state.WriteAll(&sink));
  segment->run = MINKE_TRY(state.spill->Seal());
  state.spilled_bytes += segment->run->stored_bytes();
  state.runs.clear();
  return std::shared_ptr<const SortedSegment>(std::move(segment));
}

Result<uint64_t> Sorter::FinishInto(RunSink* sink) {
  MINKE_TRY_STATUS(state_->PrepareRuns());
  return state_->WriteAll(sink);
}

uint64_t Sorter::spills() const { return state_->runs.size(); }

uint64_t Sorter::spilled_bytes() const { return state_->spilled_bytes; }

namespace {

// Neighbouring segments in memory, opened as one sorted stream.
class Gathering {
 public:
  Gathering(uint32_t partition, const SorterOptions& options, MemoryGrant* grant,
            SpillSpace* scratch)
      : partition_(partition), options_(options), grant_(grant), scratch_(scratch) {}

  void Add(std::shared_ptr<const SortedSegment> segment) {
    segments_.push_back(std::move(segment));
  }

  Status Open(std::vector<std::unique_ptr<RecordStream>>& streams) {
    if (segments_.empty()) return {};
    std::vector<const char*> arenas;
    size_t total = 0;
    for (const auto& segment : segments_) {
      const auto& memory = static_cast<const MemorySegment&>(*segment);
      arenas.push_back(memory.arena.data());
      total += memory.Of(partition_).size();
    }
    const ArenaKeys keys(std::move(arenas));
    // Entries and the buffer to sort them; more than the grant allows are sorted in pieces.
    const size_t piece_max = std::max<size_t>(1, grant_->limit_bytes() / (2 * sizeof(KeyEntry)));
    std::vector<KeyEntry> entries;
    entries.reserve(std::min(total, piece_max));
    for (size_t s = 0; s < segments_.size(); ++s) {
      for (const Entry& entry : static_cast<const MemorySegment&>(*segments_[s]).Of(partition_)) {
        if (entries.size() == piece_max) MINKE_TRY_STATUS(WritePiece(entries, keys));
        entries.push_back({entry.prefix, uint64_t{s} << kSegmentShift | entry.place});
      }
    }
    if (!runs_.empty()) {
      MINKE_TRY_STATUS(WritePiece(entries, keys));
      streams.push_back(
          MINKE_TRY(MergeRuns(std::exchange(runs_, {}), partition_, scratch_, options_.block,
                              {.sort_values = options_.sort_values})));
    } else {
      const size_t bytes = entries.size() * sizeof(KeyEntry);
      grant_->Take(bytes);
      SortEntries(entries, keys, options_.sort_values);
      streams.push_back(std::make_unique<SortedRecords>(std::move(entries), keys, segments_,
                                                        grant_->Split(bytes)));
    }
    segments_.clear();
    return {};
  }

 private:
  Status WritePiece(std::vector<KeyEntry>& entries, const ArenaKeys& keys) {
    std::vector<KeyEntry> piece;
    piece.swap(entries);
    entries.reserve(piece.size());
    SortEntries(piece, keys, options_.sort_values);
    SortedRecords records(std::move(piece), keys, {}, MemoryGrant());
    RunWriter writer(options_.block, MINKE_TRY(scratch_->Begin()));
    MINKE_TRY_STATUS(writer.AddAll(partition_, records));
    MINKE_TRY_STATUS(writer.Finish());
    runs_.push_back(MINKE_TRY(scratch_->Seal()));
    return {};
  }

  uint32_t partition_;
  const SorterOptions& options_;
  MemoryGrant* grant_;
  SpillSpace* scratch_;
  std::vector<std::shared_ptr<const SortedSegment>> segments_;
  std::vector<std::shared_ptr<const Run>> runs_;
};

}  // namespace

Result<std::unique_ptr<RecordStream>> OpenPartition(
    std::vector<std::shared_ptr<const SortedSegment>> segments, uint32_t partition,
    const SorterOptions& options, MemoryGrant* grant, SpillSpace* scratch) {
  std::vector<std::unique_ptr<RecordStream>> streams;
  Gathering gathering(partition, options, grant, scratch);
  for (auto& segment : segments) {
    if (!segment->has_partition(partition)) continue;
    const auto* run = dynamic_cast<const RunSegment*>(segment.get());
    if (run == nullptr) {
      gathering.Add(std::move(segment));
      continue;
    }
    MINKE_TRY_STATUS(gathering.Open(streams));
    streams.push_back(ReadRun(run->run, partition));
  }
  MINKE_TRY_STATUS(gathering.Open(streams));
  return Merge(std::move(streams), {.sort_values = options.sort_values});
}

}  // namespace minke
