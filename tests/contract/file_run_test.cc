// Master, worker and tasks over a log and a store in files: the same output as `minke run` gives,
// and the job goes on when master or worker die at any point, without running again what was
// committed.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sys/wait.h>
#include <unistd.h>

#include "adapter/file_store.h"
#include "base/file.h"
#include "local_run.h"
#include "runtime/embedded.h"
#include "runtime/prepare.h"
#include "task/dataset/chunk_stream.h"
#include "task/dataset/dataset.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kSlots = LocalRun::kSlots;

class Silent final : public RunObserver {
 public:
  void OnProgress(const JobView&) override {}
  void OnDone(const JobView&) override {}
  void OnFailed(int, const std::string& text, const JobView*) override {
    std::fprintf(stderr, "%s\n", text.c_str());
  }
};

using Files = std::map<std::string, std::string>;

class FileRunTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    std::string name = fs::temp_directory_path() / "file-run-test-XXXXXX";
    folder_ = mkdtemp(name.data());
    std::ofstream input(Path("input.txt"));
    for (unsigned i = 0; i < 4000; ++i) {
      input << "word" << i * 7919 % 613 << " and word" << i * 104729 % 97 << " line " << i % 1000
            << '\n';
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  RunRequest Request(const std::string& output) const {
    RunRequest request;
    request.job = GetParam();
    if (GetParam() == "grep") request.arguments = {{"fixed", "7"}};
    request.inputs = {Path("input.txt")};
    request.output = Path(output);
    request.partitions = 3;
    request.threads = kSlots;
    request.memory_bytes = 8 << 20;
    request.split_bytes = 20'000;
    request.spill_folder = folder_;
    request.goes_on_later = true;
    return request;
  }

  // The output is that of a run in memory.
  void ExpectRight(const std::string& output) { ExpectRightFiles(FilesIn(output), Expected()); }
  void ExpectRightFiles(const Files& files) {
    Files parts = Expected();
    parts.erase("_SUCCESS");
    ExpectRightFiles(files, parts);
  }

  const Files& Expected() {
    if (expected_.empty()) {
      Silent silent;
      RunRequest request = Request("expected");
      request.goes_on_later = false;
      EXPECT_EQ(RunEmbedded(request, silent), 0);
      expected_ = FilesIn("expected");
    }
    return expected_;
  }

  static void ExpectRightFiles(const Files& files, Files expected) {
    std::vector<std::string> names;
    for (const auto& [name, content] : files) {
      names.push_back(name);
      EXPECT_TRUE(expected[name] == content)
          << name << " has " << content.size() << " bytes, not " << expected[name].size();
    }
    EXPECT_EQ(files.size(), expected.size()) << testing::PrintToString(names);
  }

  Files FilesIn(const std::string& output) const {
    Files files;
    for (const auto& entry : fs::directory_iterator(Path(output))) {
      files[entry.path().filename()] =
          entry.is_regular_file() ? ReadFile(entry.path()).value() : "a folder";
    }
    return files;
  }

  // Log and store in the folder.
  static std::unique_ptr<LocalRun> MakeRun(const std::string& folder, const RunRequest& request) {
    return std::make_unique<LocalRun>(folder, request, [folder]() -> std::unique_ptr<Store> {
      return FileStore::Open(folder + "/store").value();
    });
  }
  std::unique_ptr<LocalRun> NewRun(const std::string& name) const {
    return MakeRun(Path("state-" + name), Request(name));
  }

  // The output is right, and no committed task was run again.
  void CheckDone(LocalRun& run, const std::string& name) {
    run.KillAll();
    ExpectRight(name);
    const History history = run.Read();
    EXPECT_TRUE(history.assigned_though_committed.empty());
    const std::set<TaskId> tasks(history.committed.begin(), history.committed.end());
    EXPECT_EQ(tasks.size(), history.committed.size());
  }

  std::string folder_;
  Files expected_;
};

