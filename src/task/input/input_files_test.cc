#include "task/input/input_files.h"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace minke {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

class InputFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "input-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    before_ = fs::current_path();
    fs::current_path(folder_);
    options_.spill_folder = folder_;
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }

  static void Write(const fs::path& path, const std::string& content = "text\n") {
    if (path.has_parent_path()) fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  Result<InputFiles> Find(const std::vector<std::string>& named) const {
    return FindInputFiles(named, options_);
  }
  std::vector<std::string> Paths(const std::vector<std::string>& named) const {
    const auto found = Find(named);
    if (!found) return {found.error().text};
    std::vector<std::string> paths;
    for (const proto::InputFile& file : found->files) {
      paths.push_back(file.tag().empty() ? file.path() : file.tag() + "|" + file.path());
    }
    return paths;
  }
  std::string ErrorOf(const std::vector<std::string>& named,
                      ErrorCode code = ErrorCode::kInput) const {
    const auto found = Find(named);
    if (found) return "no error";
    EXPECT_EQ(found.error().code, code) << found.error().text;
    return found.error().text;
  }
  // What a reader of the spooled copy gets.
  static std::string Spooled(const proto::InputFile& file) {
    std::ifstream stream(file.spooled(), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }

  std::string folder_;
  fs::path before_;
  InputFileOptions options_;
};

using Strings = std::vector<std::string>;

TEST_F(InputFilesTest, KeepsTheOrderOfTheArgumentsAndReadsTwiceWhatIsNamedTwice) {
  for (const char* name : {"a", "b", "c"}) Write(name);
  EXPECT_EQ(Paths({"c", "a", "b", "a"}), (Strings{"c", "a", "b", "a"}));
  EXPECT_EQ(Paths({}), Strings{});
}

TEST_F(InputFilesTest, AFolderGivesAllBelowItInByteOrderOfThePath) {
  for (const char* name : {"d/b", "d/a/z", "d/a.txt", "d/a/b/c", "d/Z", "d/\xc3\xa9"}) Write(name);
  const Strings want = {"d/Z", "d/a.txt", "d/a/b/c", "d/a/z", "d/b", "d/\xc3\xa9"};
  EXPECT_EQ(Paths({"d"}), want);
  EXPECT_EQ(Paths({"d/"}), want);
  fs::current_path("d/a");
  EXPECT_EQ(Paths({"."}), (Strings{"./b/c", "./z"}));
}

TEST_F(InputFilesTest, FoldersLeaveOutNamesThatBeginWithADotOrAnUnderscore) {
  for (const char* name : {"d/.a", "d/_SUCCESS", "d/.h/x", "d/_t/x", "d/ok", "d/a_b.c"})
    Write(name);
  EXPECT_EQ(Paths({"d"}), (Strings{"d/a_b.c", "d/ok"}));
  EXPECT_EQ(Paths({"d/_SUCCESS", "d/.h"}), (Strings{"d/_SUCCESS", "d/.h/x"})) << "named: given";
}

TEST_F(InputFilesTest, AnEmptyFolderAndAnEmptyFileAreNoErrors) {
  fs::create_directory("d");
  Write("e", "");
  EXPECT_EQ(Paths({"d"}), Strings{});
  EXPECT_EQ(Paths({"e"}), Strings{"e"});
  EXPECT_EQ(Find({"e"})->files[0].size(), 0u);
}

TEST_F(InputFilesTest, GlobsGiveTheirMatchesInByteOrderAndWhatIsInMatchedFolders) {
  for (const char* name : {"x/b1.txt", "x/a2.txt", "y/a1.txt", "y/a1.log", "x/sub.txt/in"}) {
    Write(name);
  }
  EXPECT_EQ(Paths({"*/*.txt"}), (Strings{"x/a2.txt", "x/b1.txt", "x/sub.txt/in", "y/a1.txt"}));
  EXPECT_EQ(Paths({"?/a[13].*"}), (Strings{"y/a1.log", "y/a1.txt"}));
  EXPECT_EQ(Paths({"[!y]/b*"}), Strings{"x/b1.txt"});
  EXPECT_EQ(Paths({folder_ + "/y/*.log"}), Strings{folder_ + "/y/a1.log"});
  EXPECT_EQ(Paths({"*/sub.txt/in"}), Strings{"x/sub.txt/in"});
  EXPECT_EQ(Paths({"y*/"}), (Strings{"y/a1.log", "y/a1.txt"}));
}

TEST_F(InputFilesTest, WildcardsDoNotMatchHiddenNamesUnlessThePatternBeginsSo) {
  for (const char* name : {"d/.a.txt", "d/_a.txt", "d/a.txt"}) Write(name);
  EXPECT_EQ(Paths({"d/*.txt"}), Strings{"d/a.txt"});
  EXPECT_EQ(Paths({"d/?a.txt"}), Strings{ErrorOf({"d/?a.txt"})});
  EXPECT_EQ(Paths({"d/_*.txt", "d/.*.txt"}), (Strings{"d/_a.txt", "d/.a.txt"}));
}

TEST_F(InputFilesTest, AFileOfTheLiteralNameIsNoPattern) {
  Write("a[1].txt");
  Write("a1.txt");
  EXPECT_EQ(Paths({"a[1].txt"}), Strings{"a[1].txt"});
}

TEST_F(InputFilesTest, APatternThatMatchesNothingIsAnErrorThatNamesIt) {
  Write("d/a.txt");
  EXPECT_NE(ErrorOf({"d/*.log"}).find("no file matches the pattern d/*.log"), std::string::npos);
  EXPECT_NE(ErrorOf({"none/*.log"}).find("no file matches"), std::string::npos);
  EXPECT_NE(ErrorOf({"**/a.txt"}, ErrorCode::kInvalidArgument).find("folders are read with all"),
            std::string::npos);
}

TEST_F(InputFilesTest, WhatIsMissingOrUnreadableIsNamedWithAdvice) {
  EXPECT_EQ(ErrorOf({"none.txt"}),
            "cannot read none.txt: No such file or directory; check the name");
  EXPECT_NE(ErrorOf({""}, ErrorCode::kInvalidArgument), "no error");
  Write("d/secret");
  fs::permissions("d/secret", fs::perms::none);
  fs::create_directory("d/locked");
  fs::permissions("d/locked", fs::perms::none);
  fs::permissions(folder_, fs::perms::all);
  const bool is_root = geteuid() == 0;  // whom nothing is denied
  ASSERT_EQ(seteuid(is_root ? 65534 : geteuid()), 0);
  const std::string file = ErrorOf({"d/secret"});
  const std::string folder = ErrorOf({"d/locked"});
  ASSERT_EQ(seteuid(is_root ? 0 : geteuid()), 0);
  fs::permissions("d/locked", fs::perms::all);
  EXPECT_EQ(file, "cannot read d/secret: Permission denied; check its permissions");
  EXPECT_EQ(folder, "cannot read d/locked: Permission denied; check its permissions");
}

TEST_F(InputFilesTest, SymlinksAreFollowedAndLoopsRefused) {
  Write("real/a");
  fs::create_directory("d");
  fs::create_directory_symlink("../real", "d/link");
  fs::create_symlink("../real/a", "d/file");
  EXPECT_EQ(Paths({"d"}), (Strings{"d/file", "d/link/a"}));
  fs::create_directory_symlink("..", "real/up");
  EXPECT_NE(ErrorOf({"real"}).find("real/up/real leads back to real"), std::string::npos)
      << ErrorOf({"real"});
  fs::create_symlink("self", "self");
  EXPECT_NE(ErrorOf({"self"}).find("loop"), std::string::npos);
  fs::create_directory("e");
  fs::create_symlink("gone", "e/dangling");
  EXPECT_NE(ErrorOf({"e"}).find("e/dangling: it is a symlink to nothing"), std::string::npos);
}

TEST_F(InputFilesTest, ATagStandsBeforeAPathUnlessAFileHasTheWholeName) {
  Write("a.tsv");
  Write("d/b.tsv");
  EXPECT_EQ(Paths({"left=a.tsv", "right=d", "x-1=d/*.tsv"}),
            (Strings{"left|a.tsv", "right|d/b.tsv", "x-1|d/b.tsv"}));
  Write("left=a.tsv");
  EXPECT_EQ(Paths({"left=a.tsv", "left=left=a.tsv", "./left=a.tsv"}),
            (Strings{"left=a.tsv", "left|left=a.tsv", "./left=a.tsv"}));
  Write("year=2024/x.txt");
  EXPECT_EQ(Paths({"year=2024", "year=2024/*.txt"}),
            (Strings{"year=2024/x.txt", "year=2024/x.txt"}));
  EXPECT_NE(ErrorOf({"1st=a.tsv"}).find("cannot read 1st=a.tsv"), std::string::npos);
  EXPECT_NE(ErrorOf({"left="}, ErrorCode::kInvalidArgument).find("names no path"),
            std::string::npos);
}

TEST_F(InputFilesTest, RemembersWhatAFileWasLike) {
  Write("a", "12345");
  struct stat info{};
  ASSERT_EQ(stat("a", &info), 0);
  const auto found = Find({"a"});
  ASSERT_TRUE(found);
  const proto::InputFile& file = found->files[0];
  EXPECT_EQ(file.size(), 5u);
  EXPECT_EQ(file.inode(), info.st_ino);
  EXPECT_EQ(file.modified_ns(), info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec);
  EXPECT_EQ(file.compression(), 0u);
  EXPECT_EQ(file.spooled(), "");
}

TEST_F(InputFilesTest, FindsGzipAndZstdByTheirFirstBytesWhateverTheName) {
  Write("a.txt", "\x1f\x8b\x08 and so on");
  Write("b", "\x28\xb5\x2f\xfd and so on");
  Write("c", "\x50\x2a\x4d\x18 a frame to skip");
  Write("d.gz", "plain text");
  Write("e", "\x1f");
  const auto found = Find({"a.txt", "b", "c", "d.gz", "e"});
  ASSERT_TRUE(found);
  const uint32_t want[] = {1, 2, 2, 0, 0};
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(found->files[i].compression(), want[i]) << i;
}

TEST_F(InputFilesTest, OtherCompressionIsRefusedByName) {
  const std::pair<const char*, std::string> packed[] = {
      {"bzip2", "BZh91AY&SY\x01\x02"s},
      {"bzip2", "BZh1\x17\x72\x45\x38\x50\x90"s},
      {"xz", "\xfd\x37zXZ\0\0"s},
      {"lz4", "\x04\x22\x4d\x18@"s},
      {"zip", "PK\x03\x04 and so on"s},
      {"7z", "7z\xbc\xaf\x27\x1c"s},
      {"compress", "\x1f\x9d\x90"s},
      {"lzip", "LZIP\x01\x0c"s},
      {"lzma", "\x5d\0\0\x80\0\xff\xff\xff\xff\xff\xff\xff\xff\0\x01"s},
      {"snappy", "\xff\x06\0\0sNaPpY"s},
  };
  for (const auto& [name, content] : packed) {
    Write("file", content);
    const std::string error = ErrorOf({"file"});
    EXPECT_NE(error.find("file is packed with "s + name), std::string::npos) << error;
    EXPECT_NE(error.find("unpack it"), std::string::npos);
  }
  for (const char* text : {"BZh9 is how bzip2 begins", "BZhX1AY&SY", "LZIP was", "PK", "]"}) {
    Write("file", text);
    EXPECT_EQ(Find({"file"})->files[0].compression(), 0u) << text;
  }
}

TEST_F(InputFilesTest, FixedRecordsMayBeginWithAnyBytesIfTheNameDoesNotSayPacked) {
  options_.kind = MINKE_FIXED;
  Write("a", "\x1f\x8b\x08");
  Write("b.gz", "\x1f\x8b\x08");
  Write("c", "BZh91AY&SY");
  const auto found = Find({"a", "b.gz", "c"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->files[0].compression(), 0u);
  EXPECT_EQ(found->files[1].compression(), 1u);
  EXPECT_EQ(found->files[2].compression(), 0u);
}

TEST_F(InputFilesTest, APipeIsCopiedAndReadUnderItsName) {
  ASSERT_EQ(mkfifo("pipe", 0600), 0);
  const std::string text(3'000'000, 'x');
  std::thread writer([&] { Write("pipe", text); });
  const auto found = Find({"left=pipe"});
  writer.join();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->files[0].path(), "pipe");
  EXPECT_EQ(found->files[0].tag(), "left");
  EXPECT_EQ(found->files[0].size(), text.size());
  EXPECT_EQ(Spooled(found->files[0]), text);
}

TEST_F(InputFilesTest, APipeInsideAFolderIsRefusedRatherThanWaitedFor) {
  fs::create_directory("d");
  ASSERT_EQ(mkfifo("d/pipe", 0600), 0);
  EXPECT_NE(ErrorOf({"d"}).find("d/pipe is a pipe"), std::string::npos);
  EXPECT_NE(ErrorOf({"d/*"}).find("d/pipe is a pipe"), std::string::npos);
}

TEST_F(InputFilesTest, DevicesAndFilesOfProcAreCopied) {
  const auto found = Find({"/dev/null", "/proc/self/status"});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->files[0].size(), 0u);
  EXPECT_GT(found->files[1].size(), 0u);
  EXPECT_EQ(Spooled(found->files[1]).substr(0, 5), "Name:");
}

