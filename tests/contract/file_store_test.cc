#include "adapter/file_store.h"

#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "store_contract.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

constexpr Incarnation kJob{0x1234};

class FilePlace final : public StorePlace {
 public:
  FilePlace() {
    std::string name = fs::temp_directory_path() / "file-store-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  ~FilePlace() override { fs::remove_all(folder_); }
  FilePlace(const FilePlace&) = delete;
  FilePlace& operator=(const FilePlace&) = delete;
  std::unique_ptr<Store> Open() override { return FileStore::Open(folder_).value(); }
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
};

INSTANTIATE_TEST_SUITE_P(File, StoreContract,
                         testing::Values(StoreKind{"file", true,
                                                   [] { return std::make_unique<FilePlace>(); }}));

class FileStoreTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return place_.folder() + "/" + name; }
  void Put(const std::string& path, const std::string& bytes) const {
    ASSERT_TRUE(WriteFileAtomically(path, bytes, false));
  }
  // Every file below the store's folder, but for those that are always there.
  std::vector<std::string> Files() const {
    std::vector<std::string> files;
    for (const auto& entry : fs::recursive_directory_iterator(place_.folder())) {
      const std::string name = fs::relative(entry.path(), place_.folder());
      if (entry.is_regular_file() && name != "lock" && name != "format") files.push_back(name);
    }
    return files;
  }
  // The one shuffle file.
  std::string ShuffleFile() const {
    const auto files = Files();
    EXPECT_EQ(files.size(), 1u);
    return Path(files.at(0));
  }
  void Fill(uint32_t partitions) {
    ASSERT_TRUE(store_->MakeShuffleTable(kJob, "t", {}));
    auto writer = store_->WriteShuffle(kJob, "t").value();
    for (uint32_t partition = 0; partition < partitions; ++partition) {
      ASSERT_TRUE(writer->Put({partition, 0, 5, {1, 1}, 0}, fmt::format("block {}", partition)));
    }
    ASSERT_TRUE(writer->Finish());
  }

  FilePlace place_;
  std::unique_ptr<Store> store_ = place_.Open();
};

using Texts = std::vector<std::string>;

std::string Hex(Bytes bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

TEST_F(FileStoreTest, FilesHaveTheBytesOfVersion1) {
  ASSERT_TRUE(store_->CompareAndSetJob("a/b", std::nullopt, {kJob, 7, JobState::kFinished, 65}));
  EXPECT_EQ(Hex(ReadFile(Path("jobs/a%2Fb")).value()),
            "6d696e6b6572656301000000030000001800000000000000612f62341200000000000007"
            "000000000000000200000041000000a8e0a55220d53a05");
  ASSERT_TRUE(store_->PutBlock(kJob, "plan", "whale"));
  EXPECT_EQ(Hex(ReadFile(Path(kJob.Hex() + "/blocks/plan")).value()),
            "6d696e6b6572656301000000040000000500000000000000706c616e7768616c65d780dd"
            "9be1e26721");
  ASSERT_TRUE(store_->DropJob(kJob));
  fs::remove(Path("jobs/a%2Fb"));
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, "t", {}));
  auto writer = store_->WriteShuffle(kJob, "t").value();
  ASSERT_TRUE(writer->Put({9, 2, 5, {3, 17}, 1}, "whale"));
  ASSERT_TRUE(writer->Put({9, 2, 5, {3, 17}, 0}, "minke"));
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(Hex(ReadFile(ShuffleFile()).value()),
            "7768616c656d696e6b650900000005000000030000000000000011000000000000000000"
            "000005000000050000000000000034f5032eea1ca7380900000005000000030000000000"
            "00001100000000000000010000000500000000000000000000004331ea6f3aa8dd482d84"
            "04b5ad4140e36d696e6b6573686601000000020000000a00000000000000020000000000"
            "00004359038ed9621327");
}

TEST_F(FileStoreTest, EveryCutOrFlippedByteOfANamedBlockOrRowIsFound) {
  ASSERT_TRUE(store_->PutBlock(kJob, "plan", "the plan"));
  ASSERT_TRUE(store_->CompareAndSetJob("j", std::nullopt, {kJob, 7, JobState::kOpen, 0}));
  for (const std::string& name : {kJob.Hex() + "/blocks/plan", std::string("jobs/j")}) {
    const std::string sound = ReadFile(Path(name)).value();
    const auto read = [&]() -> Status {
      const auto block = store_->GetBlock(kJob, "plan");
      const auto row = store_->GetJob("j");
      if (!block) return block.error();
      if (!row) return row.error();
      return {};
    };
    for (size_t byte = 0; byte < sound.size(); ++byte) {
      std::string flipped = sound;
      flipped[byte] = static_cast<char>(flipped[byte] ^ 1);
      for (const std::string& broken : {flipped, sound.substr(0, byte)}) {
        Put(Path(name), broken);
        const Status status = read();
        ASSERT_FALSE(status) << name << " " << byte;
        const bool is_version = byte >= 8 && byte < 12 && broken == flipped;
        EXPECT_EQ(status.error().code,
                  is_version ? ErrorCode::kConfiguration : ErrorCode::kCorruption);
        EXPECT_NE(status.error().text.find(Path(name)), std::string::npos) << status.error().text;
      }
    }
    Put(Path(name), sound);
    EXPECT_TRUE(read());
  }
}

