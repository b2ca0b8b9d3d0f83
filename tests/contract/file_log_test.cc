#include "adapter/file_log.h"

#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/file_log_format.h"
#include "adapter/system_clock.h"
#include "base/file.h"
#include "log_contract.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

// A folder that goes when the object does.
class Folder {
 public:
  Folder() {
    std::string name = fs::temp_directory_path() / "file-log-test-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class FilePlace final : public LogPlace {
 public:
  explicit FilePlace(int64_t look_ms) { options_.look_ms = look_ms; }
  std::unique_ptr<Log> Open() override {
    return std::make_unique<FileLog>(folder_.path() + "/log", &clock_, options_);
  }

 private:
  Folder folder_;
  SystemClock clock_;
  FileLogOptions options_;
};

LogKind Kind(const std::string& name, int64_t look_ms) {
  return {name, true, [look_ms] { return std::make_unique<FilePlace>(look_ms); }};
}

INSTANTIATE_TEST_SUITE_P(File, LogContract, testing::Values(Kind("told", 0), Kind("looking", 5)));

class FileLogTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return folder_.path() + "/" + name; }
  std::string Content(const std::string& name) const { return ReadFile(Path(name)).value(); }
  void Put(const std::string& name, const std::string& bytes) const {
    ASSERT_TRUE(WriteFileAtomically(Path(name), bytes, false));
  }
  // As the next process finds it: in place, so that who has it open sees the change.
  void Change(const std::string& name, uint64_t byte, const std::string& bytes) const {
    ASSERT_TRUE(File::Open(Path(name), File::Mode::kUpdate).value().WriteAt(byte, bytes));
  }

  std::unique_ptr<FileLog> Open(FileLogOptions options = {}) const {
    return std::make_unique<FileLog>(folder_.path(), &clock_, options);
  }
  // Created, filled, and closed again.
  void Fill(const std::vector<std::string>& journal) const {
    const auto log = Open();
    ASSERT_TRUE(log->Create());
    for (const std::string& bytes : journal) ASSERT_TRUE(log->Append(Topic::kJournal, bytes));
  }
  static std::vector<std::string> All(Log& log) {
    std::vector<std::string> texts;
    const auto reader = log.Read(Topic::kJournal, log.Range(Topic::kJournal).value().first).value();
    const auto batch = reader->Poll(1 << 20).value();
    texts.reserve(batch.size());
    for (const LogMessage& message : batch) texts.push_back(message.bytes);
    return texts;
  }
  // Appends, and waits until it can be read.
  static void AppendAndWait(Log& log, const std::string& bytes) {
    const int64_t end = log.Range(Topic::kJournal).value().second;
    ReadyCount ready(log);
    ASSERT_TRUE(log.Append(Topic::kJournal, bytes));
    ASSERT_TRUE(ready.WaitUntil([&] { return log.Range(Topic::kJournal).value().second > end; }));
    log.OnReady(nullptr);
  }
  // The error of reading the journal from its beginning.
  static Error ErrorOfReading(Log& log) {
    const auto reader = log.Read(Topic::kJournal, 0).value();
    for (;;) {
      const auto batch = reader->Poll(1);
      if (!batch) return batch.error();
      if (batch->empty()) return Error{ErrorCode::kInternal, "no error"};
    }
  }

  Folder folder_;
  SystemClock clock_;
};

using Texts = std::vector<std::string>;

std::string Hex(Bytes bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
  return hex;
}

TEST(FileLogFormat, HasTheBytesOfVersion1) {
  LogHeader header;
  header.topic = Topic::kInbox;
  header.is_closed = true;
  header.cuts = 3;
  header.id = 0x0102030405060708;
  header.boot = 0x1112131415161718;
  header.first = 5;
  header.end = 7;
  header.end_bytes = 110;
  EXPECT_EQ(Hex(EncodeLogHeader(header)),
            "6d696e6b656c6f6701000101030000000807060504030201181716151413121105000000"
            "0000000007000000000000006e0000000000000013f26812f5305b3f");
  EXPECT_EQ(DecodeLogHeader(EncodeLogHeader(header)).value(), header);
  std::string frame;
  AppendFrame(frame, header.id, {5, 1'700'000'000'000, "whale"});
  EXPECT_EQ(Hex(frame), "bf1aa7d6bd754f5e050000000068e5cf8b0100007768616c65");
}

