#include "shuffle/sorter.h"

#include <algorithm>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "shuffle/memory_spill_test.h"
#include "shuffle/merge.h"

namespace minke {
namespace {

struct Case {
  size_t budget;
  size_t block_bytes;
  uint32_t partitions;
  size_t segments;
  bool sort_values;
  bool keep;
};

struct Emitted {
  uint32_t partition;
  std::string key;
  std::string value;
};

// What a stable sort gives for one partition.
Pairs Expected(const std::vector<Emitted>& emitted, uint32_t partition, bool sort_values) {
  Pairs pairs;
  for (const Emitted& one : emitted) {
    if (one.partition == partition) pairs.emplace_back(one.key, one.value);
  }
  std::stable_sort(pairs.begin(), pairs.end(), [&](const auto& a, const auto& b) {
    if (a.first != b.first) return a.first < b.first;
    return sort_values && a.second < b.second;
  });
  return pairs;
}

class SorterCases : public testing::TestWithParam<Case> {};

TEST_P(SorterCases, GiveWhatAStableSortGives) {
  const Case& tried = GetParam();
  std::mt19937 random(11);
  MemoryAccountant accountant(1 << 30);
  MemorySpill spill;
  SorterOptions options;
  options.partitions = tried.partitions;
  options.sort_values = tried.sort_values;
  options.block.target_bytes = tried.block_bytes;
  options.block.cap_bytes = 2 * tried.block_bytes;
  std::vector<Emitted> emitted;
  std::vector<std::shared_ptr<const SortedSegment>> segments;
  size_t spills = 0;
  for (size_t s = 0; s < tried.segments; ++s) {
    MemoryGrant grant(&accountant, tried.budget);
    Sorter sorter(options, &grant, &spill);
    for (int round = 0; round < 10; ++round) {
      PairBatch batch;
      std::vector<uint32_t> partitions;
      for (int i = 0; i < 50; ++i) {
        emitted.push_back({static_cast<uint32_t>(random() % tried.partitions), RandomKey(random),
                           std::to_string(random() % 50)});
        batch.Add(emitted.back().key, emitted.back().value);
        partitions.push_back(emitted.back().partition);
      }
      ASSERT_TRUE(sorter.Add(batch.pairs(), partitions));
    }
    spills += sorter.spills();
    auto segment = sorter.Finish(tried.keep && s % 3 != 1);
    ASSERT_TRUE(segment) << segment.error().text;
    segments.push_back(*segment);
  }
  EXPECT_EQ(spills > 0, tried.budget < 8192);
  for (uint32_t p = 0; p < tried.partitions; ++p) {
    MemoryGrant grant(&accountant, tried.budget);
    auto stream = OpenPartition(segments, p, options, &grant, &spill);
    ASSERT_TRUE(stream) << stream.error().text;
    EXPECT_EQ(ReadAll(**stream), Expected(emitted, p, tried.sort_values)) << "partition " << p;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Budgets, SorterCases,
    testing::Values(Case{1 << 24, 1 << 16, 1, 1, false, true},
                    Case{1 << 24, 1 << 16, 7, 5, false, true},
                    Case{1 << 24, 1 << 16, 7, 5, true, true}, Case{1 << 24, 64, 3, 4, false, false},
                    Case{4096, 64, 1, 3, false, true}, Case{4096, 64, 5, 3, true, true},
                    Case{64, 64, 2, 2, false, true}, Case{64, 64, 2, 2, true, false}));

TEST(Sorter, WithoutRecordsEveryPartitionIsEmpty) {
  MemoryAccountant accountant(1 << 20);
  MemorySpill spill;
  MemoryGrant grant(&accountant, 1 << 20);
  SorterOptions options;
  options.partitions = 3;
  for (const bool keep : {true, false}) {
    Sorter sorter(options, &grant, &spill);
    auto segment = sorter.Finish(keep);
    ASSERT_TRUE(segment);
    EXPECT_EQ((*segment)->records(), 0u);
    for (uint32_t p = 0; p < 3; ++p) {
      EXPECT_FALSE((*segment)->has_partition(p));
      auto stream = OpenPartition({*segment}, p, options, &grant, &spill);
      ASSERT_TRUE(stream);
      EXPECT_TRUE(ReadAll(**stream).empty());
    }
  }
}

TEST(Sorter, ARecordLargerThanTheBudgetGoesThrough) {
  MemoryAccountant accountant(1 << 16);
  MemorySpill spill;
  MemoryGrant grant(&accountant, 4096);
  SorterOptions options;
  options.block.target_bytes = 64;
  options.block.cap_bytes = 128;
  Sorter sorter(options, &grant, &spill);
  PairBatch batch;
  batch.Add("b", std::string(50'000, 'x'));
  batch.Add(std::string(60'000, 'a'), "y");
  const uint32_t partitions[] = {0, 0};
  ASSERT_TRUE(sorter.Add(batch.pairs(), partitions));
  auto segment = sorter.Finish(true);
  ASSERT_TRUE(segment);
  auto stream = OpenPartition({*segment}, 0, options, &grant, &spill);
  ASSERT_TRUE(stream);
  EXPECT_EQ(ReadAll(**stream),
            (Pairs{{std::string(60'000, 'a'), "y"}, {"b", std::string(50'000, 'x')}}));
}

TEST(Sorter, AKeptSegmentGivesBackTheAddressesThatItReserved) {
  MemoryAccountant accountant(1 << 28);
  MemorySpill spill;
  MemoryGrant grant(&accountant, 1 << 26);
  const uint64_t before = AddressBytes();
  std::vector<std::shared_ptr<const SortedSegment>> segments;
  for (int i = 0; i < 4; ++i) {
    Sorter sorter(SorterOptions{}, &grant, &spill);
    PairBatch batch;
    batch.Add("key", "value");
    const uint32_t partitions[] = {0};
    ASSERT_TRUE(sorter.Add(batch.pairs(), partitions));
    segments.push_back(*sorter.Finish(true));
  }
  EXPECT_LT(AddressBytes(), before + (uint64_t{8} << 30));
}

TEST(Sorter, TheCombinerSeesSortedGroupsOfARunAndKeepsTheirSum) {
  // Joins the values of each key with commas.
  class Joiner final : public Combiner {
   public:
    Status Combine(RecordStream& in, const std::function<Status(const minke_pair&)>& out) override {
      Pairs joined;
      for (auto& [key, value] : ReadAll(in)) {
        if (joined.empty() || joined.back().first != key) {
          joined.emplace_back(key, value);
        } else {
          joined.back().second += "," + value;
        }
      }
      for (const auto& [key, value] : joined) {
        minke_pair pair{};
        pair.key = key.data();
        pair.key_size = static_cast<uint32_t>(key.size());
        pair.value.bytes = value.data();
        pair.value_size = static_cast<uint32_t>(value.size());
        MINKE_TRY_STATUS(out(pair));
      }
      return {};
    }
  } joiner;
  MemoryAccountant accountant(1 << 20);
  MemorySpill spill;
  MemoryGrant grant(&accountant, 1 << 20);
  SorterOptions options;
  options.combiner = &joiner;
  Sorter sorter(options, &grant, &spill);
  PairBatch batch;
  for (const char* value : {"1", "2", "3"}) {
    batch.Add("a", value);
    batch.Add("b", value);
  }
  ASSERT_TRUE(sorter.Add(batch.pairs(), std::vector<uint32_t>(6, 0)));
  auto segment = sorter.Finish(false);
  ASSERT_TRUE(segment);
  auto stream = OpenPartition({*segment}, 0, options, &grant, &spill);
  ASSERT_TRUE(stream);
  EXPECT_EQ(ReadAll(**stream), (Pairs{{"a", "1,2,3"}, {"b", "1,2,3"}}));
}

TEST(Merge, ManyRunsAreMergedInPassesAndKeepTheirOrder) {
  MemorySpill spill;
  std::vector<std::shared_ptr<const minke::Run>> runs;
  Pairs expected;
  for (int i = 0; i < 50; ++i) {
    RunWriter writer({.target_bytes = 64, .cap_bytes = 128}, *spill.Begin());
    for (const char* key : {"a", "b"}) {
      ASSERT_TRUE(writer.Add(4, key, std::to_string(i)));
      expected.emplace_back(key, std::to_string(i));
    }
    ASSERT_TRUE(writer.Finish());
    runs.push_back(*spill.Seal());
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  const size_t before = spill.runs;
  auto stream = MergeRuns(runs, 4, &spill, {}, {.fan_in = 3});
  ASSERT_TRUE(stream);
  EXPECT_EQ(ReadAll(**stream), expected);
  EXPECT_EQ(spill.runs - before, 17u + 6 + 2);
}

}  // namespace
}  // namespace minke
