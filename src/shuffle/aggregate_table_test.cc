#include "shuffle/aggregate_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/scalar.h"
#include "shuffle/memory_spill_test.h"

namespace minke {
namespace {

struct Case {
  size_t budget;
  size_t block_bytes;
  uint32_t partitions;
  bool keep;
};

std::string Stored(uint64_t bits) {
  std::string bytes(8, '\0');
  StoreBe64(bytes.data(), bits);
  return bytes;
}

AggregateOptions OptionsOf(uint32_t kind, minke_type value, const Case& tried) {
  AggregateOptions options;
  options.aggregate.kind = kind;
  options.value_type = value;
  options.partitions = tried.partitions;
  options.block.target_bytes = tried.block_bytes;
  options.block.cap_bytes = 2 * tried.block_bytes;
  // Every processor's hash is tried; a table that reads what another made has its own.
  if (tried.partitions % 2 == 0) options.processor = Processor::kX86V2;
  options.hash_seed = tried.budget;
  return options;
}

// ---- users' aggregates ----

struct MeanState {
  int64_t sum;
  uint64_t count;
};

int FoldMean(void*, void* const* states, const minke_pair* pairs, size_t count, minke_error*) {
  for (size_t i = 0; i < count; ++i) {
    auto* state = static_cast<MeanState*>(states[i]);
    state->sum += pairs[i].value.i64;
    ++state->count;
  }
  return 0;
}

int MergeMean(void*, void* const* into, const void* const* from, size_t count, minke_error*) {
  for (size_t i = 0; i < count; ++i) {
    const auto* other = static_cast<const MeanState*>(from[i]);
    static_cast<MeanState*>(into[i])->sum += other->sum;
    static_cast<MeanState*>(into[i])->count += other->count;
  }
  return 0;
}

int FinishMean(void*, const void* const* states, minke_pair* values, size_t count, minke_error*) {
  for (size_t i = 0; i < count; ++i) {
    const auto* state = static_cast<const MeanState*>(states[i]);
    values[i].value.f64 = static_cast<double>(state->sum) / static_cast<double>(state->count);
  }
  return 0;
}

void UseMean(AggregateOptions& options) {
  static const MeanState initial{};
  options.aggregate.state_size = sizeof(MeanState);
  options.aggregate.initial = &initial;
  options.aggregate.fold = FoldMean;
  options.aggregate.merge = MergeMean;
  options.aggregate.finish = FinishMean;
  options.aggregate.finished = MINKE_F64;
}

// Counts bytes by their value, in a state as long as the largest one asks for.
void Resize(minke_growing* state, uint32_t size) {
  if (size <= state->size) return;
  state->grow(state, size);
  std::fill(state->data + state->size, state->data + size, '\0');
  state->size = size;
}

int FoldHistogram(void*, void* const* states, const minke_pair* pairs, size_t count, minke_error*) {
  for (size_t i = 0; i < count; ++i) {
    auto* state = static_cast<minke_growing*>(states[i]);
    for (uint32_t at = 0; at < pairs[i].value_size; ++at) {
      const auto value = static_cast<uint8_t>(pairs[i].value.bytes[at]);
      Resize(state, value + 1U);
      ++state->data[value];
    }
  }
  return 0;
}

int MergeHistogram(void*, void* const* into, const void* const* from, size_t count, minke_error*) {
  for (size_t i = 0; i < count; ++i) {
    auto* state = static_cast<minke_growing*>(into[i]);
    const auto* other = static_cast<const minke_growing*>(from[i]);
    Resize(state, other->size);
    for (uint32_t at = 0; at < other->size; ++at) {
      state->data[at] = static_cast<char>(state->data[at] + other->data[at]);
    }
  }
  return 0;
}

int FinishAsItIs(void*, const void* const* states, minke_pair* values, size_t count, minke_error*) {
  for (size_t i = 0; i < count; ++i) {
    const auto* state = static_cast<const minke_growing*>(states[i]);
    values[i].value.bytes = state->data;
    values[i].value_size = state->size;
  }
  return 0;
}

void UseHistogram(AggregateOptions& options) {
  options.aggregate.fold = FoldHistogram;
  options.aggregate.merge = MergeHistogram;
  options.aggregate.finish = FinishAsItIs;
  options.aggregate.finished = MINKE_BYTES;
}

// ---- every kind against a model ----

using Values = std::vector<std::string>;  // in stored form

struct Kind {
  const char* name;
  uint32_t kind;
  minke_type type;
  std::string (*random_value)(std::mt19937&);
  std::string (*expected)(const Values&);
  void (*use)(AggregateOptions&) = nullptr;
};

std::string NoValue(std::mt19937&) { return {}; }
std::string AnyNumber(std::mt19937& random) {
  return Stored(random() % 8 == 0 ? uint64_t{random()} << 32 | random()
                                  : OrderedI64(static_cast<int64_t>(random() % 9) - 4));
}
std::string SmallNumber(std::mt19937& random) {
  return Stored(uint64_t{random()} << (random() % 9));
}
std::string SignedNumber(std::mt19937& random) {
  const int64_t number = static_cast<int64_t>(random()) << (random() % 20);
  return Stored(OrderedI64(random() % 2 == 0 ? number : -number));
}
std::string AnyBytes(std::mt19937& random) {
  std::string bytes = RandomKey(random);
  if (random() % 50 == 0) bytes.append(random() % 700, 'q');
  return bytes;
}
// Multiples of 2^-20 under 2^42, and now and then a number that is far away from them.
constexpr double kFarAbove = 0x1p997;
constexpr double kFarBelow = 0x1p-997;
std::string AnyDouble(std::mt19937& random) {
  double value = std::ldexp(random(), static_cast<int>(random() % 30) - 20);
  if (random() % 20 == 0) value = random() % 2 == 0 ? kFarAbove : kFarBelow;
  return Stored(OrderedF64(random() % 2 == 0 ? value : -value));
}

std::string CountOf(const Values& values) { return Stored(values.size()); }
std::string SmallestOf(const Values& values) {
  return *std::min_element(values.begin(), values.end());
}
std::string LargestOf(const Values& values) {
  return *std::max_element(values.begin(), values.end());
}
std::string SumOfU64(const Values& values) {
  uint64_t sum = 0;
  for (const std::string& value : values) sum += LoadBe64(value.data());
  return Stored(sum);
}
int64_t SignedSum(const Values& values) {
  int64_t sum = 0;
  for (const std::string& value : values) sum += I64FromOrdered(LoadBe64(value.data()));
  return sum;
}
std::string SumOfI64(const Values& values) { return Stored(OrderedI64(SignedSum(values))); }
// In integers, rounded once.
std::string SumOfF64(const Values& values) {
  __int128 near = 0;  // in units of 2^-20
  int above = 0;
  int below = 0;
  for (const std::string& stored : values) {
    const double value = F64FromOrdered(LoadBe64(stored.data()));
    if (std::fabs(value) == kFarAbove) {
      above += value > 0 ? 1 : -1;
    } else if (std::fabs(value) == kFarBelow) {
      below += value > 0 ? 1 : -1;
    } else {
      near += static_cast<__int128>(std::ldexp(value, 20));
    }
  }
  // What is far below decides what would be half-way, but nothing else.
  const __int128 decided = (near << 40) + (below > 0 ? 1 : 0) - (below < 0 ? 1 : 0);
  double sum = std::ldexp(static_cast<double>(decided), -60);
  if (near == 0) sum = below * kFarBelow;
  if (above != 0) sum = above * kFarAbove;
  return Stored(OrderedF64(sum));
}
std::string MeanOf(const Values& values) {
  return Stored(
      OrderedF64(static_cast<double>(SignedSum(values)) / static_cast<double>(values.size())));
}
std::string HistogramOf(const Values& values) {
  std::string counts;
  for (const std::string& value : values) {
    for (const char c : value) {
      const auto at = static_cast<uint8_t>(c);
      if (counts.size() <= at) counts.resize(at + 1U);
      ++counts[at];
    }
  }
  return counts;
}

// As an emitter hands them over.
std::vector<minke_pair> AsType(minke_type type, std::vector<minke_pair> pairs) {
  for (minke_pair& pair : pairs) {
    if (!IsScalar(type)) continue;
    const uint64_t bits = LoadBe64(pair.value.bytes);
    pair.value_size = 0xdead;  // has no meaning
    if (type == MINKE_I64) pair.value.i64 = I64FromOrdered(bits);
    if (type == MINKE_U64) pair.value.u64 = bits;
    if (type == MINKE_F64) pair.value.f64 = F64FromOrdered(bits);
  }
  return pairs;
}

// What a map task leaves: a segment, or a run as the store keeps it.
struct Left {
  std::shared_ptr<const AggregateSegment> segment;
  std::shared_ptr<const Run> run;
};

class EveryKind : public testing::TestWithParam<std::tuple<Kind, Case>> {
 protected:
  AggregateOptions Options() const {
    const auto& [kind, tried] = GetParam();
    AggregateOptions options = OptionsOf(kind.kind, kind.type, tried);
    if (kind.use != nullptr) kind.use(options);
    return options;
  }

