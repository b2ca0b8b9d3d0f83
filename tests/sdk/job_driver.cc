#include "job_driver.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <functional>

#include "base/scalar.h"
#include "shuffle/double_sum.h"

namespace minke::test {
namespace {

using Bytes = std::string_view;

// A copy on the heap with the readable bytes behind it, and nothing more.
struct Copy {
  explicit Copy(Bytes bytes) : size(bytes.size()), data(new char[size + MINKE_READABLE_BEYOND]) {
    std::copy(bytes.begin(), bytes.end(), data.get());
    std::fill_n(data.get() + size, MINKE_READABLE_BEYOND, 'x');
  }
  Bytes view() const { return {data.get(), size}; }
  size_t size;
  std::unique_ptr<char[]> data;
};

uint64_t LoadBe(Bytes bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<uint8_t>(bytes.at(i));
  return number;
}

std::string StoreBe(uint64_t number) {
  std::string bytes(8, '\0');
  for (size_t i = 0; i < 8; ++i) bytes[7 - i] = static_cast<char>(number >> 8 * i);
  return bytes;
}

double LoadF64(Bytes stored) { return F64FromOrdered(LoadBe(stored)); }

constexpr uint64_t kSign = uint64_t{1} << 63;

std::string Stored(minke_type type, const minke_pair& pair) {
  switch (type) {
    case MINKE_NONE:
      return {};
    case MINKE_I64:
      return StoreBe(static_cast<uint64_t>(pair.value.i64) ^ kSign);
    case MINKE_U64:
      return StoreBe(pair.value.u64);
    case MINKE_F64:
      return StoreBe(OrderedF64(pair.value.f64));
    default:
      return std::string(pair.value.bytes, pair.value_size);
  }
}

std::string Printed(minke_type type, const std::string& stored) {
  switch (type) {
    case MINKE_I64:
      return fmt::format("{}", static_cast<int64_t>(LoadBe(stored) ^ kSign));
    case MINKE_U64:
      return fmt::format("{}", LoadBe(stored));
    case MINKE_F64:
      return fmt::format("{}", LoadF64(stored));
    default:
      return stored;
  }
}

size_t SplitAt(Bytes separators, bool keeps_empty, size_t limit, const char* data, size_t size,
               minke_bytes* pieces, size_t capacity, size_t* consumed) {
  const Bytes text(data, size);
  size_t count = 0;
  size_t at = 0;
  while (at < size && count < std::min(limit, capacity)) {
    const size_t end = std::min(text.find_first_of(separators, at), size);
    size_t length = end - at;
    if (keeps_empty && end < size && length > 0 && data[end - 1] == '\r') --length;
    if (length > 0 || keeps_empty) pieces[count++] = {data + at, length};
    at = end + 1;
  }
  *consumed = std::min(at, size);
  return count;
}

struct Record {
  std::string key, value;  // stored
};

// An emitter over vectors; its buffers move at every hand-over.
struct Emitter : minke_emitter {
  Emitter(minke_type key, minke_type value, const DriverOptions& o) : minke_emitter{}, options(o) {
    struct_size = sizeof(minke_emitter);
    key_type = key;
    value_type = value;
    flush = [](minke_emitter* self) { static_cast<Emitter*>(self)->HandOver(0); };
    reserve = [](minke_emitter* self, size_t bytes) {
      static_cast<Emitter*>(self)->HandOver(bytes);
    };
    HandOver(0);
  }

  void HandOver(size_t bytes) {
    for (uint32_t i = 0; i < count; ++i) {
      if (partition != nullptr) partition(pairs[i]);
      records.push_back(
          {std::string(pairs[i].key, pairs[i].key_size), Stored(value_type, pairs[i])});
    }
    buffer = std::make_unique<minke_pair[]>(options.emitter_pairs);
    room = std::make_unique<char[]>(std::max(bytes, options.emitter_bytes) + MINKE_READABLE_BEYOND);
    pairs = buffer.get();
    count = 0;
    capacity = options.emitter_pairs;
    scratch = room.get();
    scratch_used = 0;
    scratch_capacity = std::max(bytes, options.emitter_bytes);
  }

