#include "task/shuffle_io.h"

#include <fmt/format.h>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <vector>

#include "adapter/memory_store.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "shuffle/memory_spill_test.h"

namespace minke {
namespace {

constexpr Incarnation kJob{0x77};

// A store of which one replica, whom fast scans ask, lacks some blocks.
class LaggingStore final : public MemoryStore {
 public:
  Result<std::unique_ptr<ShuffleScan>> ScanShuffle(Incarnation job, const std::string& table,
                                                   const ShuffleRange& range) override {
    class Scan final : public ShuffleScan {
     public:
      Scan(std::unique_ptr<ShuffleScan> all, std::function<bool(const ShuffleKey&)> lacks)
          : all_(std::move(all)), lacks_(std::move(lacks)) {}
      Result<std::optional<ShuffleBlock>> Next() override {
        auto block = all_->Next();
        while (block && *block && lacks_((*block)->key)) block = all_->Next();
        return block;
      }

     private:
      std::unique_ptr<ShuffleScan> all_;
      std::function<bool(const ShuffleKey&)> lacks_;
    };
    auto all = MINKE_TRY(MemoryStore::ScanShuffle(job, table, range));
    if (range.is_sure || !lacks) return all;
    return std::unique_ptr<ShuffleScan>(std::make_unique<Scan>(std::move(all), lacks));
  }

  bool keeps_segments() const override { return false; }

  std::function<bool(const ShuffleKey&)> lacks;
};

// A shuffle through a store in memory, whose blocks can be looked at and put elsewhere.
class Shuffle {
 public:
  Shuffle(int map_tasks, uint32_t buckets) {
    for (int i = 0; i < map_tasks; ++i) plan_.add_splits();
    plan_.set_buckets(buckets);
    plan_.set_partitions(4);
    context_.incarnation = kJob;
    context_.plan = &plan_;
    context_.store = &store_;
    NewTable();
  }

  // What is written and fetched from now on is apart from what was before.
  void NewTable() {
    spec_.shuffle_table = fmt::format("table-{}", ++tables_);
    ASSERT_TRUE(store_.MakeShuffleTable(kJob, spec_.shuffle_table, {}));
  }

  // Writes an attempt's run, in blocks of about `block_bytes`; returns which partitions have any.
  std::string Write(uint32_t map_task, AttemptId attempt, const std::map<uint32_t, Pairs>& records,
                    size_t block_bytes = 40) {
    AttemptSpec spec = spec_;
    spec.task.index = map_task;
    spec.id = attempt;
    auto writer = store_.WriteShuffle(kJob, spec.shuffle_table).value();
    ShuffleRunSink sink(context_, spec, writer.get());
    RunWriter run({.codec = Codec::kNone, .target_bytes = block_bytes, .cap_bytes = 200}, &sink);
    for (const auto& [partition, pairs] : records) {
      for (const auto& [key, value] : pairs) EXPECT_TRUE(run.Add(partition, key, value));
    }
    EXPECT_TRUE(run.Finish());
    EXPECT_TRUE(writer->Finish());
    std::string written;
    for (uint32_t p = 0; p < plan_.partitions(); ++p) written += sink.has_partition(p) ? '1' : '0';
    stored_bytes += sink.stored_bytes();
    return written;
  }

  void Put(const std::vector<ShuffleBlock>& blocks) {
    auto writer = store_.WriteShuffle(kJob, spec_.shuffle_table).value();
    for (const ShuffleBlock& block : blocks) ASSERT_TRUE(writer->Put(block.key, block.bytes));
    ASSERT_TRUE(writer->Finish());
  }

  std::vector<ShuffleBlock> Stored(uint32_t partition) {
    std::vector<ShuffleBlock> blocks;
    for (uint32_t bucket = 0; bucket < plan_.buckets(); ++bucket) {
      auto scan = store_.ScanShuffle(kJob, spec_.shuffle_table, {partition, bucket, true}).value();
      while (auto block = scan->Next().value()) blocks.push_back(*std::move(block));
    }
    return blocks;
  }

  // The winners' records, a line a run; then which map tasks are missing.
  std::string Fetched(uint32_t partition, const std::vector<Winner>& winners) {
    AttemptSpec spec = spec_;
    spec.task.index = partition;
    MemorySpill scratch;
    const auto fetched = FetchWinners(context_, spec, winners, &scratch);
    if (!fetched) return "error: " + fetched.error().text;
    std::string found;
    for (const auto& run : fetched->runs) {
      for (const auto& [key, value] : ReadAll(*ReadRun(run, partition))) {
        found += fmt::format("{}={} ", key, value);
      }
      found += "\n";
    }
    for (const uint32_t task : fetched->missing) found += fmt::format("missing {}\n", task);
    return found;
  }