TEST_F(FileLogTest, ATornTailIsPassedOverByReadersAndCutByTheNextWriter) {
  Fill({"one", "two"});
  const std::string sound = Content("journal");
  std::string frame;
  AppendFrame(frame, DecodeLogHeader(sound).value().id, {2, 1, "never whole"});
  for (size_t size = 1; size < frame.size(); ++size) {
    Put("journal", sound + frame.substr(0, size));
    const auto log = Open();
    EXPECT_EQ(All(*log), (Texts{"one", "two"}));
    AppendAndWait(*log, "3");
    EXPECT_EQ(All(*log), (Texts{"one", "two", "3"})) << "cut at " << size;
    EXPECT_EQ(Content("journal").size(), sound.size() + kFrameHeadBytes + 1);
  }
}

TEST_F(FileLogTest, WholeMessagesOfAProcessThatDiedBeforeItSyncedAreSeenAfterwards) {
  Fill({"one"});
  const std::string sound = Content("journal");
  std::string frame;
  AppendFrame(frame, DecodeLogHeader(sound).value().id, {1, 1, "two"});
  Put("journal", sound + frame);
  EXPECT_EQ(All(*Open()), (Texts{"one"})) << "nobody has synced it";
  const auto appending = Open();
  AppendAndWait(*appending, "three");
  EXPECT_EQ(All(*appending), (Texts{"one", "two", "three"}));
  Put("journal", sound + frame);
  const auto creating = Open();
  ASSERT_TRUE(creating->Create());
  EXPECT_EQ(All(*creating), (Texts{"one", "two"}));
}

TEST_F(FileLogTest, AProcessThatIsKilledLosesNothingThatWasRead) {
  ASSERT_TRUE(Open()->Create());
  int pipe_fds[2];
  ASSERT_EQ(pipe(pipe_fds), 0);
  const pid_t child = fork();
  if (child == 0) {
    FileLog log(folder_.path(), &clock_);
    const auto reader = log.Read(Topic::kJournal, 0).value();
    for (char i = 0; i < 100; ++i) {
      ReadyCount ready(log);
      (void)log.Append(Topic::kJournal, std::string(1, i));
      (void)ready.WaitUntil([&] { return !reader->Poll(1).value().empty(); });
      log.OnReady(nullptr);
      if (write(pipe_fds[1], &i, 1) != 1) break;
    }
    _exit(1);
  }
  char last = 0;
  for (int i = 0; i < 10; ++i) ASSERT_EQ(read(pipe_fds[0], &last, 1), 1);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(pipe_fds[1]);
  while (read(pipe_fds[0], &last, 1) == 1) {
  }
  close(pipe_fds[0]);
  const auto log = Open();
  const Texts texts = All(*log);
  ASSERT_GT(texts.size(), static_cast<size_t>(last));
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_EQ(texts[i][0], static_cast<char>(i));
  AppendAndWait(*log, "on");
}

TEST_F(FileLogTest, EveryFlippedByteIsFoundAndNamed) {
  Fill({"one", "two", "three"});
  const std::string sound = Content("journal");
  for (size_t byte = 0; byte < sound.size(); ++byte) {
    std::string flipped = sound;
    flipped[byte] = static_cast<char>(flipped[byte] ^ 0x10);
    Put("journal", flipped);
    const auto log = Open();
    const auto reader = log->Read(Topic::kJournal, 0);
    const Error error = reader ? ErrorOfReading(*log) : reader.error();
    const bool is_version = byte == 8 || byte == 9;
    EXPECT_EQ(error.code, is_version ? ErrorCode::kConfiguration : ErrorCode::kCorruption)
        << byte << ": " << error.text;
    EXPECT_NE(error.text.find(Path("journal")), std::string::npos) << error.text;
  }
}

TEST_F(FileLogTest, ADamagedMessageIsNamedByOffsetAndTheOnesBeforeItAreRead) {
  Fill({"one", "two", "three"});
  const uint64_t second = kLogHeaderBytes + kFrameHeadBytes + 3;
  Change("journal", second + kFrameHeadBytes, "T");
  const auto log = Open();
  const auto reader = log->Read(Topic::kJournal, 0).value();
  EXPECT_EQ(reader->Poll(1000).value().size(), 1u);
  const auto broken = reader->Poll(1000);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kCorruption);
  EXPECT_EQ(broken.error().text,
            Path("journal") + " is damaged at offset 1, byte " + std::to_string(second) +
                ": nothing but minke may change it; if it cannot be brought back, run the job anew "
                "with minke rerun");
  EXPECT_EQ(reader->position(), 1);
}