  const DriverOptions& options;
  std::function<void(const minke_pair&)>
      partition;  // called while user code emits, as the engine does
  std::vector<Record> records;
  std::unique_ptr<minke_pair[]> buffer;
  std::unique_ptr<char[]> room;
};

// Sorted records as groups, at most refill_records at a time; earlier ones are freed.
struct Groups : minke_groups {
  Groups(const std::vector<Record>* sorted, const DriverOptions& o)
      : minke_groups{}, all(sorted), options(o) {
    struct_size = sizeof(minke_groups);
    refill = [](minke_groups* self) { return static_cast<Groups*>(self)->Refill() ? 1 : 0; };
  }

  bool Refill() {
    copies.clear();
    views.clear();
    starts.clear();
    const size_t end = std::min(all->size(), at + options.refill_records);
    for (; at < end; ++at) {
      const Record& record = (*all)[at];
      starts.push_back(at == 0 || (*all)[at - 1].key != record.key);
      const Bytes key = copies.emplace_back(record.key).view();
      const Bytes value = copies.emplace_back(record.value).view();
      views.push_back({key.data(), value.data(), static_cast<uint32_t>(key.size()),
                       static_cast<uint32_t>(value.size())});
    }
    records = views.data();
    first = starts.data();
    next = 0;
    count = views.size();
    return count > 0;
  }

  const std::vector<Record>* all;
  const DriverOptions& options;
  size_t at = 0;
  std::vector<Copy> copies;
  std::vector<minke_record> views;
  std::vector<uint8_t> starts;
};

// A state of an aggregate.
struct State {
  alignas(8) char fixed[64] = {};
  std::vector<char> bytes;
  minke_growing growing{};
};

class Run {
 public:
  Run(const minke_job& job, const DriverOptions& options) : job_(job), options_(options) {
    host_.struct_size = sizeof host_;
    host_.abi_version = MINKE_ABI_VERSION;
    host_.context = this;
    host_.cancelled = [](void*) { return 0; };
    host_.progress = [](void*) {};
    host_.log = [](void* self, int, const char* text, size_t size) {
      static_cast<Run*>(self)->result_.log.emplace_back(text, size);
    };
    host_.counter = [](void* self, const char* name, size_t size) {
      return &static_cast<Run*>(self)->result_.counters[std::string(name, size)];
    };
    host_.output = &Output;
    host_.file = [](void* self, const char* name, size_t size) {
      const std::string& path = static_cast<Run*>(self)->options_.file;
      return Bytes(name, size) == "side" && !path.empty() ? minke_bytes{path.data(), path.size()}
                                                          : minke_bytes{nullptr, 0};
    };
    pieces_ = options.pieces;
    host_.split_words = [](const char* data, size_t size, minke_bytes* words, size_t capacity,
                           size_t* consumed) {
      return SplitAt(" \t\n\v\f\r", false, pieces_, data, size, words, capacity, consumed);
    };
    host_.split_lines = [](const char* data, size_t size, minke_bytes* lines, size_t capacity,
                           size_t* consumed) {
      return SplitAt("\n", true, pieces_, data, size, lines, capacity, consumed);
    };
  }

  RunResult Do(const std::vector<Input>& inputs) {
    std::vector<Record> mapped;
    for (const Input& input : inputs) MapInput(input, mapped);
    if (job_.map_only != 0)
      Print(mapped);
    else
      Shuffle(std::move(mapped));
    return std::move(result_);
  }

 private:
  bool Failed(int code, const minke_error& error) {
    if (code != 0 && result_.error.empty()) result_.error = error.text;
    return !result_.error.empty();
  }

  void* Open() {
    minke_error error{};
    void* instance = job_.open(job_.user, &host_, &error);
    if (instance == nullptr) Failed(1, error);
    return instance;
  }

