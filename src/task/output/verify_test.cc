#include "task/output/verify.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "task/output/success_file.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

class VerifyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "verify-test-XXXXXX";
    folder_ = mkdtemp(name.data());
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& content) const {
    const std::string path = folder_ + "/" + name;
    fs::create_directories(fs::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  Result<std::vector<VerifiedOutput>> Verify(const std::string& name, uint64_t size = 0) const {
    return VerifyOutput(folder_ + "/" + name, size);
  }
  VerifiedOutput Main(const std::string& name) const {
    const auto outputs = Verify(name);
    EXPECT_TRUE(outputs) << outputs.error().text;
    return outputs ? outputs->at(0) : VerifiedOutput{};
  }

  std::string folder_;
};

TEST_F(VerifyTest, TheSameRecordsAreTheSameWhateverTheirOrderAndParts) {
  Write("a/part-00000", "one\ntwo\n");
  Write("a/part-00001", "three\n");
  Write("b/part-00000", "three\none\ntwo\n");
  Write("c", "two\nthree\none");
  const VerifiedOutput a = Main("a");
  EXPECT_EQ(a.records, 3u);
  EXPECT_EQ(a.bytes, 14u);
  EXPECT_EQ(a.fingerprint, Hash64("one") + Hash64("two") + Hash64("three"));
  for (const char* same : {"b", "c"}) {
    EXPECT_EQ(Main(same).records, a.records);
    EXPECT_EQ(Main(same).fingerprint, a.fingerprint);
    EXPECT_NE(Main(same).in_order, a.in_order);
  }
  Write("d", "one\ntwo\nthree\n");
  EXPECT_EQ(Main("d").in_order, a.in_order) << "the parts one behind the other";
}

TEST_F(VerifyTest, OtherRecordsAreNot) {
  Write("a", "one\ntwo\n");
  for (const char* other : {"one\ntwo", "one\n\ntwo\n", "one\ntwp\n", "one\r\ntwo\n", "onetwo\n",
                            "one\n", "one\none\ntwo\ntwo\n", ""}) {
    Write("b", other);
    const bool is_same = std::string_view(other) == "one\ntwo";  // without the last line's end
    EXPECT_EQ(Main("b").fingerprint == Main("a").fingerprint, is_same) << other;
  }
}

TEST_F(VerifyTest, LinesLongerThanABatchAreWhole) {
  const std::string line(2'000'000, 'l');
  Write("a", "x\n" + line + "\ny\n");
  EXPECT_EQ(Main("a").fingerprint, Hash64("x") + Hash64(line) + Hash64("y"));
}

TEST_F(VerifyTest, SideOutputsStandOnTheirOwn) {
  Write("a/part-00000", "one\n");
  Write("a/bad-lines-00000", "x\n");
  Write("a/bad-lines-00001", "y\n");
  Write("a/.hidden", "z\n");
  const auto outputs = Verify("a");
  ASSERT_TRUE(outputs);
  ASSERT_EQ(outputs->size(), 2u);
  EXPECT_EQ((*outputs)[0].name, "bad-lines");
  EXPECT_EQ((*outputs)[0].records, 2u);
  EXPECT_EQ((*outputs)[1].name, "part");
  EXPECT_EQ((*outputs)[1].records, 1u);
}

TEST_F(VerifyTest, AnEmptyOutputHasNoRecords) {
  Write("a/part-00000", "");
  Write("a/_SUCCESS", FormatSuccess({}));
  EXPECT_EQ(Main("a").records, 0u);
  fs::create_directory(folder_ + "/b");
  EXPECT_EQ(Main("b"), Main("a"));
}

TEST_F(VerifyTest, FilesThatAreNotWhatTheirSuccessSaysAreCorrupt) {
  Write("a/part-00000", "one\n");
  Write("a/side-00000", "two\n");
  SuccessFile success{{1, Hash64("one"), std::nullopt}, {{"side", {1, Hash64("two"), {}}}}};
  Write("a/_SUCCESS", FormatSuccess(success));
  EXPECT_TRUE(Verify("a"));
  for (const char* file : {"a/part-00000", "a/side-00000"}) {
    const std::string before = *ReadFile(folder_ + "/" + file);
    Write(file, "oops\n");
    const auto outputs = Verify("a");
    ASSERT_FALSE(outputs);
    EXPECT_EQ(outputs.error().code, ErrorCode::kCorruption);
    EXPECT_NE(outputs.error().text.find("not what their _SUCCESS says"), std::string::npos);
    Write(file, before);
  }
  Write("a/_SUCCESS", "what is this");
  EXPECT_EQ(Verify("a").error().code, ErrorCode::kInput);
}

TEST_F(VerifyTest, RawRecordsAreTakenApartByTheirSize) {
  const std::string records = "aa\nbbbcc\n";  // of 3 bytes, line ends among them
  const uint64_t fingerprint = Hash64("aa\n") + Hash64("bbb") + Hash64("cc\n");
  Write("a/part-00000", records);
  Write("a/_SUCCESS", FormatSuccess({{3, fingerprint, 3}, {}}));
  EXPECT_EQ(Main("a").fingerprint, fingerprint);
  EXPECT_EQ(Main("a").record_bytes, 3u);
  Write("file", records);
  EXPECT_EQ(Verify("file", 3)->at(0).fingerprint, fingerprint);
  Write("b/part-00000", "any bytes");
  Write("b/_SUCCESS", FormatSuccess({{2, 12345, 0}, {}}));
  EXPECT_TRUE(Verify("b")) << "of several sizes: nothing can be said";
}

TEST_F(VerifyTest, WhatIsMissingOrUnfinishedIsAnInputError) {
  EXPECT_EQ(Verify("none").error().code, ErrorCode::kInput);
  Write("a/part-00000", "one\n");
  fs::create_directory(folder_ + "/a/.minke-0123456789abcdef");
  const auto outputs = Verify("a");
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().code, ErrorCode::kInput);
  EXPECT_NE(outputs.error().text.find("unfinished"), std::string::npos);
}

}  // namespace
}  // namespace minke
