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

Result<RunPointer> Spill(ScratchSpace& file, const std::vector<Block>& blocks) {
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

class ScratchTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "scratch-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    scratch_.emplace(folder_, uint64_t{1} << 40);
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string folder_;
  std::optional<ScratchFolder> scratch_;
};

TEST_F(ScratchTest, GivesEachPartitionOfEachRunItsBlocksInOrder) {
  ScratchSpace file(&*scratch_);
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
  EXPECT_EQ(scratch_->used_bytes(), bytes);
}

TEST_F(ScratchTest, ARunWithoutRecordsIsEmpty) {
  ScratchSpace file(&*scratch_);
  const auto run = *Spill(file, {});
  EXPECT_TRUE(Read(*run, 0).empty());
  EXPECT_EQ(run->stored_bytes(), 0u);
}

TEST_F(ScratchTest, LeavesNoNameInTheFolder) {
  ScratchSpace file(&*scratch_);
  const auto run = *Spill(file, {{0, "block"}});
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(ScratchTest, RunsOutliveTheFileAndReadersTheirRuns) {
  std::unique_ptr<RunSource> source;
  {
    auto file = std::make_unique<ScratchSpace>(&*scratch_);
    auto run = *Spill(*file, {{0, "a"}, {0, "b"}, {7, "c"}});
    file.reset();
    EXPECT_EQ(Read(*run, 7), std::vector<std::string>{"c"});
    source = run->Open(0);
    EXPECT_EQ(*source->Next(), "a");
  }
  EXPECT_EQ(*source->Next(), "b");
  EXPECT_EQ(*source->Next(), "");
  EXPECT_EQ(scratch_->used_bytes(), 3u);
  source.reset();
  EXPECT_EQ(scratch_->used_bytes(), 0u);
}

TEST_F(ScratchTest, ARunThatIsGoneGivesItsSpaceBackAndHarmsNoOther) {
  ScratchSpace file(&*scratch_);
  const std::string block(300'000, 'x');
  auto first = *Spill(file, {{0, block}, {1, block}});
  auto second = *Spill(file, {{0, "kept"}, {1, block}});
  EXPECT_EQ(scratch_->used_bytes(), 900'004u);
  first.reset();
  EXPECT_EQ(scratch_->used_bytes(), 300'004u);
  EXPECT_EQ(Read(*second, 0), std::vector<std::string>{"kept"});
  EXPECT_EQ(Read(*second, 1), std::vector<std::string>{block});
}

TEST_F(ScratchTest, SeveralThreadsMayReadOneRun) {
  ScratchSpace file(&*scratch_);
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

size_t OpenFiles() {
  const fs::directory_iterator files("/proc/self/fd");
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

TEST_F(ScratchTest, TasksOneAfterTheOtherShareAFile) {
  const size_t before = OpenFiles();
  std::vector<RunPointer> runs;
  for (uint32_t task = 0; task < 50; ++task) {
    ScratchSpace space(&*scratch_);
    runs.push_back(*Spill(space, {{task, std::to_string(task)}}));
  }
  EXPECT_EQ(OpenFiles(), before + 1);
  for (uint32_t task = 0; task < 50; ++task) {
    EXPECT_EQ(*runs[task]->Open(task)->Next(), std::to_string(task));
  }
}

TEST_F(ScratchTest, TasksAtOneTimeHaveFilesOfTheirOwn) {
  ScratchSpace one(&*scratch_), other(&*scratch_);
  RunSink* const into_one = *one.Begin();
  RunSink* const into_other = *other.Begin();
  for (const char* block : {"a", "b"}) {
    ASSERT_TRUE(into_one->Put(0, std::string("one ") + block, false));
    ASSERT_TRUE(into_other->Put(0, std::string("other ") + block, false));
  }
  const RunPointer run = *one.Seal(), other_run = *other.Seal();
  const auto of_one = run->Open(0), of_other = other_run->Open(0);
  for (const char* block : {"a", "b"}) {
    EXPECT_EQ(*of_one->Next(), std::string("one ") + block);
    EXPECT_EQ(*of_other->Next(), std::string("other ") + block);
  }
}

TEST_F(ScratchTest, AFileWithoutRunsBeginsAnew) {
  for (int round = 0; round < 3; ++round) {
    ScratchSpace space(&*scratch_);
    const RunPointer run = *Spill(space, {{0, std::string(5000, 'x')}});
    EXPECT_EQ(run->Open(0)->Next()->size(), 5000U);
  }
  EXPECT_EQ(scratch_->used_bytes(), 0U);
}

TEST_F(ScratchTest, TheLimitIsAnErrorThatNamesItAndTheSetting) {
  ScratchFolder scratch(folder_, 1000);
  {
    ScratchSpace file(&scratch);
    const auto run = Spill(file, {{0, std::string(600, 'x')}, {1, std::string(401, 'x')}});
    ASSERT_FALSE(run);
    EXPECT_EQ(run.error().code, ErrorCode::kConfiguration);
    EXPECT_NE(run.error().text.find("limit of 1000 bytes"), std::string::npos);
    EXPECT_NE(run.error().text.find("--spill-bytes"), std::string::npos);
  }
  EXPECT_EQ(scratch.used_bytes(), 0u) << "the unsealed run's bytes are given back";
  ScratchSpace file(&scratch);
  EXPECT_TRUE(Spill(file, {{0, std::string(600, 'x')}, {1, std::string(400, 'x')}}));
}

TEST_F(ScratchTest, AFolderThatIsMissingIsAConfigurationError) {
  ScratchFolder scratch(folder_ + "/none", 1000);
  ScratchSpace file(&scratch);
  const auto sink = file.Begin();
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(sink.error().text.find(folder_ + "/none"), std::string::npos);
  EXPECT_NE(sink.error().text.find("--spill"), std::string::npos);
}

TEST_F(ScratchTest, AFullDiskIsAConfigurationErrorThatNamesTheFolder) {
  std::signal(SIGXFSZ, SIG_IGN);  // writing then fails as it does on a full disk
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1'000'000, before.rlim_max};
  ScratchSpace file(&*scratch_);
  setrlimit(RLIMIT_FSIZE, &small);
  const auto run = Spill(file, {{0, std::string(900'000, 'x')}, {0, std::string(900'000, 'x')}});
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(run);
  EXPECT_EQ(run.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(run.error().text.find("cannot write " + folder_), std::string::npos)
      << run.error().text;
}

TEST(ScratchFolder, NeverGivesMoreThanItHas) {
  ScratchFolder budget("/tmp", 100);
  EXPECT_TRUE(budget.TryTake(60));
  EXPECT_FALSE(budget.TryTake(41));
  EXPECT_FALSE(budget.TryTake(UINT64_MAX));
  EXPECT_TRUE(budget.TryTake(40));
  budget.GiveBack(100);
  EXPECT_TRUE(budget.TryTake(100));
}

}  // namespace
}  // namespace minke
