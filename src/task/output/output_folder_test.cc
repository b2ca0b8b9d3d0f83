#include "task/output/output_folder.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <unistd.h>
#include <vector>

#include "task/output/success_file.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

constexpr Incarnation kRun{0x1234};
constexpr Incarnation kOther{0xabcd};

class OutputFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "output-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    out_ = folder_ + "/out";
  }
  void TearDown() override { fs::remove_all(folder_); }

  static void Write(const std::string& path, const std::string& content) {
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  static std::string AsideOf(Incarnation run) { return ".minke-" + run.Hex(); }

  // Everything in OUT and below: name → content.
  std::map<std::string, std::string> Content() const {
    std::map<std::string, std::string> content;
    if (!fs::exists(out_)) return {{"no folder", ""}};
    for (const auto& entry : fs::recursive_directory_iterator(out_)) {
      const std::string name = fs::relative(entry.path(), out_);
      content[name] = entry.is_directory() ? "/" : *ReadFile(entry.path());
    }
    return content;
  }
  using Files = std::map<std::string, std::string>;

  Result<std::unique_ptr<OutputFolder>> Open(Incarnation run = kRun, bool overwrite = false) const {
    return OutputFolder::Open(out_, run, {.overwrite = overwrite, .sync = false});
  }
  std::string OpenError(Incarnation run = kRun, bool overwrite = false,
                        ErrorCode code = ErrorCode::kAlreadyExists) const {
    const auto folder = Open(run, overwrite);
    if (folder) return "no error";
    EXPECT_EQ(folder.error().code, code);
    return folder.error().text;
  }

  // An attempt writes a part aside; what its report says of it.
  static WinningPart Part(const OutputFolder& folder, uint32_t index, const std::string& content,
                          const std::string& name = "", uint64_t attempt = 1) {
    WinningPart part;
    part.index = index;
    part.attempt = {3, attempt};
    part.file.set_name(name);
    part.file.set_records(1);
    part.file.set_bytes(content.size());
    part.file.set_fingerprint(content.size());
    Write(folder.AttemptPath(name, index, part.attempt), content);
    return part;
  }
  static std::string Success(uint64_t records, uint64_t fingerprint) {
    return FormatSuccess({{records, fingerprint, std::nullopt}, {}});
  }
  // Makes a whole output by an earlier run.
  void MakeOld() {
    auto folder = Open(kOther);
    ASSERT_TRUE(folder);
    const std::vector<WinningPart> parts = {Part(**folder, 0, "old\n"), Part(**folder, 1, "er\n")};
    ASSERT_TRUE((*folder)->Publish(parts));
  }
  const Files old_ = {{"_SUCCESS", Success(2, 7)}, {"part-00000", "old\n"}, {"part-00001", "er\n"}};

  std::string folder_;
  std::string out_;
};

TEST_F(OutputFolderTest, PublishesTheWinnersAndNothingElse) {
  auto folder = Open();
  ASSERT_TRUE(folder);
  std::vector<WinningPart> parts;
  for (uint32_t i = 0; i < 3; ++i) {
    Part(**folder, i, "a loser's", "", 7);
    parts.push_back(Part(**folder, i, std::string(i + 1, 'x')));
  }
  parts.push_back(Part(**folder, 1, "side", "bad"));
  EXPECT_EQ(Content().count("part-00000"), 0u) << "nothing before publishing";
  ASSERT_TRUE((*folder)->Publish(parts));
  const std::string success = FormatSuccess({{3, 6, std::nullopt}, {{"bad", {1, 4, {}}}}});
  const Files want = {{"part-00000", "x"},
                      {"part-00001", "xx"},
                      {"part-00002", "xxx"},
                      {"bad-00001", "side"},
                      {"_SUCCESS", success}};
  EXPECT_EQ(Content(), want);
}