TEST_F(FileLogTest, AMessageFromElsewhereIsNotTaken) {
  Fill({"one", "two"});
  std::string swapped = Content("journal");
  const size_t frame = kFrameHeadBytes + 3;
  const std::string first = swapped.substr(kLogHeaderBytes, frame);
  swapped.replace(kLogHeaderBytes, frame, swapped.substr(kLogHeaderBytes + frame, frame));
  swapped.replace(kLogHeaderBytes + frame, frame, first);
  Put("journal", swapped);
  EXPECT_EQ(ErrorOfReading(*Open()).code, ErrorCode::kCorruption);
}

TEST_F(FileLogTest, AJournalThatIsShorterThanItWasIsRefused) {
  Fill({"one", "two", "three"});
  const uint64_t size = Content("journal").size();
  for (const uint64_t left : {size - 1, size - 30, kLogHeaderBytes + 0ul}) {
    const auto log = Open();
    const auto reader = log->Read(Topic::kJournal, 0).value();
    EXPECT_EQ(reader->Poll(1).value().size(), 1u);
    const std::string before = Content("journal");
    ASSERT_TRUE(File::Open(Path("journal"), File::Mode::kUpdate).value().Resize(left));
    const auto batch = reader->Poll(1);
    ASSERT_FALSE(batch);
    EXPECT_EQ(batch.error().code, ErrorCode::kCorruption);
    EXPECT_NE(batch.error().text.find("was cut: it has " + std::to_string(left)), std::string::npos)
        << batch.error().text;
    EXPECT_EQ(log->Append(Topic::kJournal, "x").error().code, ErrorCode::kCorruption);
    EXPECT_EQ(Open()->Create().error().code, ErrorCode::kConfiguration);
    Put("journal", before);
  }
}

TEST_F(FileLogTest, AJournalMadeAnewOrGoneIsRefusedByWhoSawTheOldOne) {
  Fill({"one", "two"});
  const auto log = Open();
  const auto reader = log->Read(Topic::kJournal, 1).value();
  fs::remove(Path("journal"));
  EXPECT_NE(reader->Poll(1000).error().text.find("is gone"), std::string::npos);
  EXPECT_EQ(log->Append(Topic::kJournal, "x").error().code, ErrorCode::kCorruption);
  Fill({"uno", "due", "tre"});
  const auto batch = reader->Poll(1000);
  ASSERT_FALSE(batch);
  EXPECT_EQ(batch.error().code, ErrorCode::kCorruption);
  EXPECT_NE(batch.error().text.find("was made anew"), std::string::npos) << batch.error().text;
  EXPECT_EQ(reader->position(), 1);
  EXPECT_EQ(log->Append(Topic::kJournal, "x").error().code, ErrorCode::kCorruption);
  EXPECT_EQ(log->Range(Topic::kJournal).error().code, ErrorCode::kCorruption);
}

TEST_F(FileLogTest, WhatIsNoLogIsNotOverwritten) {
  ASSERT_TRUE(Open()->Create());
  Put("journal", "the diary of a whale");
  const Status created = Open()->Create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kConfiguration);
  EXPECT_EQ(Content("journal"), "the diary of a whale");
}

TEST_F(FileLogTest, ALogWithoutSomeOfItsTopicsGetsThem) {
  Fill({"one"});
  fs::remove(Path("inbox"));
  fs::remove(Path("heartbeat"));
  const auto log = Open();
  ASSERT_TRUE(log->Create());
  EXPECT_EQ(All(*log), (Texts{"one"}));
  EXPECT_TRUE(log->Append(Topic::kInbox, "x"));
}

TEST_F(FileLogTest, OldHeartbeatsGoAndTheFileStaysSmall) {
  FileLogOptions options;
  options.heartbeat_bytes_max = 4096;
  const auto log = Open(options);
  ASSERT_TRUE(log->Create());
  const auto reader = log->Read(Topic::kHeartbeat, 0).value();
  const auto late = log->Read(Topic::kHeartbeat, 0).value();
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(log->Append(Topic::kHeartbeat, std::to_string(i)));
    const auto got = reader->Poll(1000).value();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].offset, i);
    EXPECT_EQ(got[0].bytes, std::to_string(i));
    ASSERT_LE(fs::file_size(Path("heartbeat")), 4096u + 64);
  }
  const auto range = log->Range(Topic::kHeartbeat).value();
  EXPECT_EQ(range.second, 1000);
  EXPECT_GT(range.first, 700);
  EXPECT_EQ(late->Poll(1000).error().code, ErrorCode::kCorruption) << "trimmed past it";
  const auto kept = log->Read(Topic::kHeartbeat, range.first).value()->Poll(1 << 20).value();
  EXPECT_EQ(kept.size(), static_cast<size_t>(range.second - range.first));
  EXPECT_EQ(kept.front().bytes, std::to_string(range.first));
}