  // Each input is one map task, which emits behind what is there.
  void MapInput(const Input& input, std::vector<Record>& mapped) {
    void* instance = Open();
    if (instance == nullptr) return;
    Emitter emitter(job_.key, job_.value, options_);
    if (job_.partition != nullptr) {
      emitter.partition = [&](const minke_pair& pair) {
        PartitionOf(instance, std::string(pair.key, pair.key_size), options_.partitions);
      };
    }
    const Bytes text = input.content;
    for (size_t at = 0; at < text.size() && result_.error.empty();) {
      size_t end = text.size();
      if (job_.input_kind == MINKE_FIXED) {
        const size_t records = std::max<size_t>(options_.batch_bytes / job_.record_size, 1);
        end = std::min(end, at + records * job_.record_size);
      } else if (const size_t feed = text.find('\n', at + options_.batch_bytes - 1);
                 feed != text.npos) {
        end = feed + 1;
      }
      MapBatch(instance, input, at, text.substr(at, end - at), emitter);
      at = end;
    }
    minke_error error{};
    if (result_.error.empty() && job_.map_end != nullptr) {
      Failed(job_.map_end(instance, &emitter, &error), error);
    }
    emitter.HandOver(0);
    job_.close(instance);
    mapped.insert(mapped.end(), emitter.records.begin(), emitter.records.end());
    TakeSideOutputs();
  }

  void MapBatch(void* instance, const Input& input, size_t offset, Bytes text, Emitter& emitter) {
    const Copy copy(text);
    minke_batch batch{};
    batch.struct_size = sizeof batch;
    batch.kind = job_.input_kind;
    batch.record_size = job_.record_size;
    batch.key_size = job_.record_key_size;
    batch.data = copy.view().data();
    batch.size = copy.size;
    batch.offset = offset;
    batch.path = {input.path.data(), input.path.size()};
    batch.tag = {input.tag.data(), input.tag.size()};
    const std::vector<minke_record> records = RecordsIn(copy.view());
    batch.records = records.data();
    batch.record_count = records.size();
    emitter.window = batch.data;
    emitter.window_size = batch.size;
    minke_error error{};
    Failed(job_.map(instance, &batch, &emitter, &error), error);
    emitter.HandOver(0);  // views into the batch end here
    emitter.window = nullptr;
    emitter.window_size = 0;
  }

