#include "task/scratch.h"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace minke {
namespace {

namespace fs = std::filesystem;

using RunPointer = std::shared_ptr<const Run>;

struct Block {
  uint32_t partition;
  std::string bytes;
};

Result<RunPointer> Spill(ScratchFile& file, const std::vector<Block>& blocks) {
  RunSink* sink = MINKE_TRY(file.Begin());
  for (size_t i = 0; i < blocks.size(); ++i) {
    const bool is_last = i + 1 == blocks.size() || blocks[i + 1].partition != blocks[i].partition;
    MINKE_TRY_STATUS(sink->Put(blocks[i].partition, blocks[i].bytes, is_last));
  }
  return file.Seal();
}
std::vector<std::string> Read(const Run& run, uint32_t partition) {
  const auto source = run.Open(partition);
  std::vector<std::string> blocks;
  while (true) {
    const auto block = source->Next();
    EXPECT_TRUE(block);
    if (!block || block->empty()) return blocks;
    blocks.emplace_back(*block);
  }
}
std::vector<Block> RandomBlocks(uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Block> blocks;
  for (uint32_t partition = 0; partition < 20; partition += 1 + seed % 3) {
    for (uint32_t i = 0; i < 1 + random() % 6; ++i) {
      const size_t longest = size_t{1} << (random() % 20);
      blocks.push_back(
          {partition, std::string(1 + random() % longest, static_cast<char>('a' + random() % 26))});
    }
  }
  return blocks;
}

class ScratchFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "scratch-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string folder_;
  SpillBudget budget_{uint64_t{1} << 40};
};

TEST_F(ScratchFileTest, GivesEachPartitionOfEachRunItsBlocksInOrder) {
  ScratchFile file(folder_, &budget_);
  std::vector<std::vector<Block>> written;
  std::vector<RunPointer> runs;
  uint64_t bytes = 0;
  for (uint32_t seed = 0; seed < 8; ++seed) {
    written.push_back(RandomBlocks(seed));
    runs.push_back(*Spill(file, written.back()));
    uint64_t of_run = 0;
    for (const Block& block : written.back()) of_run += block.bytes.size();
    EXPECT_EQ(runs.back()->stored_bytes(), of_run);
    bytes += of_run;
  }
  for (size_t i = 0; i < runs.size(); ++i) {
    for (uint32_t partition = 0; partition < 25; ++partition) {
      std::vector<std::string> want;
      for (const Block& block : written[i]) {
        if (block.partition == partition) want.push_back(block.bytes);
      }
      EXPECT_EQ(Read(*runs[i], partition), want);
    }
  }
  EXPECT_EQ(file.runs(), 8u);
  EXPECT_EQ(file.spilled_bytes(), bytes);
  EXPECT_EQ(budget_.used_bytes(), bytes);
}

TEST_F(ScratchFileTest, ARunWithoutRecordsIsEmpty) {
  ScratchFile file(folder_, &budget_);
  const auto run = *Spill(file, {});
  EXPECT_TRUE(Read(*run, 0).empty());
  EXPECT_EQ(run->stored_bytes(), 0u);
}