  void MapOnce(std::mt19937& random, std::map<std::string, Values>& model) {
    const auto& [kind, tried] = GetParam();
    MemoryGrant grant(&accountant_, tried.budget);
    AggregateTable table(Options(), &grant, &spill_);
    for (int round = 0; round < 10; ++round) {
      PairBatch batch;
      for (int i = 0; i < 100; ++i) {
        std::string key = RandomKey(random);
        std::string value = kind.random_value(random);
        model[key].push_back(value);
        batch.Add(std::move(key), std::move(value));
      }
      ASSERT_TRUE(table.Fold(AsType(kind.type, batch.pairs())));
    }
    Left left;
    if (random() % 3 == 0) {
      ASSERT_TRUE(table.FinishInto(*store_.Begin()));
      left.run = *store_.Seal();
    } else {
      auto segment = table.Finish(tried.keep && random() % 2 == 0);
      ASSERT_TRUE(segment) << segment.error().text;
      left.segment = *segment;
    }
    left_.push_back(std::move(left));
  }

  Pairs Reduced(uint32_t partition) {
    const auto& [kind, tried] = GetParam();
    MemoryGrant grant(&accountant_, tried.budget);
    AggregateOptions options = Options();
    options.partitions = 1;
    if (!tried.keep) options.processor = Processor::kX86V2;
    AggregateTable table(options, &grant, &spill_);
    for (const Left& left : left_) {
      if (left.run != nullptr) {
        EXPECT_TRUE(table.FoldStates(*ReadRun(left.run, partition)));
      } else {
        EXPECT_TRUE(table.FoldSegment(*left.segment, partition));
      }
    }
    auto stream = table.Sorted();
    return stream ? ReadAll(**stream) : Pairs{{"error", stream.error().text}};
  }