  Incarnation& incarnation() { return context_.incarnation; }
  void Lack(std::function<bool(const ShuffleKey&)> lacks) { store_.lacks = std::move(lacks); }

  uint64_t stored_bytes = 0;

 private:
  proto::Plan plan_;
  LaggingStore store_;
  JobContext context_;
  AttemptSpec spec_;
  int tables_ = 0;
};

constexpr AttemptId kFirst{.epoch = 3, .n = 8};
constexpr AttemptId kSecond{.epoch = 4, .n = 1};

// Enough for several blocks.
Pairs Letters(const std::string& value) {
  Pairs pairs;
  for (char key = 'a'; key <= 'z'; ++key) pairs.emplace_back(std::string(1, key), value);
  return pairs;
}
const std::string kLetters =
    "a=1 b=1 c=1 d=1 e=1 f=1 g=1 h=1 i=1 j=1 k=1 l=1 m=1 n=1 o=1 p=1 q=1 r=1 s=1 t=1 u=1 v=1 w=1 "
    "x=1 y=1 z=1 \n";

TEST(BucketOf, NeighboursShareABucketAndBucketsAreInTheOrderOfMapTasks) {
  for (const uint32_t buckets : {1u, 2u, 3u, 7u}) {
    for (const uint32_t map_tasks : {7u, 100u, 1001u}) {
      uint32_t last = 0;
      std::map<uint32_t, uint32_t> sizes;
      for (uint32_t task = 0; task < map_tasks; ++task) {
        const uint32_t bucket = BucketOf(task, map_tasks, buckets);
        EXPECT_GE(bucket, last);
        last = bucket;
        ++sizes[bucket];
      }
      EXPECT_EQ(sizes.size(), buckets);
      for (const auto& [bucket, size] : sizes) EXPECT_LE(size, map_tasks / buckets + 1);
    }
  }
  EXPECT_EQ(BucketOf(4'000'000'000, 4'000'000'001, 16), 15u);
}

TEST(ShuffleRunSink, TellsWhatItStored) {
  Shuffle shuffle(1, 1);
  EXPECT_EQ(shuffle.Write(0, kFirst, {{1, {{"a", "1"}}}, {3, Letters("1")}}), "0101");
  uint64_t bytes = 0;
  for (const uint32_t partition : {1u, 3u}) {
    for (const ShuffleBlock& block : shuffle.Stored(partition)) bytes += block.bytes.size();
  }
  EXPECT_EQ(shuffle.stored_bytes, bytes);
  EXPECT_EQ(shuffle.Stored(1).size(), 1u);
  EXPECT_GT(shuffle.Stored(3).size(), 2u);
  EXPECT_TRUE(shuffle.Stored(0).empty()) << "a partition without records has no block";
}

// A block as it is stored at `key`, by the drawing in the header.
std::string Stored(Incarnation incarnation, const ShuffleKey& key, uint32_t last_of, Bytes block) {
  std::string covered;
  for (const uint64_t number :
       {incarnation.bits, uint64_t{key.map_task}, key.attempt.epoch, key.attempt.n,
        uint64_t{key.partition}, uint64_t{key.sequence}, uint64_t{last_of}, block.size()}) {
    char bytes[8];
    StoreLe(bytes, number);
    covered.append(bytes, 8);
  }
  char trailer[12];
  StoreLe(trailer, last_of);
  StoreLe(trailer + 4, Hash64(covered.append(block.substr(0, 64))));
  return std::string(block).append(trailer, 12);
}

TEST(ShuffleRunSink, StoresBlocksAsTheyAreDrawn) {
  Shuffle shuffle(1, 1);
  shuffle.Write(0, kFirst, {{2, Letters("1")}});
  const auto blocks = shuffle.Stored(2);
  for (size_t i = 0; i < blocks.size(); ++i) {
    const Bytes block = Bytes(blocks[i].bytes).substr(0, blocks[i].bytes.size() - 12);
    const bool is_last = i + 1 == blocks.size();
    const auto last_of = static_cast<uint32_t>(is_last ? blocks.size() : 0);
    EXPECT_EQ(blocks[i].bytes, Stored(kJob, blocks[i].key, last_of, block)) << i;
  }
}

TEST(FetchWinners, GivesEachWinnersRecordsInTheOrderOfTheMapTasks) {
  for (const uint32_t buckets : {1u, 2u, 5u}) {
    Shuffle shuffle(5, buckets);
    for (const uint32_t task : {3u, 0u, 4u, 1u}) {
      shuffle.Write(task, kFirst, {{0, {{"x", std::to_string(task)}}}, {2, Letters("1")}});
    }
    EXPECT_EQ(shuffle.Fetched(0, {{0, kFirst}, {1, kFirst}, {3, kFirst}, {4, kFirst}}),
              "x=0 \nx=1 \nx=3 \nx=4 \n");
    EXPECT_EQ(shuffle.Fetched(2, {{1, kFirst}, {4, kFirst}}), kLetters + kLetters);
  }
}

TEST(FetchWinners, PassesOverLosers) {
  Shuffle shuffle(2, 1);
  shuffle.Write(0, kFirst, {{0, Letters("loser")}});
  shuffle.Write(0, kSecond, {{0, Letters("1")}});
  shuffle.Write(1, kFirst, {{0, Letters("1")}});
  shuffle.Write(1, kSecond, {{0, Letters("loser")}});
  EXPECT_EQ(shuffle.Fetched(0, {{0, kSecond}, {1, kFirst}}), kLetters + kLetters);
}

TEST(FetchWinners, LargeRecordsComeThrough) {
  Shuffle shuffle(1, 1);
  const std::string large(5000, 'x');
  shuffle.Write(0, kFirst, {{0, {{"a", "1"}, {"b", large}, {"c", "2"}}}});
  EXPECT_GT(shuffle.Stored(0).size(), 20u);
  EXPECT_EQ(shuffle.Fetched(0, {{0, kFirst}}), "a=1 b=" + large + " c=2 \n");
}

TEST(FetchWinners, NamesThoseWhoWroteNothing) {
  Shuffle shuffle(6, 3);
  shuffle.Write(2, kFirst, {{0, {{"x", "2"}}}});
  shuffle.Write(4, kFirst, {{1, {{"x", "4"}}}});
  EXPECT_EQ(shuffle.Fetched(0, {{1, kFirst}, {2, kFirst}, {3, kFirst}, {4, kFirst}, {5, kFirst}}),
            "x=2 \nmissing 1\nmissing 3\nmissing 4\nmissing 5\n");
  EXPECT_EQ(shuffle.Fetched(0, {}), "");
}

TEST(FetchWinners, AsksForASureScanBeforeItCallsAnythingMissing) {
  for (const uint32_t buckets : {1u, 2u, 4u}) {
    Shuffle shuffle(4, buckets);
    for (const uint32_t task : {0u, 1u, 2u}) shuffle.Write(task, kFirst, {{0, Letters("1")}});
    const std::vector<Winner> winners = {{0, kFirst}, {1, kFirst}, {2, kFirst}, {3, kFirst}};
    const std::string all = kLetters + kLetters + kLetters + "missing 3\n";
    shuffle.Lack([](const ShuffleKey& key) { return key.map_task == 1; });
    EXPECT_EQ(shuffle.Fetched(0, winners), all) << "a whole run";
    shuffle.Lack([](const ShuffleKey& key) { return key.map_task == 0 && key.sequence == 1; });
    EXPECT_EQ(shuffle.Fetched(0, winners), all) << "a block in the middle";
    shuffle.Lack([](const ShuffleKey&) { return true; });
    EXPECT_EQ(shuffle.Fetched(0, winners), all) << "everything";
  }
}

// The blocks of map tasks 0 and 1, of which those of 0 are then changed.
class Damaged : public testing::Test {
 protected:
  Damaged() : shuffle_(2, 1) {
    shuffle_.Write(0, kFirst, {{0, Letters("1")}}, 60);
    shuffle_.Write(1, kFirst, {{0, Letters("1")}}, 60);
    sound_ = shuffle_.Stored(0);
    while (sound_[blocks_].key.map_task == 0) ++blocks_;
  }
  // Both map tasks' runs, fetched from `blocks` in place of what was written.
  std::string Fetched(const std::vector<ShuffleBlock>& blocks) {
    shuffle_.NewTable();
    shuffle_.Put(blocks);
    return shuffle_.Fetched(0, {{0, kFirst}, {1, kFirst}});
  }
  const std::string kSound = kLetters + kLetters;
  const std::string kMissing = kLetters + "missing 0\n";

