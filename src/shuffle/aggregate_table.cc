#include "shuffle/aggregate_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "base/scalar.h"
#include "shuffle/fold_kernel.h"
#include "shuffle/key_sort.h"
#include "shuffle/merge.h"
#include "shuffle/state_stream.h"
#include "shuffle/state_table.h"

namespace minke {
namespace {

constexpr size_t kBatch = StateTable::kBatch;
constexpr size_t kEntryBytes =
    64;                        // what an entry takes beside its key, with its share of the index
constexpr size_t kAhead = 16;  // entries that are fetched ahead of their use

// An entry of an arena, wherever the arena now lives.
struct Layout {
  uint32_t state_bytes;
  uint32_t KeySize(const char* entry) const { return LoadLe<uint32_t>(entry + state_bytes); }
  const char* Key(const char* entry) const { return entry + state_bytes + sizeof(uint32_t); }
};

// States in memory, grouped by partition.
class MemorySegment final : public AggregateSegment {
 public:
  Arena arena;
  std::unique_ptr<StateHeap> heap;  // what states in the arena lead to, if they do
  MemoryGrant arena_grant;
  MemoryGrant places_grant;
  Layout layout{};
  std::vector<uint32_t> places;  // of entries, partition after partition
  std::vector<size_t> begins;    // of each partition in `places`, and the end
  uint64_t bytes_total = 0;

  uint64_t records() const override { return places.size(); }
  uint64_t bytes() const override { return bytes_total; }
  bool has_partition(uint32_t partition) const override {
    return begins[partition] < begins[partition + 1];
  }
  const char* entry(size_t index) const { return arena.data() + uint64_t{places[index]} * 8; }
};

// States in one run.
class RunSegment final : public AggregateSegment {
 public:
  std::shared_ptr<const Run> run;
  std::vector<bool> seen;
  uint64_t records_total = 0;

  uint64_t records() const override { return records_total; }
  uint64_t bytes() const override { return run == nullptr ? 0 : run->stored_bytes(); }
  bool has_partition(uint32_t partition) const override { return seen[partition]; }
};

class TableKeys final : public KeySource {
 public:
  explicit TableKeys(const StateTable* table) : table_(table) {}
  Bytes KeyAt(uint64_t place) const override {
    return table_->key_view(static_cast<uint32_t>(place));
  }
  void Prefetch(uint64_t place, size_t depth) const override {
    __builtin_prefetch(table_->key(static_cast<uint32_t>(place)) + depth);
  }

 private:
  const StateTable* table_;
};

}  // namespace

minke_type FinishedType(const minke_aggregate& aggregate, minke_type value_type) {
  switch (aggregate.kind) {
    case MINKE_AGGREGATE_COUNT:
      return MINKE_U64;
    case MINKE_AGGREGATE_CUSTOM:
      return aggregate.finished;
    default:
      return value_type;
  }
}

struct AggregateTable::State {
  State(const AggregateOptions& given, MemoryGrant* memory, SpillSpace* space)
      : options(given), grant(memory), spill(space) {
    auto made = FoldKernel::Make(options, grant);
    if (!made) {
      failure = std::move(made).error();
      return;
    }
    kernel = *std::move(made);
    table = std::make_unique<StateTable>(kernel->state_bytes(), kernel->initial(),
                                         KeyLookup(options.processor, options.hash_seed), grant);
    seen.resize(options.partitions);
  }

  AggregateOptions options;
  MemoryGrant* grant;
  SpillSpace* spill;
  Status failure;
  std::unique_ptr<FoldKernel> kernel;
  std::unique_ptr<StateTable> table;
  std::vector<std::shared_ptr<const Run>> runs;
  std::vector<bool> seen;  // partitions that any run holds
  uint64_t spilled_bytes = 0;