class StandardInput {
 public:
  explicit StandardInput(int fd) : saved_(dup(STDIN_FILENO)) { dup2(fd, STDIN_FILENO); }
  ~StandardInput() {
    dup2(saved_, STDIN_FILENO);
    close(saved_);
  }

 private:
  int saved_;
};

TEST_F(InputFilesTest, StandardInputIsCopiedOnceAndMayBeNamedTwice) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "BZhello\n", 8), 8);
  close(ends[1]);
  const StandardInput input(ends[0]);
  close(ends[0]);
  const auto found = Find({"-", "again=-"});
  ASSERT_TRUE(found);
  ASSERT_EQ(found->files.size(), 2u);
  for (const proto::InputFile& file : found->files) {
    EXPECT_EQ(file.path(), "-");
    EXPECT_EQ(Spooled(file), "BZhello\n");
  }
  EXPECT_EQ(found->files[1].tag(), "again");
}

TEST_F(InputFilesTest, StandardInputFromAFileIsReadInPlaceAndFromItsMiddleCopied) {
  Write("file", "one\ntwo\n");
  const int fd = open("file", O_RDONLY);
  const StandardInput input(fd);
  close(fd);
  const auto whole = Find({"-"});
  ASSERT_TRUE(whole);
  EXPECT_TRUE(whole->spooled.empty());
  EXPECT_EQ(Spooled(whole->files[0]), "one\ntwo\n");
  lseek(STDIN_FILENO, 4, SEEK_SET);
  const auto rest = Find({"-"});
  ASSERT_TRUE(rest);
  EXPECT_EQ(Spooled(rest->files[0]), "two\n");
}