INSTANTIATE_TEST_SUITE_P(Jobs, FileRunTest,
                         testing::Values("wordcount", "sort", "inverted-index", "grep"),
                         [](const auto& job) {
                           std::string name = job.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_P(FileRunTest, GivesWhatARunInMemoryGives) {
  const auto run = NewRun("out");
  EXPECT_EQ(run->ToTheEnd(), 0);
  CheckDone(*run, "out");
  EXPECT_EQ(run->Read().claims, 1);
}

// Nor are its inputs looked at: they may be gone.
TEST_P(FileRunTest, AFinishedJobIsNotRunAgain) {
  const auto run = NewRun("out");
  EXPECT_EQ(run->ToTheEnd(), 0);
  run->KillAll();
  ExpectRight("out");
  fs::remove(Path("input.txt"));
  EXPECT_EQ(run->ToTheEnd(), 0);
  CheckDone(*run, "out");
  EXPECT_EQ(run->Read().claims, 1);
}

TEST_P(FileRunTest, AnotherSpecIsRefusedBeforeAnythingIsClaimed) {
  const auto run = NewRun("out");
  run->request().partitions = 2;
  ASSERT_EQ(run->Go([&](const Job& job) { return job.open_step().has_value(); }), std::nullopt);
  run->KillAll();
  const int64_t claims = run->Read().claims;
  run->request() = Request("out");
  fs::rename(Path("input.txt"), Path("away"));
  EXPECT_EQ(run->ToTheEnd(), 64);
  EXPECT_EQ(run->Read().claims, claims);
}

TEST_P(FileRunTest, AnAcceptedJobWithoutItsLogIsRefusedAndNoneIsMade) {
  const auto run = NewRun("out");
  ASSERT_EQ(run->Go([&](const Job& job) { return job.open_step().has_value(); }), std::nullopt);
  run->KillAll();
  fs::remove_all(run->LogFolder());
  EXPECT_EQ(run->ToTheEnd(), 78);
  EXPECT_FALSE(fs::exists(run->LogFolder()));
}

TEST_P(FileRunTest, NeedsAnOutputFolder) {
  for (const std::string& single_file : {std::string(), Path("one")}) {
    RunRequest request = Request("");
    request.output.clear();
    request.single_file = single_file;
    SlotPage page;
    const auto prepared = PrepareRun(request, DeclareRun(request, &page).value(), {kSlots, {1}});
    ASSERT_FALSE(prepared);
    EXPECT_EQ(prepared.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(prepared.error().text.find("-o"), std::string::npos) << prepared.error().text;
  }
}

TEST_P(FileRunTest, GoesOnWhereverEverythingDies) {
  int64_t length = 0;
  {
    const auto run = NewRun("whole");
    EXPECT_EQ(run->Go([&](const Job&) {
      length = run->JournalEnd();
      return false;
    }),
              0);
  }
  ASSERT_GT(length, 5);
  for (int64_t at = 1; at <= length && !HasFailure(); ++at) {
    SCOPED_TRACE(testing::Message() << "at journal offset " << at);
    const std::string name = fmt::format("out-{}", at);
    const auto run = NewRun(name);
    auto code = run->Go([&](const Job&) { return run->JournalEnd() >= at; });
    if (!code) {
      run->KillAll();
      code = run->ToTheEnd();
    }
    EXPECT_EQ(code, 0);
    CheckDone(*run, name);
  }
}

TEST_P(FileRunTest, GoesOnThoughEveryLifeIsShort) {
  const auto run = NewRun("out");
  const int lives = run->Live(2, [&] { run->KillAll(); });
  EXPECT_GT(lives, 2);
  CheckDone(*run, "out");
}

TEST_P(FileRunTest, GoesOnWithTheWorkerWhenTheMasterDies) {
  const auto run = NewRun("out");
  const int lives = run->Live(1, [&] { run->KillMaster(); });
  EXPECT_GT(lives, 2);
  CheckDone(*run, "out");
}

TEST_P(FileRunTest, GoesOnWithTheMasterWhenTheWorkerDies) {
  const auto run = NewRun("out");
  for (int life = 0; life < 3; ++life) {
    EXPECT_EQ(run->Go([&](const Job& job) {
      return job.live().size() >= kSlots && job.attempts() > static_cast<uint64_t>(life) * 5;
    }),
              std::nullopt);
    run->KillWorker();
  }
  EXPECT_EQ(run->ToTheEnd(), 0);
  CheckDone(*run, "out");
}

TEST_P(FileRunTest, GoesOnWhenItDiesBehindThePublishing) {
  const auto run = NewRun("out");
  EXPECT_EQ(run->Go([&](const Job&) { return fs::exists(Path("out/_SUCCESS")); }), std::nullopt);
  run->KillAll();
  EXPECT_EQ(run->ToTheEnd(), 0);
  CheckDone(*run, "out");
}

TEST_P(FileRunTest, LeavesNothingAsideWhenItDiesAtTheVeryEnd) {
  const auto run = NewRun("out");
  EXPECT_EQ(run->Go([](const Job& job) { return job.finished() != nullptr; }), std::nullopt);
  run->KillAll();
  EXPECT_EQ(run->ToTheEnd(), 0);
  CheckDone(*run, "out");
}

// As ToTheEnd, in a process of its own that is killed once the journal has grown so often. Returns
// the exit code, or nothing if it was killed.
std::optional<int> GoAndBeKilled(const std::function<std::unique_ptr<LocalRun>()>& make,
                                 int growths) {
  int growth[2];
  EXPECT_EQ(pipe(growth), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto run = make();
    int64_t end = 0;
    const auto code = run->Go([&](const Job&) {
      if (run->JournalEnd() == end) return false;
      end = run->JournalEnd();
      return write(growth[1], "x", 1) != 1;
    });
    _exit(code.value_or(1));
  }
  close(growth[1]);
  char byte = 0;
  while (growths > 0 && read(growth[0], &byte, 1) == 1) --growths;
  if (growths == 0) kill(child, SIGKILL);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  close(growth[0]);
  if (WIFSIGNALED(status)) return std::nullopt;
  return WEXITSTATUS(status);
}

TEST_P(FileRunTest, GoesOnAfterKill9) {
  std::optional<int> code;
  int kills = 0;
  // Never so often that a task could be lost 20 times.
  for (; !code && kills < 15; ++kills) {
    code = GoAndBeKilled([&] { return NewRun("out"); }, 2 + kills * 2 % 7);
  }
  EXPECT_GT(kills, 2);
  const auto run = NewRun("out");
  if (!code) code = run->ToTheEnd();
  EXPECT_EQ(code, 0);
  CheckDone(*run, "out");
}

// A file as the dataset "in".
void PutInput(Store& store, const std::string& path) {
  constexpr Incarnation kVersion{0xd1};
  const std::string text = ReadFile(path).value();
  proto::Manifest manifest;
  proto::ManifestPart* part = manifest.add_parts();
  part->mutable_attempt()->set_n(1);
  part->mutable_file()->set_bytes(text.size());
  part->set_path(path);
  const auto chunks = ChunkOutput::Open(store, FileOfPart(kVersion, *part), {}).value();
  ASSERT_TRUE(chunks->Write(text));
  ASSERT_TRUE(chunks->Finish());
  const DatasetRow row{kVersion, StoreManifest(store, kVersion, manifest).value()};
  ASSERT_EQ(store.CompareAndSetDataset("in", std::nullopt, row).value(), row);
}

// The files of a dataset under the names that they would have in a folder.
Files FilesOfDataset(Store& store, const std::string& name) {
  const Dataset dataset = OpenDataset(store, name).value();
  std::map<std::string, uint32_t> counts;
  for (const auto& part : dataset.manifest.parts()) {
    uint32_t& count = counts[part.file().name()];
    count = std::max(count, part.index() + 1);
  }
  Files files;
  for (const auto& part : dataset.manifest.parts()) {
    std::string bytes(part.file().bytes(), '\0');
    ChunkInput input(&store, FileOfPart(dataset.row.version, part), bytes.size(), 0);
    EXPECT_EQ(input.Read(bytes.data(), bytes.size()).value(), bytes.size());
    files[PartName(part.file().name(), part.index(), counts[part.file().name()])] = bytes;
  }
  return files;
}

TEST_P(FileRunTest, ReadsADatasetAndPutsOutAnother) {
  RunRequest request = Request("");
  request.inputs = {"dataset:in"};
  request.output = "dataset:out";
  const auto run = MakeRun(Path("state"), request);
  PutInput(run->store(), Path("input.txt"));
  const DatasetRow before{{0xd0}, 1};
  ASSERT_TRUE(run->store().CompareAndSetDataset("out", std::nullopt, before));
  const int lives = run->Live(2, [&] { run->KillAll(); });
  EXPECT_GT(lives, 2);
  run->KillAll();
  ExpectRightFiles(FilesOfDataset(run->store(), "out"));
}

TEST_P(FileRunTest, RunsAMapTaskAgainWhoseOutputIsDamaged) {
  if (GetParam() == "grep") return;  // no shuffle
  const auto run = NewRun("out");
  const auto maps_are_done = [](const Job& job) {
    const auto map = job.StepOf(proto::PHASE_MAP);
    return map && job.open_step() == map && job.step(*map).committed == job.step(*map).tasks;
  };
  ASSERT_EQ(run->Go(maps_are_done), std::nullopt);
  run->KillAll();
  int damaged = 0;
  for (const auto& entry : fs::recursive_directory_iterator(Path("state-out/store"))) {
    if (!entry.is_regular_file() || entry.path().string().find("/shuffle/") == std::string::npos) {
      continue;
    }
    if (damaged++ > 1) break;  // a byte of a block in the first, all in the second
    File file = File::Open(entry.path(), File::Mode::kUpdate).value();
    char byte = 0;
    ASSERT_EQ(file.ReadAt(100, &byte, 1).value(), 1u);
    byte = static_cast<char>(byte ^ 1);
    ASSERT_TRUE(damaged == 1 ? file.WriteAt(100, {&byte, 1}) : file.Resize(0));
  }
  ASSERT_GE(damaged, 2);
  EXPECT_EQ(run->ToTheEnd(), 0);
  run->KillAll();
  ExpectRight("out");
  EXPECT_GT(run->Read().outputs_lost, 0);
}

}  // namespace
}  // namespace minke
