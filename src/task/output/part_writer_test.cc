#include "task/output/part_writer.h"

#include <csignal>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "base/file.h"
#include "base/hash.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

class PartWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "part-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    path_ = folder_ + "/part";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string folder_;
  std::string path_;
};

// 64 bytes are readable behind the value.
const std::string kValue = std::string(100, 'v') + std::string(64, '#');

TEST_F(PartWriterTest, WritesEveryLineOnceAndTellsTheTotals) {
  auto writer = PartWriter::Create(path_, {OutputFormat::kText, MINKE_NONE, MINKE_BYTES, false});
  ASSERT_TRUE(writer);
  std::string want;
  uint64_t fingerprint = 0;
  std::vector<minke_record> batch;
  for (uint32_t i = 0; i < 20'000; ++i) {
    const uint32_t size = 1 + i % 100;
    batch.push_back({nullptr, kValue.data(), 0, size});
    want += kValue.substr(0, size) + "\n";
    fingerprint += Hash64(kValue.substr(0, size));
  }
  ASSERT_TRUE((*writer)->Write(std::span<const minke_record>(batch)));
  const auto totals = (*writer)->Finish(true);
  ASSERT_TRUE(totals);
  EXPECT_EQ(*totals, (PartTotals{20'000, want.size(), fingerprint}));
  EXPECT_EQ(*ReadFile(path_), want);
}

TEST_F(PartWriterTest, NoRecordsMakeAnEmptyFile) {
  auto writer = PartWriter::Create(path_, LineOptions{});
  EXPECT_EQ(*(*writer)->Finish(false), PartTotals{});
  EXPECT_EQ(fs::file_size(path_), 0u);
}

TEST_F(PartWriterTest, ARecordLargerThanTheBufferIsWritten) {
  auto writer = PartWriter::Create(path_, {OutputFormat::kRaw, MINKE_NONE, MINKE_BYTES, false});
  const std::string large(5'000'000, 'x');
  const minke_pair pair{nullptr, {large.data()}, 0, 4'999'900};
  ASSERT_TRUE((*writer)->Write(std::span(&pair, 1)));
  EXPECT_EQ((*writer)->Finish(false)->record_bytes, 4'999'900u);
  EXPECT_EQ(*ReadFile(path_), large.substr(0, 4'999'900));
}

TEST_F(PartWriterTest, TellsTheSizeOfRawRecordsOnlyIfTheyHaveOne) {
  const auto size_of = [&](const std::vector<uint32_t>& sizes) {
    fs::remove(path_);
    auto writer = PartWriter::Create(path_, {OutputFormat::kRaw, MINKE_NONE, MINKE_BYTES, false});
    for (const uint32_t size : sizes) {
      const minke_record record{nullptr, kValue.data(), 0, size};
      EXPECT_TRUE((*writer)->Write(std::span(&record, 1)));
    }
    const auto totals = (*writer)->Finish(false);
    EXPECT_TRUE(totals->is_raw);
    return totals->record_bytes;
  };
  EXPECT_EQ(size_of({7, 7, 7}), 7u);
  EXPECT_EQ(size_of({7, 8, 7}), 0u);
  EXPECT_EQ(size_of({}), 0u);
}

TEST_F(PartWriterTest, AnUnfinishedPartIsRemoved) {
  {
    auto writer = PartWriter::Create(path_, LineOptions{});
    EXPECT_TRUE(fs::exists(path_));
  }
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(PartWriterTest, ReplacesNothing) {
  ASSERT_TRUE(WriteFileAtomically(path_, "kept", false));
  const auto writer = PartWriter::Create(path_, LineOptions{});
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kOutput);
  EXPECT_EQ(*ReadFile(path_), "kept");
}

TEST_F(PartWriterTest, AFolderThatIsNotThereIsAnOutputError) {
  const auto writer = PartWriter::Create(folder_ + "/none/part", LineOptions{});
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kOutput);
  EXPECT_NE(writer.error().text.find("none/part: No such file or directory"), std::string::npos);
}

TEST_F(PartWriterTest, AFailedWriteIsAnOutputErrorWithPathAndReason) {
  std::signal(SIGXFSZ, SIG_IGN);  // writing then fails as it does on a full disk
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small{1'000'000, before.rlim_max};
  auto writer = PartWriter::Create(path_, {OutputFormat::kRaw, MINKE_NONE, MINKE_BYTES, false});
  const std::vector<minke_record> batch(10'000, minke_record{nullptr, kValue.data(), 0, 100});
  setrlimit(RLIMIT_FSIZE, &small);
  Status status;
  for (int i = 0; i < 10 && status; ++i) {
    status = (*writer)->Write(std::span<const minke_record>(batch));
  }
  setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kOutput);
  EXPECT_NE(status.error().text.find("cannot write " + path_ + ": File too large"),
            std::string::npos)
      << status.error().text;
  writer->reset();
  EXPECT_FALSE(fs::exists(path_));
}

}  // namespace
}  // namespace minke