  // Of a job that reads records: each line is a stored key, a TAB and a stored value.
  std::vector<minke_record> RecordsIn(Bytes text) const {
    std::vector<minke_record> records;
    while (job_.input_kind == MINKE_RECORDS && !text.empty()) {
      const Bytes line = text.substr(0, text.find('\n'));
      const size_t tab = line.find('\t');
      records.push_back({line.data(), line.data() + tab + 1, static_cast<uint32_t>(tab),
                         static_cast<uint32_t>(line.size() - tab - 1)});
      text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return records;
  }

  void Shuffle(std::vector<Record> mapped) {
    void* instance = Open();
    if (instance == nullptr) return;
    std::vector<std::vector<Record>> partitions(job_.partitions != 0 ? job_.partitions
                                                                     : options_.partitions);
    for (Record& record : mapped) {
      const uint32_t p =
          PartitionOf(instance, record.key, static_cast<uint32_t>(partitions.size()));
      if (p >= partitions.size()) return void(Failed(1, {"a partition out of range"}));
      partitions[p].push_back(std::move(record));
    }
    job_.close(instance);
    for (std::vector<Record>& records : partitions) Reduce(std::move(records));
  }

  uint32_t PartitionOf(void* instance, const std::string& key, uint32_t partitions) {
    if (job_.partitioner == MINKE_PARTITION_RANGE) {
      return static_cast<uint32_t>(key.empty() ? 0 : static_cast<uint8_t>(key[0])) * partitions /
             256;
    }
    if (job_.partitioner != MINKE_PARTITION_CUSTOM) {
      return static_cast<uint32_t>(std::hash<std::string>()(key) % partitions);
    }
    const Copy copy(key);
    minke_pair pair{};
    pair.key = copy.view().data();
    pair.key_size = static_cast<uint32_t>(copy.size);
    uint32_t partition = partitions;
    minke_error error{};
    Failed(job_.partition(instance, &pair, 1, partitions, &partition, &error), error);
    return partition;
  }

  void Reduce(std::vector<Record> records) {
    std::stable_sort(records.begin(), records.end(), [&](const Record& a, const Record& b) {
      return a.key != b.key ? a.key < b.key : job_.sort_values != 0 && a.value < b.value;
    });
    void* instance = Open();
    if (instance == nullptr) return;
    if (job_.combine != nullptr) {
      records = ReduceWith(job_.combine, instance, job_.key, job_.value, records, nullptr);
    }
    if (job_.aggregate != nullptr) records = Aggregate(instance, records);
    if (job_.reduce != nullptr) {
      records = ReduceWith(job_.reduce, instance, job_.output_key, job_.output_value, records,
                           job_.reduce_end);
    }
    job_.close(instance);
    Print(records);
    TakeSideOutputs();
  }

  using GroupFunction = int (*)(void*, minke_groups*, minke_emitter*, minke_error*);
  using EndFunction = int (*)(void*, minke_emitter*, minke_error*);

  std::vector<Record> ReduceWith(GroupFunction function, void* instance, minke_type key,
                                 minke_type value, const std::vector<Record>& records,
                                 EndFunction end) {
    Emitter emitter(key, value, options_);
    Groups groups(&records, options_);
    minke_error error{};
    if (!Failed(function(instance, &groups, &emitter, &error), error) && end != nullptr) {
      Failed(end(instance, &emitter, &error), error);
    }
    emitter.HandOver(0);
    return std::move(emitter.records);
  }

  std::vector<Record> Aggregate(void* instance, const std::vector<Record>& records) {
    std::vector<Record> finished;
    for (size_t begin = 0; begin < records.size();) {
      size_t end = begin + 1;
      while (end < records.size() && records[end].key == records[begin].key) ++end;
      // Two states, merged, whatever the kind.
      const size_t middle = begin + (end - begin) / 2;
      finished.push_back(
          {records[begin].key, FoldAndFinish(instance, records, begin, middle, end)});
      begin = end;
    }
    return finished;
  }

  std::string FoldAndFinish(void* instance, const std::vector<Record>& records, size_t begin,
                            size_t middle, size_t end) {
    const uint32_t kind = job_.aggregate->kind;
    if (kind == MINKE_AGGREGATE_CUSTOM) return Custom(instance, records, begin, middle, end);
    if (kind == MINKE_AGGREGATE_COUNT) return StoreBe(end - begin);
    if (kind == MINKE_AGGREGATE_SUM && job_.value == MINKE_F64) {
      return ExactSum(records, begin, end);
    }
    std::string best = records[begin].value;
    for (size_t i = begin + 1; i < end; ++i) {
      const std::string& value = records[i].value;
      if (kind == MINKE_AGGREGATE_MIN) best = std::min(best, value);
      if (kind == MINKE_AGGREGATE_MAX) best = std::max(best, value);
      if (kind == MINKE_AGGREGATE_SUM) best = Added(best, value);
    }
    return best;
  }

  std::string Added(const std::string& a, const std::string& b) const {
    return StoreBe(LoadBe(a) + (LoadBe(b) ^ (job_.value == MINKE_I64 ? kSign : 0)));
  }

  static std::string ExactSum(const std::vector<Record>& records, size_t begin, size_t end) {
    FullSum sum = FullSum::Zero();
    for (size_t i = begin; i < end; ++i) sum.Add(LoadF64(records[i].value));
    return StoreBe(OrderedF64(Rounded(sum)));
  }

  std::string Custom(void* instance, const std::vector<Record>& records, size_t begin,
                     size_t middle, size_t end) {
    State states[2];
    for (State& state : states) Prepare(state);
    minke_error error{};
    for (size_t i = begin; i < end; ++i) {
      void* state = At(states[i < middle ? 1 : 0]);
      const Copy copy(records[i].value);
      minke_pair pair{};
      ToPair(copy.view(), pair);
      Failed(job_.aggregate->fold(instance, &state, &pair, 1, &error), error);
    }
    void* into = At(states[0]);
    const void* from = At(states[1]);
    if (middle > begin) Failed(job_.aggregate->merge(instance, &into, &from, 1, &error), error);
    minke_pair value{};
    const void* state = into;
    if (Failed(job_.aggregate->finish(instance, &state, &value, 1, &error), error)) return {};
    return Stored(job_.aggregate->finished, value);
  }

  void ToPair(Bytes stored, minke_pair& pair) const {
    switch (job_.value) {
      case MINKE_NONE:
        break;
      case MINKE_I64:
        pair.value.u64 = LoadBe(stored) ^ kSign;
        break;
      case MINKE_U64:
        pair.value.u64 = LoadBe(stored);
        break;
      case MINKE_F64:
        pair.value.f64 = LoadF64(stored);
        break;
      default:
        pair.value.bytes = stored.data();
        pair.value_size = static_cast<uint32_t>(stored.size());
    }
  }

  void Prepare(State& state) const {
    if (job_.aggregate->state_size != 0) {
      std::memcpy(state.fixed, job_.aggregate->initial, job_.aggregate->state_size);
    }
    state.growing.context = &state;
    state.growing.grow = [](minke_growing* self, uint32_t bytes) {
      auto* owner = static_cast<State*>(self->context);
      std::vector<char> moved(bytes);
      std::copy(owner->bytes.begin(), owner->bytes.end(), moved.begin());
      owner->bytes = std::move(moved);
      self->data = owner->bytes.data();
      self->capacity = bytes;
    };
  }

  void* At(State& state) const {
    return job_.aggregate->state_size == 0 ? static_cast<void*>(&state.growing) : state.fixed;
  }

  void Print(const std::vector<Record>& records) {
    for (const Record& record : records) {
      if (job_.raw_output != 0) result_.raw += record.value;
      result_.lines.push_back(LineOf(record, job_.output_key, job_.output_value));
    }
  }

  static std::string LineOf(const Record& record, minke_type key, minke_type value) {
    const std::string left = Printed(key, record.key);
    const std::string right = Printed(value, record.value);
    return left.empty() || right.empty() ? left + right : left + "\t" + right;
  }

  static minke_emitter* Output(void* context, const char* name, size_t size) {
    auto* self = static_cast<Run*>(context);
    const std::string wanted(name, size);
    for (size_t i = 0; i < self->job_.output_count; ++i) {
      const minke_output& output = self->job_.outputs[i];
      if (wanted != output.name) continue;
      auto& emitter = self->outputs_[wanted];
      if (emitter == nullptr) {
        emitter = std::make_unique<Emitter>(output.key, output.value, self->options_);
      }
      return emitter.get();
    }
    return nullptr;
  }

  void TakeSideOutputs() {
    for (auto& [name, emitter] : outputs_) {
      emitter->HandOver(0);
      for (const Record& record : emitter->records) {
        result_.side[name].push_back(LineOf(record, emitter->key_type, emitter->value_type));
      }
    }
    outputs_.clear();
  }

  static inline size_t pieces_ = 0;

  const minke_job& job_;
  const DriverOptions& options_;
  minke_host host_{};
  std::map<std::string, std::unique_ptr<Emitter>> outputs_;
  RunResult result_;
};

}  // namespace

RunResult RunJob(const minke_job& job, const std::vector<Input>& inputs,
                 const DriverOptions& options) {
  return Run(job, options).Do(inputs);
}

}  // namespace minke::test
