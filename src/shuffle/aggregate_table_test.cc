#include "shuffle/aggregate_table.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <random>
#include <string>
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
  return options;
}

class AggregateCases : public testing::TestWithParam<Case> {};

TEST_P(AggregateCases, CountAsAMapDoes) {
  const Case& tried = GetParam();
  std::mt19937 random(5);
  MemoryAccountant accountant(1 << 30);
  MemorySpill spill;
  const AggregateOptions options = OptionsOf(MINKE_AGGREGATE_COUNT, MINKE_NONE, tried);
  std::map<std::string, uint64_t> expected;
  std::vector<std::shared_ptr<const AggregateSegment>> segments;
  for (int task = 0; task < 4; ++task) {
    MemoryGrant grant(&accountant, tried.budget);
    AggregateTable table(options, &grant, &spill);
    for (int round = 0; round < 20; ++round) {
      PairBatch batch;
      for (int i = 0; i < 100; ++i) {
        std::string key = RandomKey(random);
        ++expected[key];
        batch.Add(std::move(key), "");
      }
      ASSERT_TRUE(table.Fold(batch.pairs()));
    }
    auto segment = table.Finish(tried.keep && task % 2 == 0);
    ASSERT_TRUE(segment) << segment.error().text;
    segments.push_back(*segment);
  }
  Pairs found;
  for (uint32_t p = 0; p < tried.partitions; ++p) {
    MemoryGrant grant(&accountant, tried.budget);
    AggregateOptions reduce = options;
    reduce.partitions = 1;
    AggregateTable table(reduce, &grant, &spill);
    for (const auto& segment : segments) ASSERT_TRUE(table.FoldSegment(*segment, p));
    auto stream = table.Sorted();
    ASSERT_TRUE(stream) << stream.error().text;
    const Pairs part = ReadAll(**stream);
    EXPECT_TRUE(std::is_sorted(part.begin(), part.end()));
    for (const auto& [key, value] : part) {
      EXPECT_EQ(PartitionOf(key, tried.partitions), p);
      found.emplace_back(key, value);
    }
  }
  std::sort(found.begin(), found.end());
  Pairs wanted;
  for (const auto& [key, count] : expected) wanted.emplace_back(key, Stored(count));
  EXPECT_EQ(found, wanted);
}

INSTANTIATE_TEST_SUITE_P(Budgets, AggregateCases,
                         testing::Values(Case{1 << 26, 1 << 16, 1, true},
                                         Case{1 << 26, 1 << 16, 7, true},
                                         Case{1 << 26, 64, 5, false}, Case{8192, 64, 3, true},
                                         Case{4096, 64, 1, false}, Case{64, 64, 2, true}));

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

}  // namespace
}  // namespace minke
