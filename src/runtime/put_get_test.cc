// Files into a dataset and back, over a store in files.
#include <atomic>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "adapter/file_store.h"
#include "adapter/memory_store.h"
#include "base/file.h"
#include "runtime/get.h"
#include "runtime/put.h"
#include "task/dataset/chunk_stream.h"
#include "task/output/verify.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

std::string Lines(size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  while (text.size() < bytes) text += fmt::format("line {} of some length\n", random() % 100'000);
  return text;
}

// Counts what is put, and may break at a number of chunks.
class CountingStore final : public MemoryStore {
 public:
  Result<std::unique_ptr<ChunkWriter>> WriteDataset(const DatasetFile& file) override {
    class Writer final : public ChunkWriter {
     public:
      Writer(std::unique_ptr<ChunkWriter> inner, CountingStore* store)
          : inner_(std::move(inner)), store_(store) {}
      Status Put(uint32_t sequence, Bytes chunk) override {
        if (store_->chunks++ == store_->breaks_at) {
          return Error{ErrorCode::kUnavailable, "the store does not answer"};
        }
        return inner_->Put(sequence, chunk);
      }
      Status Finish() override { return inner_->Finish(); }

     private:
      std::unique_ptr<ChunkWriter> inner_;
      CountingStore* store_;
    };
    return std::unique_ptr<ChunkWriter>(
        std::make_unique<Writer>(MINKE_TRY(MemoryStore::WriteDataset(file)), this));
  }
  std::atomic<int> chunks{0};
  int breaks_at = -1;
};

class PutGetTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "put-get-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& content) const {
    EXPECT_TRUE(WriteFileAtomically(Path(name), content, false));
    return Path(name);
  }
  static Result<PutDone> Put(Store& store, const std::string& dataset,
                             const std::vector<std::string>& inputs, PutOptions options = {}) {
    options.threads = 3;
    return PutFiles(store, dataset, inputs, options);
  }
  static std::string InOrder(Store& store, const std::string& dataset) {
    std::string all;
    EXPECT_TRUE(GetInOrder(store, dataset, [&](Bytes bytes) {
      all.append(bytes);
      return Status();
    }));
    return all;
  }

  std::string folder_;
  CountingStore store_;
};

TEST_F(PutGetTest, FilesComeBackByteForByte) {
  const auto store = FileStore::Open(Path("store")).value();
  const std::string big = Lines(40 << 20, 1);  // three stretches
  const std::string odd = Lines(100, 2) + "no end";
  const auto done =
      Put(*store, "books", {Write("big", big), Write("empty", ""), Write("odd", odd)}).value();
  EXPECT_EQ(done.files, 3u);
  EXPECT_EQ(done.bytes, big.size() + odd.size());
  EXPECT_EQ(done.records, static_cast<uint64_t>(std::count(big.begin(), big.end(), '\n') +
                                                std::count(odd.begin(), odd.end(), '\n') + 1));
  EXPECT_TRUE(InOrder(*store, "books") == big + odd);
  const auto got = GetIntoFolder(*store, "books", Path("out"), {.threads = 2}).value();
  EXPECT_EQ(got.parts, 3u);
  EXPECT_TRUE(ReadFile(Path("out/part-00000")).value() == big);
  EXPECT_EQ(ReadFile(Path("out/part-00001")).value(), "");
  EXPECT_EQ(ReadFile(Path("out/part-00002")).value(), odd);
  EXPECT_TRUE(VerifyOutput(Path("out"))) << "_SUCCESS holds";
}

TEST_F(PutGetTest, PackedFilesArePutUnpacked) {
  const std::string text = Lines(1 << 20, 3);
  const std::string path = Write("a.txt", text);
  ASSERT_EQ(std::system(fmt::format("gzip -k {}", path).c_str()), 0);
  EXPECT_EQ(Put(store_, "d", {path + ".gz"}).value().bytes, text.size());
  EXPECT_TRUE(InOrder(store_, "d") == text);
}

TEST_F(PutGetTest, TheSameFilesAreNotPutAgain) {
  const std::string path = Write("a", Lines(1 << 20, 4));
  const PutDone first = Put(store_, "d", {path}).value();
  EXPECT_FALSE(first.was_there);
  const int chunks = store_.chunks;
  const PutDone again = Put(store_, "d", {path}).value();
  EXPECT_TRUE(again.was_there);
  EXPECT_EQ(again.version, first.version);
  EXPECT_EQ(again.records, first.records);
  EXPECT_EQ(store_.chunks, chunks);
}

TEST_F(PutGetTest, OtherFilesMakeANewVersion) {
  const PutDone first = Put(store_, "d", {Write("a", "one\n")}).value();
  const PutDone second = Put(store_, "d", {Write("b", "two\n")}).value();
  EXPECT_NE(first.version, second.version);
  EXPECT_EQ(InOrder(store_, "d"), "two\n");
  const PutDone third = Put(store_, "d", {Path("a")}).value();
  EXPECT_NE(third.version, first.version) << "what stood once does not come back";
  EXPECT_EQ(InOrder(store_, "d"), "one\n");
}