TEST_F(FileLogTest, HeartbeatsOfAnEarlierStartOfTheMachineAreForgotten) {
  Fill({"one"});
  ASSERT_TRUE(Open()->Append(Topic::kHeartbeat, "never synced"));
  LogHeader header = DecodeLogHeader(Content("heartbeat")).value();
  header.boot ^= 1;
  Change("heartbeat", 0, EncodeLogHeader(header));
  const auto log = Open();
  ASSERT_TRUE(log->Create());
  EXPECT_EQ(log->Range(Topic::kHeartbeat).value(), (std::pair<int64_t, int64_t>(1, 1)));
  // What the machine's crash may leave of it.
  Put("heartbeat", "");
  const auto next = Open();
  ASSERT_TRUE(next->Create());
  EXPECT_TRUE(next->Append(Topic::kHeartbeat, "x"));
}

TEST_F(FileLogTest, ClosedTopicsAreClosedForAllAndOpenedByCreate) {
  const auto log = Open();
  ASSERT_TRUE(log->Create());
  const auto other = Open();
  ASSERT_TRUE(other->Append(Topic::kInbox, "before"));
  const auto reader = other->Read(Topic::kInbox, 0).value();
  ASSERT_TRUE(log->Close());
  EXPECT_TRUE(reader->Poll(1000).value().empty());
  EXPECT_TRUE(other->Append(Topic::kInbox, "dropped"));
  EXPECT_EQ(fs::file_size(Path("inbox")), kLogHeaderBytes);
  ASSERT_TRUE(log->Create());
  const auto range = log->Range(Topic::kInbox).value();
  EXPECT_EQ(range.first, range.second);
  EXPECT_EQ(range.first, 1) << "offsets never go back";
}

TEST_F(FileLogTest, AFullDiskIsAnErrorAndNothingHalfWrittenStays) {
  Fill({"one"});
  const auto log = Open();
  const uint64_t size = Content("journal").size();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_action = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{size + 40, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const Status full = log->Append(Topic::kJournal, std::string(100, 'x'));
  const Status fits = log->Append(Topic::kJournal, "fits");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, old_action);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kOutput);
  EXPECT_NE(full.error().text.find(Path("journal")), std::string::npos) << full.error().text;
  EXPECT_TRUE(fits);
  ReadyCount ready(*log);
  ASSERT_TRUE(log->Append(Topic::kJournal, "more"));
  ASSERT_TRUE(ready.WaitUntil([&] { return log->Range(Topic::kJournal).value().second == 3; }));
  log->OnReady(nullptr);
  EXPECT_EQ(All(*log), (Texts{"one", "fits", "more"}));
}

TEST_F(FileLogTest, ABurstBeyondTheQueueIsRefusedUntilItIsOnTheDisk) {
  FileLogOptions options;
  options.unsynced_bytes_max = 0;  // one message at a time
  const auto log = Open(options);
  ASSERT_TRUE(log->Create());
  int sent = 0;
  ReadyCount ready(*log);
  while (sent < 20) {
    const Status status = log->Append(Topic::kJournal, std::to_string(sent));
    if (status) {
      ++sent;
      continue;
    }
    ASSERT_EQ(status.error().code, ErrorCode::kUnavailable) << status.error().text;
    ASSERT_TRUE(
        ready.WaitUntil([&] { return log->Range(Topic::kJournal).value().second == sent; }));
  }
  EXPECT_TRUE(ready.WaitUntil([&] { return log->Range(Topic::kJournal).value().second == 20; }));
  log->OnReady(nullptr);
}

TEST_F(FileLogTest, AFolderThatCannotBeMadeIsNamed) {
  Put("file", "x");
  const Status created = FileLog(Path("file/log"), &clock_).Create();
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, ErrorCode::kOutput);
  EXPECT_NE(created.error().text.find(Path("file/log")), std::string::npos);
}

}  // namespace
}  // namespace minke