TEST_F(ScratchFileTest, LeavesNoNameInTheFolder) {
  ScratchFile file(folder_, &budget_);
  const auto run = *Spill(file, {{0, "block"}});
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(ScratchFileTest, RunsOutliveTheFileAndReadersTheirRuns) {
  std::unique_ptr<RunSource> source;
  {
    auto file = std::make_unique<ScratchFile>(folder_, &budget_);
    auto run = *Spill(*file, {{0, "a"}, {0, "b"}, {7, "c"}});
    file.reset();
    EXPECT_EQ(Read(*run, 7), std::vector<std::string>{"c"});
    source = run->Open(0);
    EXPECT_EQ(*source->Next(), "a");
  }
  EXPECT_EQ(*source->Next(), "b");
  EXPECT_EQ(*source->Next(), "");
  EXPECT_EQ(budget_.used_bytes(), 3u);
  source.reset();
  EXPECT_EQ(budget_.used_bytes(), 0u);
}

TEST_F(ScratchFileTest, ARunThatIsGoneGivesItsSpaceBackAndHarmsNoOther) {
  ScratchFile file(folder_, &budget_);
  const std::string block(300'000, 'x');
  auto first = *Spill(file, {{0, block}, {1, block}});
  auto second = *Spill(file, {{0, "kept"}, {1, block}});
  EXPECT_EQ(budget_.used_bytes(), 900'004u);
  first.reset();
  EXPECT_EQ(budget_.used_bytes(), 300'004u);
  EXPECT_EQ(Read(*second, 0), std::vector<std::string>{"kept"});
  EXPECT_EQ(Read(*second, 1), std::vector<std::string>{block});
}

TEST_F(ScratchFileTest, SeveralThreadsMayReadOneRun) {
  ScratchFile file(folder_, &budget_);
  const std::vector<Block> blocks = RandomBlocks(77);
  const auto run = *Spill(file, blocks);
  std::vector<std::thread> threads;
  std::vector<std::vector<std::string>> read(4);
  for (size_t i = 0; i < read.size(); ++i) {
    threads.emplace_back([&, i] {
      for (uint32_t partition = 0; partition < 25; ++partition) {
        for (std::string& block : Read(*run, partition)) read[i].push_back(std::move(block));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& by_thread : read) {
    ASSERT_EQ(by_thread.size(), blocks.size());
    for (size_t i = 0; i < blocks.size(); ++i) EXPECT_EQ(by_thread[i], blocks[i].bytes);
  }
}

TEST_F(ScratchFileTest, TheLimitIsAnErrorThatNamesItAndTheSetting) {
  SpillBudget budget(1000);
  {
    ScratchFile file(folder_, &budget);
    const auto run = Spill(file, {{0, std::string(600, 'x')}, {1, std::string(401, 'x')}});
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().code, ErrorCode::kConfiguration);
    EXPECT_NE(run.error().text.find("limit of 1000 bytes"), std::string::npos);
    EXPECT_NE(run.error().text.find("--spill-bytes"), std::string::npos);
  }
  EXPECT_EQ(budget.used_bytes(), 0u) << "the unsealed run's bytes are given back";
  ScratchFile file(folder_, &budget);
  EXPECT_TRUE(Spill(file, {{0, std::string(600, 'x')}, {1, std::string(400, 'x')}}));
}

TEST_F(ScratchFileTest, AFolderThatIsMissingIsAConfigurationError) {
  ScratchFile file(folder_ + "/none", &budget_);
  const auto sink = file.Begin();
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(sink.error().text.find(folder_ + "/none"), std::string::npos);
  EXPECT_NE(sink.error().text.find("--spill"), std::string::npos);
}

TEST_F(ScratchFileTest, AFullDiskIsAConfigurationErrorThatNamesTheFolder) {
  std::signal(SIGXFSZ, SIG_IGN);  // writing then fails as it does on a full disk
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1'000'000, before.rlim_max};
  ScratchFile file(folder_, &budget_);
  setrlimit(RLIMIT_FSIZE, &small);
  const auto run = Spill(file, {{0, std::string(900'000, 'x')}, {0, std::string(900'000, 'x')}});
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(run.error().text.find("cannot write " + folder_), std::string::npos)
      << run.error().text;
}

TEST(SpillBudget, NeverGivesMoreThanItHas) {
  SpillBudget budget(100);
  EXPECT_TRUE(budget.TryTake(60));
  EXPECT_FALSE(budget.TryTake(41));
  EXPECT_FALSE(budget.TryTake(UINT64_MAX));
  EXPECT_TRUE(budget.TryTake(40));
  budget.GiveBack(100);
  EXPECT_TRUE(budget.TryTake(100));
}

}  // namespace
}  // namespace minke