TEST_F(OutputFolderTest, SuccessIsTheSameWhateverTheRunAndTheSplitIntoParts) {
  const auto publish = [&](Incarnation run, std::vector<std::string> contents) {
    fs::remove_all(out_);
    auto folder = Open(run);
    std::vector<WinningPart> parts;
    for (uint32_t i = 0; i < contents.size(); ++i) {
      parts.push_back(Part(**folder, i, contents[i], "", i + run.bits));
    }
    EXPECT_TRUE((*folder)->Publish(parts));
    return *ReadFile(out_ + "/_SUCCESS");
  };
  const std::string one = publish(kRun, {"aa", "b"});
  EXPECT_EQ(one, publish(kOther, {"b", "aa"}));
  EXPECT_EQ(one, "{\"format_version\":1,\"records\":2,\"fingerprint\":\"0000000000000003\"}\n");
}

TEST_F(OutputFolderTest, SuccessTellsTheSizeOfRawRecordsIfAllPartsAgree) {
  const auto publish = [&](std::vector<std::pair<uint64_t, uint64_t>> records_and_size) {
    fs::remove_all(out_);
    auto folder = Open();
    std::vector<WinningPart> parts;
    for (uint32_t i = 0; i < records_and_size.size(); ++i) {
      parts.push_back(Part(**folder, i, "r"));
      parts.back().file.set_raw(true);
      parts.back().file.set_records(records_and_size[i].first);
      parts.back().file.set_record_bytes(records_and_size[i].second);
    }
    EXPECT_TRUE((*folder)->Publish(parts));
    return ParseSuccess(*ReadFile(out_ + "/_SUCCESS"))->main.record_bytes;
  };
  EXPECT_EQ(publish({{5, 100}, {0, 0}, {3, 100}}), 100u);
  EXPECT_EQ(publish({{0, 0}, {3, 100}}), 100u);
  EXPECT_EQ(publish({{5, 100}, {3, 99}}), 0u);
  EXPECT_EQ(publish({{5, 100}, {3, 99}, {1, 100}}), 0u);
  EXPECT_EQ(publish({{0, 0}}), 0u);
}

TEST_F(OutputFolderTest, PartNamesSortAsTheirNumbersDo) {
  EXPECT_EQ(PartName("", 7, 10), "part-00007");
  EXPECT_EQ(PartName("side", 99'999, 100'000), "side-99999");
  EXPECT_EQ(PartName("", 99'999, 100'001), "part-099999");
  EXPECT_EQ(PartName("", 100'000, 100'001), "part-100000");
  EXPECT_EQ(NumberInPartName("bad-lines-00012"), 10u);
  for (const char* other : {"part", "part-0001", "part-0000x", "-00001", ".minke-0000000000001234",
                            "_x-00001", "part-r-0001"}) {
    EXPECT_EQ(NumberInPartName(other), 0u) << other;
  }
}

TEST_F(OutputFolderTest, MakesTheFoldersAndRemovesThemAgainWhenAbandoned) {
  fs::create_directory(folder_ + "/there");
  out_ = folder_ + "/there/a/b/out/";
  auto folder = Open();
  ASSERT_TRUE(folder);
  Part(**folder, 0, "x");
  ASSERT_TRUE((*folder)->Abandon());
  EXPECT_TRUE(fs::is_empty(folder_ + "/there"));
}

TEST_F(OutputFolderTest, AbandonLeavesAFolderThatWasThereBefore) {
  fs::create_directory(out_);
  auto folder = Open();
  Part(**folder, 0, "x");
  ASSERT_TRUE((*folder)->Abandon());
  EXPECT_EQ(Content(), Files{});
}

TEST_F(OutputFolderTest, AFolderThatHoldsSomethingIsRefusedWithAdvice) {
  MakeOld();
  const std::string error = OpenError();
  EXPECT_NE(error.find("is not empty (it holds _SUCCESS)"), std::string::npos) << error;
  EXPECT_NE(error.find("--overwrite"), std::string::npos);
  EXPECT_EQ(Content(), old_) << "nothing was touched";
  fs::remove_all(out_);
  Write(out_, "a file");
  EXPECT_NE(OpenError().find("is a file"), std::string::npos);
}