TEST_F(FileStoreTest, EveryFlippedByteOfAShuffleFileIsFoundAndTheScanGoesOn) {
  Fill(200);  // three pages of the index
  const std::string path = ShuffleFile();
  const std::string sound = ReadFile(path).value();
  auto writer = store_->WriteShuffle(kJob, "t").value();
  ASSERT_TRUE(writer->Put({3, 0, 9, {1, 2}, 0}, "of another"));
  ASSERT_TRUE(writer->Finish());
  for (size_t byte = 0; byte < sound.size(); byte += 7) {
    std::string flipped = sound;
    flipped[byte] = static_cast<char>(flipped[byte] ^ 0x40);
    Put(path, flipped);
    size_t found = 0;
    size_t damaged = 0;
    for (const uint32_t partition : {3u, 100u, 199u}) {
      const auto scan = store_->ScanShuffle(kJob, "t", {partition, 0}).value();
      for (;;) {
        const auto block = scan->Next();
        if (!block) {
          EXPECT_EQ(block.error().code, ErrorCode::kCorruption);
          EXPECT_NE(block.error().text.find(path), std::string::npos) << block.error().text;
          ++damaged;
        } else if (!*block) {
          break;
        } else {
          ++found;
          EXPECT_TRUE((*block)->bytes == "of another" ||
                      (*block)->bytes == fmt::format("block {}", partition));
        }
      }
    }
    EXPECT_EQ(found + damaged, 4u) << byte;
    EXPECT_GE(found, 1u) << "the other file's";
  }
}

TEST_F(FileStoreTest, EveryCutOfAShuffleFileIsFound) {
  Fill(100);
  const std::string path = ShuffleFile();
  const std::string sound = ReadFile(path).value();
  for (size_t size = 0; size < sound.size(); ++size) {
    Put(path, sound.substr(0, size));
    const auto scan = store_->ScanShuffle(kJob, "t", {50, 0}).value();
    const auto block = scan->Next();
    ASSERT_FALSE(block) << size;
    EXPECT_EQ(block.error().code, ErrorCode::kCorruption);
    EXPECT_EQ(scan->Next().value(), std::nullopt);
  }
}

TEST_F(FileStoreTest, WhatAWriterDidNotFinishIsNotSeenAndGoes) {
  Fill(1);
  {
    auto writer = store_->WriteShuffle(kJob, "t").value();
    ASSERT_TRUE(writer->Put({0, 0, 6, {1, 2}, 0}, std::string(3 << 20, 'x')));
    EXPECT_EQ(Scanned(*store_, kJob, "t", 0, 0), (Texts{"5/1-1/0:block 0"}));
  }
  EXPECT_EQ(Files().size(), 1u);
  // A process that was killed leaves it there; it is not seen either.
  Put(ShuffleFile() + "x.tmp", "half a file");
  EXPECT_EQ(Scanned(*store_, kJob, "t", 0, 0), (Texts{"5/1-1/0:block 0"}));
  ASSERT_TRUE(store_->DropShuffleTable(kJob, "t"));
  EXPECT_EQ(Files(), Texts());
}

TEST_F(FileStoreTest, AnAttemptIsOneFileHoweverManyPartitions) {
  Fill(1000);
  EXPECT_EQ(Files().size(), 1u);
}

TEST_F(FileStoreTest, DroppingAJobRemovesItsFilesAndOpeningWhatADeadProcessLeft) {
  Fill(3);
  ASSERT_TRUE(store_->PutBlock(kJob, "plan", "p"));
  ASSERT_TRUE(store_->DropJob(kJob));
  EXPECT_EQ(Files(), Texts());
  fs::create_directories(Path("removed-0123456789abcdef/blocks"));
  std::ofstream(Path("removed-0123456789abcdef/blocks/plan")) << "x";
  store_ = place_.Open();
  EXPECT_EQ(Files(), Texts());
}

TEST_F(FileStoreTest, ARowHalfWrittenByADeadProcessIsNotListed) {
  ASSERT_TRUE(store_->CompareAndSetJob("j", std::nullopt, {kJob, 7, JobState::kOpen, 0}));
  std::ofstream(Path("jobs/.new")) << "half";
  EXPECT_EQ(store_->ListJobs().value(), (Texts{"j"}));
  ASSERT_TRUE(store_->CompareAndSetJob("k", std::nullopt, {kJob, 7, JobState::kOpen, 0}));
  EXPECT_EQ(store_->ListJobs().value(), (Texts{"j", "k"}));
}

TEST_F(FileStoreTest, AFullDiskIsAnErrorThatNamesTheFileAndNothingIsLeft) {
  Fill(1);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{100'000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const Status block = store_->PutBlock(kJob, "plan", std::string(200'000, 'x'));
  Status shuffle;
  {
    auto writer = store_->WriteShuffle(kJob, "t").value();
    shuffle = writer->Put({0, 0, 6, {1, 2}, 0}, std::string(200'000, 'x'));
    if (shuffle) shuffle = writer->Finish();
  }
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_action);
  for (const Status& status : {block, shuffle}) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::kOutput);
    EXPECT_NE(status.error().text.find(place_.folder()), std::string::npos) << status.error().text;
  }
  EXPECT_EQ(Files().size(), 1u);
  EXPECT_EQ(store_->GetBlock(kJob, "plan").error().code, ErrorCode::kNotFound);
}

TEST_F(FileStoreTest, AFolderThatIsNoStoreIsRefused) {
  Put(Path("format"), "minke store 2\n");
  const auto other = FileStore::Open(place_.folder());
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kConfiguration);
  EXPECT_NE(other.error().text.find(place_.folder()), std::string::npos) << other.error().text;
  const auto in_file = FileStore::Open(Path("format"));
  ASSERT_FALSE(in_file);
  EXPECT_EQ(in_file.error().code, ErrorCode::kOutput);
}

}  // namespace
}  // namespace minke