  MemoryAccountant accountant_{1 << 30};
  MemorySpill spill_;
  MemorySpill store_;
  std::vector<Left> left_;
};

TEST_P(EveryKind, EqualsItsModelInAnyOrderOfTheMapTasks) {
  const auto& [kind, tried] = GetParam();
  std::mt19937 random(5);
  std::map<std::string, Values> model;
  for (int task = 0; task < 8; ++task) ASSERT_NO_FATAL_FAILURE(MapOnce(random, model));
  Pairs expected;
  for (const auto& [key, values] : model) expected.emplace_back(key, kind.expected(values));
  for (int order = 0; order < 3; ++order) {
    std::shuffle(left_.begin(), left_.end(), random);
    Pairs found;
    for (uint32_t partition = 0; partition < tried.partitions; ++partition) {
      const Pairs part = Reduced(partition);
      EXPECT_TRUE(std::is_sorted(part.begin(), part.end()));
      for (const auto& [key, value] : part) {
        EXPECT_EQ(PartitionOf(key, tried.partitions), partition);
        found.emplace_back(key, value);
      }
    }
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found, expected);
  }
  left_.clear();
  EXPECT_EQ(accountant_.reserved_bytes(), 0U);
}

std::string NameOf(const testing::TestParamInfo<std::tuple<Kind, Case>>& parameters) {
  const auto& [kind, tried] = parameters.param;
  return std::string(kind.name) + "In" + std::to_string(tried.budget) + "BytesTo" +
         std::to_string(tried.partitions) + "Partitions" + (tried.keep ? "Kept" : "") + "Blocks" +
         std::to_string(tried.block_bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Budgets, EveryKind,
    testing::Combine(
        testing::Values(Kind{"Count", MINKE_AGGREGATE_COUNT, MINKE_NONE, NoValue, CountOf},
                        Kind{"SumI64", MINKE_AGGREGATE_SUM, MINKE_I64, SignedNumber, SumOfI64},
                        Kind{"SumU64", MINKE_AGGREGATE_SUM, MINKE_U64, SmallNumber, SumOfU64},
                        Kind{"SumF64", MINKE_AGGREGATE_SUM, MINKE_F64, AnyDouble, SumOfF64},
                        Kind{"MinI64", MINKE_AGGREGATE_MIN, MINKE_I64, AnyNumber, SmallestOf},
                        Kind{"MinU64", MINKE_AGGREGATE_MIN, MINKE_U64, AnyNumber, SmallestOf},
                        Kind{"MinF64", MINKE_AGGREGATE_MIN, MINKE_F64, AnyNumber, SmallestOf},
                        Kind{"MinBytes", MINKE_AGGREGATE_MIN, MINKE_BYTES, AnyBytes, SmallestOf},
                        Kind{"MaxI64", MINKE_AGGREGATE_MAX, MINKE_I64, AnyNumber, LargestOf},
                        Kind{"MaxU64", MINKE_AGGREGATE_MAX, MINKE_U64, AnyNumber, LargestOf},
                        Kind{"MaxF64", MINKE_AGGREGATE_MAX, MINKE_F64, AnyNumber, LargestOf},
                        Kind{"MaxTuple", MINKE_AGGREGATE_MAX, MINKE_BYTES | MINKE_U64 << 4,
                             AnyBytes, LargestOf},
                        Kind{"UsersFixed", MINKE_AGGREGATE_CUSTOM, MINKE_I64, SignedNumber, MeanOf,
                             UseMean},
                        Kind{"UsersGrowing", MINKE_AGGREGATE_CUSTOM, MINKE_BYTES, AnyBytes,
                             HistogramOf, UseHistogram}),
        testing::Values(Case{1 << 26, 1 << 16, 1, true}, Case{1 << 26, 1 << 16, 7, true},
                        Case{1 << 26, 64, 5, false}, Case{8192, 64, 3, true},
                        Case{4096, 64, 1, false}, Case{64, 64, 2, true})),
    NameOf);

// Folds `values` for one key in a table of its own and gives the finished value.
template <typename Set>
Result<std::string> Folded(uint32_t kind, minke_type type, size_t count, Set set) {
  MemoryAccountant accountant(1 << 24);
  MemorySpill spill;
  MemoryGrant grant(&accountant, 1 << 24);
  AggregateTable table(OptionsOf(kind, type, {1 << 24, 1 << 16, 1, true}), &grant, &spill);
  PairBatch batch;
  for (size_t i = 0; i < count; ++i) batch.Add("key", "");
  std::vector<minke_pair> pairs = batch.pairs();
  for (size_t i = 0; i < count; ++i) set(pairs[i], i);
  MINKE_TRY_STATUS(table.Fold(pairs));
  const auto stream = MINKE_TRY(table.Sorted());
  const auto records = MINKE_TRY(stream->Next());
  return std::string(records[0].value, records[0].value_size);
}

TEST(AggregateTable, SumsMinimaAndMaximaOfEveryScalar) {
  const int64_t ints[] = {5, -7, 12, 0};
  const auto set_int = [&](minke_pair& pair, size_t i) { pair.value.i64 = ints[i]; };
  EXPECT_EQ(*Folded(MINKE_AGGREGATE_SUM, MINKE_I64, 4, set_int), Stored(OrderedI64(10)));
  EXPECT_EQ(*Folded(MINKE_AGGREGATE_MIN, MINKE_I64, 4, set_int), Stored(OrderedI64(-7)));
  EXPECT_EQ(*Folded(MINKE_AGGREGATE_MAX, MINKE_I64, 4, set_int), Stored(OrderedI64(12)));
  const double doubles[] = {1.5, -2.25, 0.0};
  const auto set_double = [&](minke_pair& pair, size_t i) { pair.value.f64 = doubles[i]; };
  EXPECT_EQ(*Folded(MINKE_AGGREGATE_MIN, MINKE_F64, 3, set_double), Stored(OrderedF64(-2.25)));
  EXPECT_EQ(*Folded(MINKE_AGGREGATE_MAX, MINKE_F64, 3, set_double), Stored(OrderedF64(1.5)));
}

TEST(AggregateTable, ASumThatFitsIsRightThoughItsPartsDoNot) {
  const int64_t ints[] = {INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, 3};
  const auto sum = Folded(MINKE_AGGREGATE_SUM, MINKE_I64, 5,
                          [&](minke_pair& pair, size_t i) { pair.value.i64 = ints[i]; });
  ASSERT_TRUE(sum);
  EXPECT_EQ(*sum, Stored(OrderedI64(1)));
}

// Sums that need more than 64 bits on their way: in memory, in runs, and handed on by a map task.
TEST(AggregateTable, WideSumsAreSpilledHandedOnAndMerged) {
  constexpr int64_t kParts[] = {INT64_MAX, INT64_MAX, INT64_MIN, INT64_MIN, INT64_MAX / 4, 41};
  constexpr int kKeys = 300;
  for (const size_t budget : {size_t{1} << 13, size_t{1} << 22}) {
    MemoryAccountant accountant(1 << 24);
    MemorySpill spill;
    const AggregateOptions options =
        OptionsOf(MINKE_AGGREGATE_SUM, MINKE_I64, {budget, 1 << 12, 1, true});
    std::vector<std::shared_ptr<const AggregateSegment>> segments;
    for (const bool keep : {true, false}) {
      MemoryGrant grant(&accountant, budget);
      AggregateTable table(options, &grant, &spill);
      for (const int64_t part : kParts) {
        PairBatch batch;
        for (int i = 0; i < kKeys; ++i) batch.Add(std::to_string(i), "");
        std::vector<minke_pair> pairs = batch.pairs();
        for (int i = 0; i < kKeys; ++i) pairs[i].value.i64 = part == 41 ? i : part;
        ASSERT_TRUE(table.Fold(pairs));
      }
      EXPECT_EQ(table.spills() > 0, budget == 1 << 13);
      auto segment = table.Finish(keep);
      ASSERT_TRUE(segment) << segment.error().text;
      segments.push_back(*segment);
    }
    MemoryGrant grant(&accountant, budget);
    AggregateTable table(options, &grant, &spill);
    for (const auto& segment : segments) ASSERT_TRUE(table.FoldSegment(*segment, 0));
    auto stream = table.Sorted();
    ASSERT_TRUE(stream) << stream.error().text;
    const Pairs sums = ReadAll(**stream);
    ASSERT_EQ(sums.size(), kKeys);
    for (const auto& [key, sum] : sums) {
      EXPECT_EQ(I64FromOrdered(LoadBe64(sum.data())), 2 * (INT64_MAX / 4 - 2 + std::stoll(key)))
          << key;
    }
  }
}

TEST(AggregateTable, ASumThatDoesNotFitNamesItsKey) {
  const auto sum = Folded(MINKE_AGGREGATE_SUM, MINKE_U64, 2,
                          [](minke_pair& pair, size_t) { pair.value.u64 = UINT64_MAX; });
  ASSERT_FALSE(sum);
  EXPECT_NE(sum.error().text.find("'key'"), std::string::npos);
}

TEST(AggregateTable, KeysOfAMegabyteAndKeysThatDifferLateAreApart) {
  MemoryAccountant accountant(1 << 28);
  MemorySpill spill;
  MemoryGrant grant(&accountant, 1 << 14);
  AggregateTable table(OptionsOf(MINKE_AGGREGATE_COUNT, MINKE_NONE, {0, 1 << 16, 1, true}), &grant,
                       &spill);
  const std::string base(1 << 20, 'k');
  PairBatch batch;
  for (const char* tail : {"", "a", "b", "a", ""}) batch.Add(base + tail, "");
  ASSERT_TRUE(table.Fold(batch.pairs()));
  auto stream = table.Sorted();
  ASSERT_TRUE(stream) << stream.error().text;
  EXPECT_EQ(ReadAll(**stream),
            (Pairs{{base, Stored(2)}, {base + "a", Stored(2)}, {base + "b", Stored(1)}}));
}

TEST(AggregateTable, AnEmptyValueIsTheSmallestAndStillAValue) {
  const std::string texts[] = {"b", "", "a"};
  const auto set = [&](minke_pair& pair, size_t i) {
    pair.value.bytes = texts[i].data();
    pair.value_size = static_cast<uint32_t>(texts[i].size());
  };
  EXPECT_EQ(*Folded(MINKE_AGGREGATE_MIN, MINKE_BYTES, 3, set), "");
  EXPECT_EQ(*Folded(MINKE_AGGREGATE_MAX, MINKE_BYTES, 3, set), "b");
  EXPECT_EQ(*Folded(MINKE_AGGREGATE_MIN, MINKE_BYTES, 1, set), "b");
}

// The order of stored doubles is total: -NaN, -inf … -0.0, 0.0 … inf, NaN.
TEST(AggregateTable, MinimaAndMaximaOfDoublesFollowTheirStoredOrder) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const double rising[] = {-nan, -infinity, -1.0, -0.0, 0.0, 5e-324, infinity, nan};
  for (size_t from = 0; from + 1 < std::size(rising); ++from) {
    const auto set = [&](minke_pair& pair, size_t i) { pair.value.f64 = rising[from + i]; };
    EXPECT_EQ(*Folded(MINKE_AGGREGATE_MIN, MINKE_F64, 2, set), Stored(OrderedF64(rising[from])));
    EXPECT_EQ(*Folded(MINKE_AGGREGATE_MAX, MINKE_F64, 2, set),
              Stored(OrderedF64(rising[from + 1])));
  }
}

TEST(AggregateTable, ASumOfDoublesIsRoundedOnce) {
  const double values[] = {1e16, 1.0, 1e300, -1e16, -1e300, 5e-324};
  const auto sum = Folded(MINKE_AGGREGATE_SUM, MINKE_F64, 6,
                          [&](minke_pair& pair, size_t i) { pair.value.f64 = values[i]; });
  EXPECT_EQ(*sum, Stored(OrderedF64(1.0)));
}

TEST(AggregateTable, MinAndMaxNeedValues) {
  const auto none = Folded(MINKE_AGGREGATE_MIN, MINKE_NONE, 1, [](minke_pair&, size_t) {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument);
}

// ---- states that grow ----

int AppendAll(void*, void* const* states, const minke_pair* pairs, size_t count, minke_error*) {
  for (size_t i = 0; i < count; ++i) {
    auto* state = static_cast<minke_growing*>(states[i]);
    const uint32_t old = state->size;
    Resize(state, old + pairs[i].value_size);
    std::copy_n(pairs[i].value.bytes, pairs[i].value_size, state->data + old);
  }
  return 0;
}

int AppendStates(void*, void* const* into, const void* const* from, size_t count, minke_error*) {
  for (size_t i = 0; i < count; ++i) {
    auto* state = static_cast<minke_growing*>(into[i]);
    const auto* other = static_cast<const minke_growing*>(from[i]);
    const uint32_t old = state->size;
    Resize(state, old + other->size);
    std::copy_n(other->data, other->size, state->data + old);
  }
  return 0;
}

AggregateOptions Appending(const Case& tried) {
  AggregateOptions options = OptionsOf(MINKE_AGGREGATE_CUSTOM, MINKE_BYTES, tried);
  UseHistogram(options);
  options.aggregate.fold = AppendAll;
  options.aggregate.merge = AppendStates;
  return options;
}

TEST(AggregateTable, AStateLargerThanTheGrantMakesProgress) {
  MemoryAccountant accountant(1 << 28);
  MemorySpill spill;
  MemoryGrant grant(&accountant, 4096);
  size_t reserved_max = 0;
  {
    AggregateTable table(Appending({4096, 1 << 10, 1, false}), &grant, &spill);
    for (int i = 0; i < 2000; ++i) {
      PairBatch batch;
      batch.Add(i % 10 == 0 ? "rare" : "often", std::string(500, 'x'));
      ASSERT_TRUE(table.Fold(batch.pairs()));
      reserved_max = std::max(reserved_max, accountant.reserved_bytes());
    }
    EXPECT_LT(reserved_max, 16U << 10);  // a megabyte of states, a few kilobytes at a time
    auto stream = table.Sorted();
    ASSERT_TRUE(stream) << stream.error().text;
    EXPECT_EQ(ReadAll(**stream), (Pairs{{"often", std::string(size_t{1800} * 500, 'x')},
                                        {"rare", std::string(size_t{200} * 500, 'x')}}));
  }
  EXPECT_EQ(grant.taken_bytes(), 0U);
}

TEST(AggregateTable, AKeptSegmentHoldsTheMemoryOfItsStates) {
  MemoryAccountant accountant(1 << 28);
  MemorySpill spill;
  std::shared_ptr<const AggregateSegment> segment;
  {
    MemoryGrant grant(&accountant, 1 << 26);
    AggregateTable table(Appending({0, 1 << 16, 1, true}), &grant, &spill);
    PairBatch batch;
    for (int i = 0; i < 100; ++i) batch.Add("key", std::string(100'000, 'x'));
    ASSERT_TRUE(table.Fold(batch.pairs()));
    segment = *table.Finish(true);
  }
  EXPECT_EQ(spill.runs, 0U);
  EXPECT_GE(accountant.reserved_bytes(), 10'000'000U);
  EXPECT_GE(segment->bytes(), 10'000'000U);
  segment.reset();
  EXPECT_EQ(accountant.reserved_bytes(), 0U);
}

// A process has 128 TiB of addresses: with what each table reserves to grow in, thousands of kept
// segments would take them all.
TEST(AggregateTable, AKeptSegmentGivesBackTheAddressesThatItsTableReserved) {
  MemoryAccountant accountant(1 << 28);
  MemorySpill spill;
  MemoryGrant grant(&accountant, 1 << 26);
  const uint64_t before = AddressBytes();
  std::vector<std::shared_ptr<const AggregateSegment>> segments;
  for (int i = 0; i < 4; ++i) {
    AggregateTable table(OptionsOf(MINKE_AGGREGATE_COUNT, MINKE_NONE, {0, 1 << 16, 1, true}),
                         &grant, &spill);
    PairBatch batch;
    batch.Add("key", "");
    ASSERT_TRUE(table.Fold(batch.pairs()));
    segments.push_back(*table.Finish(true));
  }
  EXPECT_LT(AddressBytes(), before + (uint64_t{8} << 30));
}

int FailingFold(void*, void* const*, const minke_pair*, size_t, minke_error* error) {
  std::strcpy(error->text, "no more");
  return 1;
}
int OverstatingFold(void*, void* const* states, const minke_pair*, size_t, minke_error*) {
  static_cast<minke_growing*>(states[0])->size = 100;
  return 0;
}
int HugeFold(void*, void* const* states, const minke_pair*, size_t, minke_error*) {
  auto* state = static_cast<minke_growing*>(states[0]);
  state->grow(state, (256U << 20) + 1);
  state->size = (256U << 20) + 1;
  return 0;
}

TEST(AggregateTable, WhatUserCodeDoesWrongIsSaid) {
  const std::pair<decltype(minke_aggregate::fold), const char*> wrong[] = {
      {FailingFold, "the aggregate's fold function failed: no more"},
      {OverstatingFold, "size of a state to 100 bytes, beyond its capacity of 0; call grow first"},
      {HugeFold, "grown to 268435457 bytes, more than the limit of 256 MiB"},
  };
  for (const auto& [fold, text] : wrong) {
    MemoryAccountant accountant(1 << 30);
    MemorySpill spill;
    MemoryGrant grant(&accountant, 1 << 29);
    AggregateOptions options = Appending({0, 1 << 16, 1, true});
    options.aggregate.fold = fold;
    AggregateTable table(options, &grant, &spill);
    PairBatch batch;
    batch.Add("key", "value");
    const Status status = table.Fold(batch.pairs());
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kUserCode);
    EXPECT_NE(status.error().text.find(text), std::string::npos) << status.error().text;
  }
}

}  // namespace
}  // namespace minke