TEST_F(OutputFolderTest, LostAndFoundDoesNotCount) {
  fs::create_directories(out_ + "/lost+found");
  auto folder = Open();
  ASSERT_TRUE(folder);
  ASSERT_TRUE((*folder)->Publish(std::vector{Part(**folder, 0, "x")}));
  EXPECT_TRUE(fs::exists(out_ + "/lost+found"));
  EXPECT_TRUE(fs::exists(out_ + "/_SUCCESS"));
}

TEST_F(OutputFolderTest, OverwriteRemovesTheOldFilesOnlyAfterSuccess) {
  MakeOld();
  Write(out_ + "/notes.txt", "mine");
  auto folder = Open(kRun, true);
  ASSERT_TRUE(folder);
  EXPECT_EQ(Content().at("part-00001"), "er\n");
  ASSERT_TRUE((*folder)->Publish(std::vector{Part(**folder, 0, "new")}));
  EXPECT_EQ(Content(), (Files{{"part-00000", "new"}, {"_SUCCESS", Success(1, 3)}}));
}

TEST_F(OutputFolderTest, AnAbandonedOverwriteLeavesTheOldOutput) {
  MakeOld();
  auto folder = Open(kRun, true);
  Part(**folder, 0, "new");
  ASSERT_TRUE((*folder)->Abandon());
  EXPECT_EQ(Content(), old_);
}

TEST_F(OutputFolderTest, OverwriteRemovesNoFolders) {
  Write(out_ + "/sub/precious", "x");
  const std::string error = OpenError(kRun, true);
  EXPECT_NE(error.find("holds the folder sub"), std::string::npos) << error;
  EXPECT_EQ(Content(), (Files{{"sub", "/"}, {"sub/precious", "x"}}));
}

TEST_F(OutputFolderTest, AFailedOverwritePutsTheOldOutputBack) {
  MakeOld();
  auto folder = Open(kRun, true);
  std::vector<WinningPart> parts = {Part(**folder, 0, "new"), Part(**folder, 1, "x")};
  fs::remove((*folder)->AttemptPath("", 1, parts[1].attempt));
  const Status status = (*folder)->Publish(parts);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kOutput);
  ASSERT_TRUE((*folder)->Abandon());
  EXPECT_EQ(Content(), old_);
}

TEST_F(OutputFolderTest, PublishingReplacesNothing) {
  auto folder = Open();
  const std::vector<WinningPart> parts = {Part(**folder, 0, "a"), Part(**folder, 1, "b")};
  Write(out_ + "/part-00001", "somebody else's");
  const Status status = (*folder)->Publish(parts);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().text.find("part-00001 has appeared"), std::string::npos);
  EXPECT_FALSE(fs::exists(out_ + "/part-00000")) << "moved back";
  EXPECT_FALSE(fs::exists(out_ + "/_SUCCESS"));
  EXPECT_EQ(*ReadFile(out_ + "/part-00001"), "somebody else's");
  fs::remove(out_ + "/part-00001");
  EXPECT_TRUE((*folder)->Publish(parts)) << "once it is gone";
}

TEST_F(OutputFolderTest, TwoRunsCannotWriteToOneFolder) {
  auto first = Open(kRun);
  ASSERT_TRUE(first);
  const std::string error = OpenError(kOther);
  EXPECT_NE(error.find("another run is writing"), std::string::npos) << error;
  EXPECT_FALSE(fs::exists(out_ + "/" + AsideOf(kOther)));
  EXPECT_NE(OpenError(kRun).find("this very run"), std::string::npos);
  ASSERT_TRUE((*first)->Publish(std::vector{Part(**first, 0, "x")}));
}

TEST_F(OutputFolderTest, ADeadRunsFilesAreCleanedUpByTheNext) {
  {
    auto dead = Open(kOther);
    Part(**dead, 0, "x");
    Part(**dead, 1, "y");
  }
  auto folder = Open();
  ASSERT_TRUE(folder) << folder.error().text;
  EXPECT_FALSE(fs::exists(out_ + "/" + AsideOf(kOther)));
  ASSERT_TRUE((*folder)->Publish(std::vector{Part(**folder, 0, "mine")}));
  EXPECT_EQ(Content(), (Files{{"part-00000", "mine"}, {"_SUCCESS", Success(1, 4)}}));
}