TEST_F(InputFilesTest, ACopyThatDoesNotFitNamesTheSpillSettings) {
  options_.spill_bytes_max = 1000;
  const std::string over = ErrorOf({"/dev/zero"}, ErrorCode::kConfiguration);
  EXPECT_NE(over.find("longer than 1000 bytes"), std::string::npos) << over;
  EXPECT_NE(over.find("--spill"), std::string::npos);
  options_.spill_folder = folder_ + "/none";
  EXPECT_NE(ErrorOf({"/dev/null"}, ErrorCode::kConfiguration).find("--spill"), std::string::npos);
}

TEST_F(InputFilesTest, AnOutputInsideAnInputFolderOrEqualToAnInputIsRefused) {
  Write("in/a");
  Write("in/sub/b");
  Write("lone");
  fs::create_directory_symlink("in/sub", "alias");
  const auto inputs = Find({"in", "lone"});
  ASSERT_TRUE(inputs);
  for (const char* bad : {"in", "in/", "./in/../in", "in/out", "in/x/y/out", "alias", "alias/out",
                          "in/sub/out", "lone", "./lone", "."}) {
    const Status status = CheckOutputApart(bad, *inputs);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(status.error().text.find("name another place"), std::string::npos);
  }
  for (const char* good : {"out", "into", "x/in/out", "lone2", "../somewhere"}) {
    EXPECT_TRUE(CheckOutputApart(good, *inputs)) << good;
  }
}

TEST_F(InputFilesTest, AnOutputBesideTheFilesOfAGlobIsFine) {
  Write("in/a.txt");
  const auto inputs = Find({"in/*.txt"});
  ASSERT_TRUE(inputs);
  EXPECT_TRUE(CheckOutputApart("in/out", *inputs));
  EXPECT_FALSE(CheckOutputApart("in", *inputs)) << "it holds an input";
}

}  // namespace
}  // namespace minke
