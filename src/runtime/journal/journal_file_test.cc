#include "runtime/journal/journal_file.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <vector>

#include "adapter/file_log.h"
#include "adapter/memory_log.h"
#include "adapter/system_clock.h"
#include "base/file.h"
#include "runtime/journal/journal_fold.h"

#include "proto/minke.pb.h"

namespace minke {
namespace {

struct JournalFiles : testing::Test {
  JournalFiles() { std::filesystem::create_directories(folder); }
  ~JournalFiles() override { std::filesystem::remove_all(folder); }

  static LogMessage Message(int64_t offset, const proto::JournalMessage& message) {
    return {offset, 1000 + offset, message.SerializeAsString()};
  }
  // A claim, a message of it, and a copy of that.
  static std::vector<LogMessage> Messages() {
    proto::JournalMessage claim, accepted;
    claim.add_records()->mutable_master_claimed()->set_uuid(7);
    accepted.set_sequence(1);
    proto::JobAccepted* job = accepted.add_records()->mutable_job_accepted();
    job->add_steps()->set_kind(proto::PHASE_MAP);
    job->mutable_steps(0)->set_tasks(3);
    return {Message(0, claim), Message(1, accepted), Message(2, accepted)};
  }

  SystemClock clock;
  MemoryLog log{&clock};
  std::string folder = testing::TempDir() + "journal_files";
  std::string path = folder + "/one.journal";
};

TEST_F(JournalFiles, ComesBackAsItWasWrittenAndIsTheJournalOfAFileLog) {
  ASSERT_TRUE(WriteJournalFile(path, Messages()));
  const auto read = ReadJournalFile(path);
  ASSERT_TRUE(read) << read.error().text;
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ(read->at(1).append_unix_ms, 1001);
  EXPECT_EQ(read->at(1).bytes, Messages()[1].bytes);
  std::filesystem::rename(path, folder + "/journal");
  FileLog file_log(folder, &clock);
  ASSERT_TRUE(file_log.Create());
  EXPECT_EQ(file_log.Range(Topic::kJournal)->second, 3);
}

TEST_F(JournalFiles, ADamagedOneIsRefused) {
  ASSERT_TRUE(WriteJournalFile(path, Messages()));
  const std::string sound = *ReadFile(path);
  for (size_t at = 0; at < sound.size(); ++at) {
    std::string bytes = sound;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    ASSERT_TRUE(WriteFileAtomically(path, bytes, false));
    EXPECT_FALSE(ReadJournalFile(path)) << "byte " << at;
    ASSERT_TRUE(WriteFileAtomically(path, Bytes(sound).substr(0, at), false));
    EXPECT_FALSE(ReadJournalFile(path)) << "cut at " << at;
  }
}

TEST_F(JournalFiles, IsRestoredIntoAnEmptyLogOnly) {
  ASSERT_TRUE(RestoreJournal(log, Messages()));
  std::vector<std::string> found;
  ASSERT_TRUE(ReadJournal(log, [&](const LogMessage& message) -> Status {
    found.push_back(message.bytes);
    return {};
  }));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[2], Messages()[2].bytes);
  const Status again = RestoreJournal(log, Messages());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::kAlreadyExists);
}

TEST_F(JournalFiles, AFoldSaysWhatCounts) {
  JournalFold fold;
  std::vector<bool> counts;
  for (const LogMessage& message : Messages()) {
    const auto counted = fold.Take(message);
    ASSERT_TRUE(counted) << counted.error().text;
    counts.push_back(*counted);
  }
  EXPECT_EQ(counts, (std::vector<bool>{true, true, false}));
  EXPECT_EQ(fold.job().step(0).tasks, 3u);
  EXPECT_EQ(fold.message().records_size(), 1) << "also of what does not count";
}

TEST_F(JournalFiles, WhereThereIsNoneThatIsSaid) {
  const auto status = ReadJournal(log, [](const LogMessage&) -> Status { return {}; });
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace minke