// The history half-renamed: killed between two renames of part files.
TEST_F(OutputFolderTest, HalfRenamedStartsCleanInAnotherRun) {
  {
    auto dead = Open(kOther);
    const WinningPart part = Part(**dead, 0, "half");
    Part(**dead, 1, "other half");
    fs::rename((*dead)->AttemptPath("", 0, part.attempt), out_ + "/part-00000");
  }
  auto folder = Open();
  ASSERT_TRUE(folder) << folder.error().text;
  EXPECT_FALSE(fs::exists(out_ + "/part-00000"));
}

TEST_F(OutputFolderTest, HalfRenamedGoesOnInTheSameRun) {
  std::vector<WinningPart> parts;
  {
    auto dead = Open();
    parts = {Part(**dead, 0, "half"), Part(**dead, 1, "other half")};
    fs::rename((*dead)->AttemptPath("", 0, parts[0].attempt), out_ + "/part-00000");
  }
  auto folder = Open();
  ASSERT_TRUE(folder) << folder.error().text;
  ASSERT_TRUE((*folder)->Publish(parts));
  EXPECT_EQ(
      Content(),
      (Files{{"part-00000", "half"}, {"part-00001", "other half"}, {"_SUCCESS", Success(2, 14)}}));
}

TEST_F(OutputFolderTest, ATemporaryFolderWithoutANoteIsADeadRunToo) {
  Write(out_ + "/" + AsideOf(kOther) + "/part-00001.1-1", "x");
  Write(out_ + "/part-00000", "half");
  auto folder = Open();
  ASSERT_TRUE(folder) << folder.error().text;
  EXPECT_EQ(Content().count("part-00000"), 0u);
}

TEST_F(OutputFolderTest, PublishedButNotTidiedCountsAsFull) {
  MakeOld();
  Write(out_ + "/" + AsideOf(kOther) + "/lock", "made 1\nreplaces 0\n");
  Write(out_ + "/" + AsideOf(kOther) + "/part-00000.1-2", "a loser");
  EXPECT_NE(OpenError().find("is not empty"), std::string::npos);
  EXPECT_EQ(Content(), old_) << "tidied";
}

// An overwriting run was killed at each step of publishing; the next one finds the old output or
// the new one, whole.
TEST_F(OutputFolderTest, AKilledOverwriteIsUndoneAtEveryStep) {
  const std::string aside = out_ + "/" + AsideOf(kOther);
  for (int step = 0; step <= 7; ++step) {
    fs::remove_all(out_);
    MakeOld();
    Write(aside + "/lock", "made 0\nreplaces 1\n");
    Write(aside + "/part-00000.3-1", "new");
    const std::string replacing = aside + "/replacing";
    const std::string replaced = aside + "/replaced";
    if (step >= 1) fs::create_directory(replacing);
    if (step >= 2) fs::rename(out_ + "/_SUCCESS", replacing + "/_SUCCESS");
    if (step >= 3) fs::rename(out_ + "/part-00000", replacing + "/part-00000");
    if (step >= 4) fs::rename(out_ + "/part-00001", replacing + "/part-00001");
    if (step >= 5) fs::rename(replacing, replaced);
    if (step >= 6) fs::rename(aside + "/part-00000.3-1", out_ + "/part-00000");
    if (step >= 7) Write(out_ + "/_SUCCESS", Success(1, 3));
    EXPECT_NE(OpenError().find("is not empty"), std::string::npos);
    const Files fresh = {{"part-00000", "new"}, {"_SUCCESS", Success(1, 3)}};
    EXPECT_EQ(Content(), step < 7 ? old_ : fresh) << "killed at step " << step;
  }
}

TEST_F(OutputFolderTest, AKilledOverwriteOfForeignFilesLosesNone) {
  const std::string aside = out_ + "/" + AsideOf(kOther);
  Write(out_ + "/part-00000", "foreign, and no _SUCCESS");
  Write(aside + "/lock", "made 0\nreplaces 1\n");
  EXPECT_NE(OpenError().find("it holds part-00000"), std::string::npos);
  EXPECT_EQ(Content(), (Files{{"part-00000", "foreign, and no _SUCCESS"}}));
}