TEST_F(PutGetTest, APutThatBrokeGoesOnWithoutWhatWasThrough) {
  const std::string text = Lines(50 << 20, 5);
  const std::string path = Write("a", text);
  store_.breaks_at = 150;
  EXPECT_EQ(Put(store_, "d", {path}).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(store_.GetDataset("d").value(), std::nullopt) << "nobody sees a part of it";
  const int broken_at = store_.chunks;
  store_.breaks_at = -1;
  store_.chunks = 0;
  ASSERT_TRUE(Put(store_, "d", {path}));
  EXPECT_LT(store_.chunks, 201) << "a stretch at least was through";
  EXPECT_GE(broken_at, 150);
  EXPECT_TRUE(InOrder(store_, "d") == text);
}

TEST_F(PutGetTest, APutThatBrokeIsGivenUpForOtherFiles) {
  store_.breaks_at = 3;
  EXPECT_FALSE(Put(store_, "d", {Write("a", Lines(2 << 20, 6))}));
  store_.breaks_at = -1;
  ASSERT_TRUE(Put(store_, "d", {Write("b", "other\n")}));
  EXPECT_EQ(InOrder(store_, "d"), "other\n");
}

// Killed behind its publishing: the row still says that it is being put.
TEST_F(PutGetTest, AVersionThatWasRemovedDoesNotComeBack) {
  const std::string path = Write("a", "one\n");
  const PutDone first = Put(store_, "d", {path}).value();
  JobRow row = store_.GetJob("put d").value().value();
  const JobRow finished = row;
  row.state = JobState::kAccepted;
  ASSERT_EQ(store_.CompareAndSetJob("put d", finished, row).value(), row);
  ASSERT_TRUE(RetireVersion(store_, "d", first.version));
  EXPECT_NE(Put(store_, "d", {path}).value().version, first.version);
  EXPECT_EQ(InOrder(store_, "d"), "one\n");
}

TEST_F(PutGetTest, AVersionThatWasReplacedIsNotRetired) {
  const PutDone first = Put(store_, "d", {Write("a", "one\n")}).value();
  ASSERT_TRUE(Put(store_, "d", {Write("b", "two\n")}));
  const Status retired = RetireVersion(store_, "d", first.version);
  ASSERT_FALSE(retired);
  EXPECT_EQ(retired.error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(InOrder(store_, "d"), "two\n");
}

TEST_F(PutGetTest, FixedRecordsAreCountedAndHalfOnesRefused) {
  PutOptions options;
  options.record_bytes = 10;
  EXPECT_EQ(Put(store_, "d", {Write("a", std::string(1000, 'x'))}, options).value().records, 100u);
  const auto half = Put(store_, "e", {Write("b", std::string(1005, 'x'))}, options);
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().code, ErrorCode::kInput);
  EXPECT_NE(half.error().text.find("1005"), std::string::npos) << half.error().text;
}

TEST_F(PutGetTest, APutThatIsStoppedEndsAndGoesOnLater) {
  std::atomic<int> stop{1};
  PutOptions options;
  options.stop = &stop;
  const std::string text = Lines(1 << 20, 7);
  const std::string path = Write("a", text);
  EXPECT_EQ(Put(store_, "d", {path}, options).error().code, ErrorCode::kCancelled);
  EXPECT_EQ(store_.GetDataset("d").value(), std::nullopt);
  stop = 0;
  ASSERT_TRUE(Put(store_, "d", {path}, options));
  EXPECT_TRUE(InOrder(store_, "d") == text);
}

TEST_F(PutGetTest, ADamagedChunkIsFoundAndNothingIsLeft) {
  const auto store = FileStore::Open(Path("store")).value();
  ASSERT_TRUE(Put(*store, "d", {Write("a", Lines(1 << 20, 8))}));
  for (const auto& entry : fs::recursive_directory_iterator(Path("store/versions"))) {
    if (!entry.is_regular_file()) continue;
    File file = File::Open(entry.path(), File::Mode::kUpdate).value();
    ASSERT_TRUE(file.WriteAt(1000, "damage"));
  }
  const auto got = GetIntoFolder(*store, "d", Path("out"), {});
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, ErrorCode::kCorruption);
  EXPECT_FALSE(fs::exists(Path("out")));
}

TEST_F(PutGetTest, WhatIsNotThereIsNamed) {
  const auto none = GetIntoFolder(store_, "none", Path("out"), {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kInput);
  EXPECT_NE(none.error().text.find("minke ls"), std::string::npos);
  EXPECT_EQ(Put(store_, "a b", {Write("a", "x")}).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(Put(store_, "d", {Path("missing")}).error().code, ErrorCode::kInput);
}

}  // namespace
}  // namespace minke