  // What of a pair or a record may go into the heap.
  size_t ValueBytes(const minke_pair& pair) const {
    return kernel->heap() == nullptr || IsScalar(options.value_type) ? 0 : pair.value_size;
  }
  size_t ValueBytes(const minke_record& record) const {
    return kernel->heap() == nullptr ? 0 : record.value_size;
  }
  template <typename Key>
  Result<size_t> MakeRoom(std::span<const Key> keys);
  template <typename Key, typename Take>
  Status InBatches(std::span<const Key> keys, Take take);
  Status TakeIn(std::span<const minke_record> states) {
    return InBatches(states, [this](std::span<const minke_record> batch) {
      return kernel->Merge(*table, batch);
    });
  }
  Result<std::vector<uint32_t>> PartitionEntries(std::vector<size_t>& counts) const;
  Result<std::vector<std::vector<KeyEntry>>> SortedPartitions() const;
  Status WriteTable(RunSink* sink);
  Status Spill();
  Bytes Stored(uint32_t place) const;
  Status PrepareRuns();
  Result<uint64_t> WriteAll(RunSink* sink);
  Result<std::shared_ptr<const AggregateSegment>> Keep();
  void SortEntries(std::vector<KeyEntry>& entries) const;
};

// Makes room for a stretch of `keys`, as long as it may be, and returns its length: all of them
// where the budget is ample, few where it is small or the keys, or values that go into a heap, are
// long.
template <typename Key>
Result<size_t> AggregateTable::State::MakeRoom(std::span<const Key> keys) {
  const size_t bytes_max = std::max<size_t>(grant->limit_bytes() / 64, 1);
  size_t count = keys.size();
  size_t bytes = count * kEntryBytes;
  for (const Key& key : keys) bytes += key.key_size;
  size_t heap_bytes = 0;
  if (kernel->heap() != nullptr) {
    for (const Key& key : keys) heap_bytes += ValueBytes(key);
  }
  if (bytes + heap_bytes > bytes_max) {
    count = bytes = heap_bytes = 0;
    do {
      bytes += keys[count].key_size + kEntryBytes;
      heap_bytes += ValueBytes(keys[count]);
      ++count;
    } while (count < keys.size() && bytes + heap_bytes < bytes_max);
  }
  if (!table->MakeRoom(count, bytes)) {
    MINKE_TRY_STATUS(Spill());
    MINKE_CHECK(table->MakeRoom(count, bytes));
  }
  return count;
}

// Calls take(sub-batch) over all of `keys`, with room made.
template <typename Key, typename Take>
Status AggregateTable::State::InBatches(std::span<const Key> keys, Take take) {
  while (!keys.empty()) {
    const size_t count = MINKE_TRY(MakeRoom(keys));
    for (size_t done = 0; done < count; done += kBatch) {
      MINKE_TRY_STATUS(take(keys.subspan(done, std::min(kBatch, count - done))));
    }
    keys = keys.subspan(count);
    const StateHeap* heap = kernel->heap();
    if (heap != nullptr && heap->is_over_budget()) MINKE_TRY_STATUS(Spill());
  }
  return {};
}

// The partition of each entry, in order of their places, and how many each partition has.
Result<std::vector<uint32_t>> AggregateTable::State::PartitionEntries(
    std::vector<size_t>& counts) const {
  std::vector<uint32_t> partitions(table->size());
  counts.assign(options.partitions + 1, 0);
  std::array<minke_pair, kBatch> keys{};
  size_t done = 0;
  for (uint32_t place = table->begin_place(); place < table->end_place();) {
    size_t count = 0;
    for (; count < kBatch && place < table->end_place(); ++count) {
      keys[count].key = table->key(place);
      keys[count].key_size = table->key_size(place);
      place = table->next_place(place);
    }
    const std::span<uint32_t> found(partitions.data() + done, count);
    if (options.partitioner != nullptr) {
      MINKE_TRY_STATUS(options.partitioner->Partition({keys.data(), count}, found));
    } else if (options.partitions > 1) {
      for (size_t i = 0; i < count; ++i) {
        found[i] = PartitionOf(Bytes(keys[i].key, keys[i].key_size), options.partitions);
      }
    }
    for (const uint32_t partition : found) ++counts[partition];
    done += count;
  }
  return partitions;
}

void AggregateTable::State::SortEntries(std::vector<KeyEntry>& entries) const {
  std::vector<KeyEntry> buffer(entries.size());
  SortKeys(entries, buffer, TableKeys(table.get()));
}

Status AggregateTable::State::WriteTable(RunSink* sink) {
  std::vector<size_t> counts;
  const auto partitions = MINKE_TRY(PartitionEntries(counts));
  std::vector<std::vector<KeyEntry>> parts(options.partitions);
  for (uint32_t p = 0; p < options.partitions; ++p) parts[p].reserve(counts[p]);
  size_t index = 0;
  for (uint32_t place = table->begin_place(); place < table->end_place();
       place = table->next_place(place)) {
    parts[partitions[index++]].push_back({KeyPrefix(table->key_view(place), 0), place});
  }
  RunWriter writer(options.block, sink);
  for (uint32_t p = 0; p < options.partitions; ++p) {
    if (parts[p].empty()) continue;
    SortEntries(parts[p]);
    for (const KeyEntry& entry : parts[p]) {
      const auto place = static_cast<uint32_t>(entry.place);
      MINKE_TRY_STATUS(writer.Add(p, table->key_view(place), Stored(place)));
    }
    std::vector<KeyEntry>().swap(parts[p]);
  }
  return writer.Finish();
}

Bytes AggregateTable::State::Stored(uint32_t place) const {
  minke_record record{nullptr, table->state(place), 0, table->state_bytes()};
  kernel->ToStored({&record, 1});
  return {record.value, record.value_size};
}

Status AggregateTable::State::Spill() {
  NotingSink sink(MINKE_TRY(spill->Begin()), &seen);
  MINKE_TRY_STATUS(WriteTable(&sink));
  runs.push_back(MINKE_TRY(spill->Seal()));
  spilled_bytes += runs.back()->stored_bytes();
  if (StateHeap* heap = kernel->heap(); heap != nullptr) {
    heap->Clear();
    table->Release();  // so that table and heap compete anew for what the grant gives
  } else {
    table->Clear();
  }
  return {};
}

// If anything was spilled: the rest too, and few enough runs for one merge. One run is written at a
// time, so this comes before the run of WriteAll begins.
Status AggregateTable::State::PrepareRuns() {
  if (runs.empty()) return {};
  if (!table->empty()) MINKE_TRY_STATUS(Spill());
  return MergeDown(runs, 0, options.partitions - 1, spill, options.block);
}

// Everything, merged, as one run.
Result<uint64_t> AggregateTable::State::WriteAll(RunSink* sink) {
  if (runs.empty()) {
    MINKE_TRY_STATUS(WriteTable(sink));
    return table->size();
  }
  RunWriter writer(options.block, sink);
  for (uint32_t p = 0; p < options.partitions; ++p) {
    if (!seen[p]) continue;
    const auto states =
        MergeStates(MINKE_TRY(MergeRuns(runs, p, spill, options.block)), kernel.get());
    for (;;) {
      const auto batch = MINKE_TRY(states->Next());
      if (batch.empty()) break;
      for (const minke_record& record : batch) {
        MINKE_TRY_STATUS(writer.Add(p, Bytes(record.key, record.key_size),
                                    Bytes(record.value, record.value_size)));
      }
    }
  }
  MINKE_TRY_STATUS(writer.Finish());
  return writer.records();
}

Result<std::shared_ptr<const AggregateSegment>> AggregateTable::State::Keep() {
  auto segment = std::make_shared<MemorySegment>();
  std::vector<size_t> counts;
  const auto partitions = MINKE_TRY(PartitionEntries(counts));
  segment->layout.state_bytes = table->state_bytes();
  segment->begins.assign(options.partitions + 1, 0);
  for (uint32_t p = 0; p < options.partitions; ++p) {
    segment->begins[p + 1] = segment->begins[p] + counts[p];
  }
  segment->places.resize(table->size());
  std::vector<size_t> next(segment->begins.begin(), segment->begins.end() - 1);
  size_t index = 0;
  for (uint32_t place = table->begin_place(); place < table->end_place();
       place = table->next_place(place)) {
    segment->places[next[partitions[index++]]++] = place;
  }
  segment->bytes_total = table->key_bytes() + table->size() * table->state_bytes();
  if (kernel->heap() != nullptr) {
    segment->heap = kernel->TakeHeap();
    segment->heap->LeaveGrant();
    segment->bytes_total += segment->heap->used_bytes();
  }
  const size_t places_bytes = segment->places.size() * sizeof(uint32_t);
  grant->Take(places_bytes);
  segment->places_grant = grant->Split(places_bytes);
  std::tie(segment->arena, segment->arena_grant) = table->TakeArena();
  return std::shared_ptr<const AggregateSegment>(std::move(segment));
}

AggregateTable::AggregateTable(const AggregateOptions& options, MemoryGrant* grant,
                               SpillSpace* spill)
    : state_(std::make_unique<State>(options, grant, spill)) {}

AggregateTable::~AggregateTable() = default;

Status AggregateTable::Fold(std::span<const minke_pair> pairs) {
  State& state = *state_;
  if (!state.failure) return state.failure;
  return state.InBatches(pairs, [&state](std::span<const minke_pair> batch) {
    return state.kernel->Fold(*state.table, batch);
  });
}

Status AggregateTable::FoldStates(RecordStream& states) {
  if (!state_->failure) return state_->failure;
  for (;;) {
    const auto batch = MINKE_TRY(states.Next());
    if (batch.empty()) return {};
    MINKE_TRY_STATUS(state_->TakeIn(batch));
  }
}

Status AggregateTable::FoldSegment(const AggregateSegment& segment, uint32_t partition) {
  if (!state_->failure) return state_->failure;
  if (!segment.has_partition(partition)) return {};
  if (const auto* run = dynamic_cast<const RunSegment*>(&segment); run != nullptr) {
    const auto states = ReadRun(run->run, partition);
    return FoldStates(*states);
  }
  const auto& memory = dynamic_cast<const MemorySegment&>(segment);
  const size_t end = memory.begins[partition + 1];
  std::array<minke_record, kBatch> batch;
  for (size_t i = memory.begins[partition]; i < end;) {
    size_t count = 0;
    for (; count < kBatch && i < end; ++count, ++i) {
      if (i + kAhead < end) __builtin_prefetch(memory.entry(i + kAhead));
      const char* entry = memory.entry(i);
      batch[count] = {memory.layout.Key(entry), entry, memory.layout.KeySize(entry),
                      memory.layout.state_bytes};
    }
    state_->kernel->ToStored({batch.data(), count});
    MINKE_TRY_STATUS(state_->TakeIn({batch.data(), count}));
  }
  return {};
}

Result<std::shared_ptr<const AggregateSegment>> AggregateTable::Finish(bool keep_in_memory) {
  if (!state_->failure) return std::move(state_->failure).error();
  if (keep_in_memory && state_->runs.empty()) return state_->Keep();
  auto segment = std::make_shared<RunSegment>();
  segment->seen.resize(state_->options.partitions);
  MINKE_TRY_STATUS(state_->PrepareRuns());
  if (state_->runs.size() == 1) {
    segment->run = state_->runs[0];
    segment->seen = state_->seen;
  } else {
    NotingSink sink(MINKE_TRY(state_->spill->Begin()), &segment->seen);
    segment->records_total = MINKE_TRY(state_->WriteAll(&sink));
    segment->run = MINKE_TRY(state_->spill->Seal());
    state_->spilled_bytes += segment->run->stored_bytes();
  }
  state_->runs.clear();
  state_->table.reset();
  return std::shared_ptr<const AggregateSegment>(std::move(segment));
}

Result<uint64_t> AggregateTable::FinishInto(RunSink* sink) {
  if (!state_->failure) return std::move(state_->failure).error();
  MINKE_TRY_STATUS(state_->PrepareRuns());
  const uint64_t records = MINKE_TRY(state_->WriteAll(sink));
  state_->table.reset();
  return records;
}

Result<std::unique_ptr<RecordStream>> AggregateTable::Sorted() {
  if (!state_->failure) return std::move(state_->failure).error();
  std::unique_ptr<RecordStream> states;
  const StateTable& table = *state_->table;
  if (state_->runs.empty()) {
    state_->table->Freeze();
    std::vector<KeyEntry> entries;
    entries.reserve(table.size());
    for (uint32_t place = table.begin_place(); place < table.end_place();
         place = table.next_place(place)) {
      entries.push_back({KeyPrefix(table.key_view(place), 0), place});
    }
    state_->SortEntries(entries);
    states = ReadStates(&table, std::move(entries), state_->kernel.get());
  } else {
    if (!table.empty()) MINKE_TRY_STATUS(state_->Spill());
    states =
        MergeStates(MINKE_TRY(MergeRuns(state_->runs, 0, state_->spill, state_->options.block)),
                    state_->kernel.get());
  }
  return FinishStates(std::move(states), state_->kernel.get());
}

uint64_t AggregateTable::spills() const { return state_->runs.size(); }

uint64_t AggregateTable::spilled_bytes() const { return state_->spilled_bytes; }

}  // namespace minke