TEST_F(OutputFolderTest, TheParentCleansUpAfterAKilledChild) {
  {
    auto dead = Open();
    Part(**dead, 0, "x");
  }
  ASSERT_TRUE(OutputFolder::CleanUp(out_, kRun));
  EXPECT_FALSE(fs::exists(out_)) << "it was made for the run";
  EXPECT_TRUE(OutputFolder::CleanUp(out_, kRun)) << "nothing there is no error";
  MakeOld();
  ASSERT_TRUE(OutputFolder::CleanUp(out_, kOther));
  EXPECT_EQ(Content(), old_) << "published stays";
}

TEST_F(OutputFolderTest, AnUnwritablePlaceIsAnOutputError) {
  const std::string error = [&] {
    out_ = "/proc/none/out";
    return OpenError(kRun, false, ErrorCode::kOutput);
  }();
  EXPECT_NE(error.find("cannot make /proc/none"), std::string::npos) << error;
  Write(folder_ + "/file", "x");
  out_ = folder_ + "/file/out";
  EXPECT_NE(OpenError(kRun, false, ErrorCode::kOutput).find("Not a directory"), std::string::npos);
}

TEST_F(OutputFolderTest, APublishedRunThatStaysIsKnownToTheProcessThatGoesOnWithIt) {
  const OutputFolderOptions options = {.overwrite = false, .sync = false, .stays = true};
  std::vector<WinningPart> parts;
  {
    const auto dead = OutputFolder::Open(out_, kRun, options).value();
    parts = {Part(*dead, 0, "x")};
    Part(*dead, 1, "a loser's");
    ASSERT_TRUE(dead->Publish(parts));
  }
  const auto folder = OutputFolder::Open(out_, kRun, options);
  ASSERT_TRUE(folder) << folder.error().text;
  ASSERT_TRUE((*folder)->Publish(parts)) << "again";
  ASSERT_TRUE((*folder)->Abandon());
  EXPECT_EQ(Content(), (Files{{"part-00000", "x"}, {"_SUCCESS", Success(1, 1)}}));
}

TEST_F(OutputFolderTest, SyncedOutputIsTheSame) {
  auto folder = OutputFolder::Open(out_, kRun, {.overwrite = false, .sync = true});
  ASSERT_TRUE((*folder)->Publish(std::vector{Part(**folder, 0, "x")}));
  EXPECT_EQ(Content(), (Files{{"part-00000", "x"}, {"_SUCCESS", Success(1, 1)}}));
}

TEST(SuccessFile, ReadsBackWhatItWrote) {
  const SuccessFile files[] = {
      {{0, 0, std::nullopt}, {}},
      {{12, UINT64_MAX, 100}, {{"a\"b", {1, 2, std::nullopt}}, {"z", {3, 4, 0}}}},
  };
  for (const SuccessFile& file : files) EXPECT_EQ(*ParseSuccess(FormatSuccess(file)), file);
}

TEST(SuccessFile, RefusesWhatIsNone) {
  const std::string good = FormatSuccess({{12, 5, 100}, {{"side", {1, 2, 3}}}});
  for (size_t size = 0; size + 1 < good.size(); ++size) {
    EXPECT_FALSE(ParseSuccess(good.substr(0, size))) << size;
  }
  for (const char* bad :
       {"", "{}", "[]", "1", "{\"format_version\":2,\"records\":1,\"fingerprint\":\"0\"}",
        "{\"format_version\":1,\"records\":-1,\"fingerprint\":\"0\"}",
        "{\"format_version\":1,\"records\":1,\"fingerprint\":\"xyz\"}",
        "{\"format_version\":1,\"records\":1,\"fingerprint\":7}",
        "{\"format_version\":1,\"records\":1,\"fingerprint\":\"0\",\"side_outputs\":[]}",
        "{\"format_version\":1,\"records\":1,\"fingerprint\":\"0\",\"record_bytes\":\"x\"}"}) {
    EXPECT_FALSE(ParseSuccess(bad)) << bad;
  }
}

}  // namespace
}  // namespace minke