  Shuffle shuffle_;
  std::vector<ShuffleBlock> sound_;
  size_t blocks_ = 0;  // of map task 0
};

TEST_F(Damaged, AsLongAsNothingIsTheyAreSound) {
  EXPECT_GE(blocks_, 3u);
  EXPECT_EQ(Fetched(sound_), kSound);
}

TEST_F(Damaged, EveryFlippedByteMakesTheRunMissing) {
  for (size_t i = 0; i < blocks_; ++i) {
    for (size_t at = 0; at < sound_[i].bytes.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        std::vector<ShuffleBlock> blocks = sound_;
        blocks[i].bytes[at] = static_cast<char>(blocks[i].bytes[at] ^ flip);
        EXPECT_EQ(Fetched(blocks), kMissing) << "byte " << at << " of block " << i;
      }
    }
  }
}

TEST_F(Damaged, EveryTruncationMakesTheRunMissing) {
  for (size_t i = 0; i < blocks_; ++i) {
    for (size_t size = 0; size < sound_[i].bytes.size(); ++size) {
      std::vector<ShuffleBlock> blocks = sound_;
      blocks[i].bytes.resize(size);
      EXPECT_EQ(Fetched(blocks), kMissing) << size << " bytes of block " << i;
    }
  }
}

TEST_F(Damaged, EveryBlockIsNeeded) {
  for (size_t i = 0; i < blocks_; ++i) {
    std::vector<ShuffleBlock> blocks = sound_;
    blocks.erase(blocks.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_EQ(Fetched(blocks), kMissing) << "without block " << i;
  }
}

TEST_F(Damaged, TheLastBlockAloneSaysThatARunIsWhole) {
  std::vector<ShuffleBlock> blocks = sound_;
  // One that was written for another place stands where the last one was.
  blocks[blocks_ - 1].bytes = blocks[blocks_ - 2].bytes;
  EXPECT_EQ(Fetched(blocks), kMissing);
  // The first ones as a run of their own, whose last block is lost.
  blocks = sound_;
  blocks.erase(blocks.begin() + static_cast<ptrdiff_t>(blocks_) - 1);
  blocks[blocks_ - 2].bytes = sound_[blocks_ - 1].bytes;
  EXPECT_EQ(Fetched(blocks), kMissing);
}

TEST_F(Damaged, ARunOfAnotherLengthThanItSaysIsRefused) {
  for (const uint32_t last_of : {1u, 2u, static_cast<uint32_t>(blocks_) + 1}) {
    std::vector<ShuffleBlock> blocks = sound_;
    ShuffleBlock& last = blocks[blocks_ - 1];
    const std::string block = last.bytes.substr(0, last.bytes.size() - 12);
    last.bytes = Stored(kJob, last.key, last_of, block);
    EXPECT_EQ(Fetched(blocks), kMissing) << last_of;
    last.bytes = Stored(kJob, last.key, static_cast<uint32_t>(blocks_), block);
    EXPECT_EQ(Fetched(blocks), kSound);
  }
}

TEST_F(Damaged, BlocksInTheWrongOrderAreRefused) {
  std::vector<ShuffleBlock> blocks = sound_;
  std::swap(blocks[0].bytes, blocks[1].bytes);
  EXPECT_EQ(Fetched(blocks), kMissing);
}

TEST_F(Damaged, ABlockOfAnotherPlaceIsRefused) {
  const auto expect_missing = [&](const std::function<void(Shuffle&)>& write) {
    Shuffle other(2, 1);
    write(other);
    std::vector<ShuffleBlock> blocks = sound_;
    for (uint32_t partition = 0; partition < 4; ++partition) {
      for (const ShuffleBlock& block : other.Stored(partition)) {
        blocks[block.key.sequence].bytes = block.bytes;
      }
    }
    EXPECT_EQ(Fetched(blocks), kMissing);
  };
  const Pairs letters = Letters("1");
  expect_missing([&](Shuffle& other) { other.Write(1, kFirst, {{0, letters}}, 60); });
  expect_missing([&](Shuffle& other) { other.Write(0, kSecond, {{0, letters}}, 60); });
  expect_missing([&](Shuffle& other) { other.Write(0, {3, 9}, {{0, letters}}, 60); });
  expect_missing([&](Shuffle& other) { other.Write(0, kFirst, {{1, letters}}, 60); });
  expect_missing([&](Shuffle& other) {
    other.incarnation() = Incarnation{0x78};
    other.Write(0, kFirst, {{0, letters}}, 60);
  });
}

TEST_F(Damaged, BlocksBehindTheLastAreNoHarm) {
  std::vector<ShuffleBlock> blocks = sound_;
  ShuffleBlock more = sound_[blocks_ - 1];
  more.key.sequence = static_cast<uint32_t>(blocks_);
  blocks.push_back(more);
  EXPECT_EQ(Fetched(blocks), kSound);
}

}  // namespace
}  // namespace minke
