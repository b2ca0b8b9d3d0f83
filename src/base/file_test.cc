#include "base/file.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace minke {
namespace {

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = testing::TempDir() + "minke-file-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  std::string folder_;
};

TEST_F(FileTest, ReadsBackWhatWasWritten) {
  File file = File::Open(Path("a"), File::Mode::kCreate).value();
  ASSERT_TRUE(file.WriteAt(0, "hello world"));
  ASSERT_TRUE(file.WriteAt(6, "minke"));
  ASSERT_TRUE(file.Sync());
  EXPECT_EQ(file.Size().value(), 11u);
  std::string bytes(20, '?');
  EXPECT_EQ(file.ReadAt(6, bytes.data(), 20).value(), 5u) << "fewer at the end only";
  EXPECT_EQ(bytes.substr(0, 5), "minke");
  EXPECT_EQ(file.ReadAt(100, bytes.data(), 20).value(), 0u);
  ASSERT_TRUE(file.Close());
  EXPECT_FALSE(file.is_open());
  EXPECT_EQ(ReadFile(Path("a")).value(), "hello minke");
}

TEST_F(FileTest, ModesSayWhatMustBeThere) {
  const auto absent = File::Open(Path("a"), File::Mode::kRead);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::kNotFound);
  EXPECT_NE(absent.error().text.find(Path("a")), std::string::npos);
  ASSERT_TRUE(File::Open(Path("a"), File::Mode::kCreate));
  EXPECT_EQ(File::Open(Path("a"), File::Mode::kCreate).error().code, ErrorCode::kAlreadyExists);
  EXPECT_EQ(File::Open(Path("no/a"), File::Mode::kReplace).error().code, ErrorCode::kOutput);
  EXPECT_EQ(ReadFile(folder_).error().code, ErrorCode::kInput) << "a folder has no bytes";
}

TEST_F(FileTest, ReplaceEmptiesAndAppendGoesToTheEnd) {
  ASSERT_TRUE(File::Open(Path("a"), File::Mode::kReplace).value().Write("longer"));
  ASSERT_TRUE(File::Open(Path("a"), File::Mode::kReplace).value().Write("one "));
  ASSERT_TRUE(File::Open(Path("a"), File::Mode::kAppend).value().Write("two "));
  ASSERT_TRUE(File::Open(Path("a"), File::Mode::kAppend).value().Write("three"));
  EXPECT_EQ(ReadFile(Path("a")).value(), "one two three");
}

TEST_F(FileTest, UpdateWritesWhereItIsToldAndMakesNothing) {
  EXPECT_EQ(File::Open(Path("a"), File::Mode::kUpdate).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "abcdef", false));
  File file = File::Open(Path("a"), File::Mode::kUpdate).value();
  ASSERT_TRUE(file.WriteAt(1, "XY"));
  ASSERT_TRUE(file.Resize(5));
  EXPECT_EQ(ReadFile(Path("a")).value(), "aXYde");
}

TEST_F(FileTest, AScratchFileHasNoName) {
  File file = File::Open(folder_, File::Mode::kScratch).value();
  ASSERT_TRUE(file.WriteAt(0, "spilled"));
  EXPECT_EQ(file.Size().value(), 7u);
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(FileTest, AMovedFileIsStillOpen) {
  File file = File::Open(Path("a"), File::Mode::kCreate).value();
  const int fd = file.fd();
  File moved = std::move(file);
  EXPECT_EQ(moved.fd(), fd);
  EXPECT_TRUE(moved.Write("x"));
}

TEST_F(FileTest, AFullDiskIsAnOutputErrorThatSaysWhatToDo) {
  File full = File::Open("/dev/full", File::Mode::kAppend).value();
  const Status status = full.Write("x");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kOutput);
  EXPECT_EQ(status.error().text,
            "cannot write /dev/full: No space left on device; free some space there, or name "
            "another folder");
}

TEST_F(FileTest, AnAtomicWriteReplacesAndLeavesNothingBeside) {
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "old", false));
  ASSERT_TRUE(WriteFileAtomically(Path("a"), "new", true));
  EXPECT_EQ(ReadFile(Path("a")).value(), "new");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

TEST_F(FileTest, AFailedAtomicWriteLeavesTheOldAndNothingBeside) {
  std::filesystem::create_directories(Path("a/in-the-way"));
  const Status status = WriteFileAtomically(Path("a"), "new", false);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kOutput);
  EXPECT_TRUE(std::filesystem::is_directory(Path("a/in-the-way")));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
}

}  // namespace
}  // namespace minke
