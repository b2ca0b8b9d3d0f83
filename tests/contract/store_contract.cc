#include "store_contract.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <fmt/format.h>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <tuple>

namespace minke {
namespace {

constexpr Incarnation kJob{0x1234};
constexpr Incarnation kOtherJob{0xfedcba9876543210};
const std::string kTable = "shuffle_0000000000001234_7";
constexpr ShuffleShape kShape{.span = 2};  // a run soon has more than one slice

JobRow Row(uint64_t spec, JobState state = JobState::kOpen, int exit_code = 0) {
  return {kJob, spec, state, exit_code};
}

ShuffleKey Key(uint32_t partition, uint32_t bucket, uint32_t map_task, AttemptId attempt,
               uint32_t sequence) {
  return {partition, bucket, map_task, attempt, sequence};
}

// Names that no file system and no query language is fond of.
std::vector<std::string> OddNames() {
  return {"plan-7",
          "",
          ".",
          "..",
          "a/b",
          "../a",
          "a b",
          "a\nb",
          "%41",
          "A",
          "a",
          "a.new",
          ".new",
          "caf\xc3\xa9",
          "\xff\xfe",
          "'; drop",
          "a~0",
          std::string("n\0l", 3),
          "con",
          "a%2Fb",
          "-rf",
          "*",
          std::string(180, 'x'),
          std::string(181, 'x'),
          std::string(4000, 'y'),
          std::string(4000, 'y') + "z"};
}

}  // namespace

std::vector<std::string> Scanned(Store& store, Incarnation job, const std::string& table,
                                 uint32_t partition, uint32_t bucket) {
  std::vector<std::string> all;
  auto scan = store.ScanShuffle(job, table, {partition, bucket});
  EXPECT_TRUE(scan) << scan.error().text;
  while (scan) {
    const auto block = (*scan)->Next();
    EXPECT_TRUE(block) << block.error().text;
    if (!block || !*block) break;
    const ShuffleKey& key = (*block)->key;
    EXPECT_EQ(key.partition, partition);
    EXPECT_EQ(key.bucket, bucket);
    all.push_back(fmt::format("{}/{}/{}:{}", key.map_task, key.attempt.Text(), key.sequence,
                              (*block)->bytes));
  }
  return all;
}

void PutShuffle(Store& store, Incarnation job, const std::string& table, const ShuffleKey& key,
                Bytes block) {
  auto writer = store.WriteShuffle(job, table);
  ASSERT_TRUE(writer) << writer.error().text;
  ASSERT_TRUE((*writer)->Put(key, block));
  ASSERT_TRUE((*writer)->Finish());
}

namespace {

using Texts = std::vector<std::string>;

// ---- jobs

TEST_P(StoreContract, AJobNobodyHasSetIsNotThere) {
  EXPECT_EQ(store_->GetJob("none").value(), std::nullopt);
  EXPECT_TRUE(store_->ListJobs().value().empty());
}

TEST_P(StoreContract, ARowIsSetOnlyIfItIsWhatWasExpected) {
  EXPECT_EQ(store_->CompareAndSetJob("j", std::nullopt, Row(1)).value(), Row(1));
  EXPECT_EQ(Other().GetJob("j").value(), Row(1));
  EXPECT_EQ(store_->CompareAndSetJob("j", std::nullopt, Row(2)).value(), Row(1)) << "is there";
  EXPECT_EQ(store_->CompareAndSetJob("j", Row(3), Row(2)).value(), Row(1)) << "is another";
  EXPECT_EQ(store_->GetJob("j").value(), Row(1));
  const JobRow finished = Row(1, JobState::kFinished, 70);
  EXPECT_EQ(store_->CompareAndSetJob("j", Row(1), finished).value(), finished);
  EXPECT_EQ(Other().GetJob("j").value(), finished);
}

TEST_P(StoreContract, ARowThatIsExpectedAndAbsentIsNotSet) {
  EXPECT_EQ(store_->CompareAndSetJob("j", Row(1), Row(2)).value(), JobRow{});
  EXPECT_EQ(store_->GetJob("j").value(), std::nullopt);
}

TEST_P(StoreContract, AllOfARowIsCompared) {
  const JobRow row{kJob, 7, JobState::kAccepted, 3};
  ASSERT_TRUE(store_->CompareAndSetJob("j", std::nullopt, row));
  const std::array others = {
      JobRow{kOtherJob, 7, JobState::kAccepted, 3}, JobRow{kJob, 8, JobState::kAccepted, 3},
      JobRow{kJob, 7, JobState::kFinished, 3}, JobRow{kJob, 7, JobState::kAccepted, 4}};
  for (const JobRow& other : others) {
    EXPECT_EQ(store_->CompareAndSetJob("j", other, Row(9)).value(), row);
  }
}

TEST_P(StoreContract, RowsOfAnyNameAreApartAndListed) {
  std::set<std::string> names;
  uint64_t spec = 0;
  for (const std::string& name : OddNames()) {
    const JobRow row = Row(++spec);
    ASSERT_EQ(store_->CompareAndSetJob(name, std::nullopt, row).value(), row);
    names.insert(name);
  }
  spec = 0;
  for (const std::string& name : OddNames()) EXPECT_EQ(Other().GetJob(name).value(), Row(++spec));
  const auto listed = Other().ListJobs().value();
  EXPECT_EQ(listed, Texts(names.begin(), names.end()));
}

TEST_P(StoreContract, OfManyWhoSetARowAtOnceOneWins) {
  constexpr size_t kThreads = 4;
  constexpr uint64_t kRounds = 10;
  JobRow standing = Row(0);
  ASSERT_TRUE(store_->CompareAndSetJob("j", std::nullopt, standing));
  for (uint64_t round = 1; round <= kRounds; ++round) {
    std::vector<std::unique_ptr<Store>> stores(kThreads);
    std::array<std::optional<JobRow>, kThreads> answers;
    {
      std::vector<std::jthread> threads(kThreads);
      for (size_t t = 0; t < kThreads; ++t) {
        if (GetParam().is_shared) stores[t] = place_->Open();
        threads[t] = std::jthread([&, t, round] {
          Store& store = stores[t] ? *stores[t] : *store_;
          answers[t] = store.CompareAndSetJob("j", standing, Row(round * 100 + t)).value();
        });
      }
    }
    size_t winners = 0;
    for (size_t t = 0; t < kThreads; ++t) {
      if (answers[t] == Row(round * 100 + t)) ++winners;
      EXPECT_EQ(answers[t], answers[0]) << "all are told the same row";
    }
    EXPECT_EQ(winners, 1u);
    standing = answers[0].value();
    EXPECT_EQ(store_->GetJob("j").value(), standing);
  }
}

// ---- named blocks

TEST_P(StoreContract, ABlockComesBackAsItWasPut) {
  const std::string bytes = std::string("\0\xff\n", 3) + std::string(3'000'000, 'b');
  ASSERT_TRUE(store_->PutBlock(kJob, "plan", bytes));
  ASSERT_TRUE(store_->PutBlock(kJob, "empty", ""));
  EXPECT_TRUE(Other().GetBlock(kJob, "plan").value() == bytes);
  EXPECT_EQ(Other().GetBlock(kJob, "empty").value(), "");
}

TEST_P(StoreContract, ABlockPutTwiceIsTheSame) {
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(store_->PutBlock(kJob, "plan", "bytes"));
    EXPECT_EQ(store_->GetBlock(kJob, "plan").value(), "bytes");
  }
}

TEST_P(StoreContract, ABlockNobodyPutIsNotFoundAndNamed) {
  ASSERT_TRUE(store_->PutBlock(kJob, "plan", "bytes"));
  for (const Incarnation job : {kJob, kOtherJob}) {
    const auto none = store_->GetBlock(job, "no-plan");
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
    EXPECT_NE(none.error().text.find("no-plan"), std::string::npos) << none.error().text;
  }
  EXPECT_EQ(store_->GetBlock(kOtherJob, "plan").error().code, ErrorCode::kNotFound);
}

TEST_P(StoreContract, BlocksOfAnyNameAreApart) {
  for (const std::string& name : OddNames()) {
    ASSERT_TRUE(store_->PutBlock(kJob, name, "the block " + name));
  }
  Store& other = Other();
  for (const std::string& name : OddNames()) {
    EXPECT_EQ(other.GetBlock(kJob, name).value(), "the block " + name);
  }
}

TEST_P(StoreContract, BlocksPutAtOnceAreAllThere) {
  {
    std::vector<std::jthread> threads(4);
    for (size_t t = 0; t < threads.size(); ++t) {
      threads[t] = std::jthread([&, t] {
        for (int i = 0; i < 20; ++i) {
          EXPECT_TRUE(store_->PutBlock(kJob, fmt::format("{}-{}", t, i), std::to_string(i)));
          EXPECT_TRUE(store_->PutBlock(kJob, fmt::format("same-{}", i), std::to_string(i)));
        }
      });
    }
  }
  for (int i = 0; i < 20; ++i) {
    for (const char* who : {"0", "1", "2", "3", "same"}) {
      EXPECT_EQ(store_->GetBlock(kJob, fmt::format("{}-{}", who, i)).value(), std::to_string(i));
    }
  }
}

// ---- shuffle

TEST_P(StoreContract, ATableNobodyMadeIsNotFoundAndNamed) {
  const auto writer = store_->WriteShuffle(kJob, "no-table");
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kNotFound);
  EXPECT_NE(writer.error().text.find("no-table"), std::string::npos) << writer.error().text;
  EXPECT_EQ(store_->ScanShuffle(kJob, "no-table", {0, 0}).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  EXPECT_EQ(store_->WriteShuffle(kOtherJob, kTable).error().code, ErrorCode::kNotFound);
  EXPECT_TRUE(store_->DropShuffleTable(kJob, "no-table"));
}

TEST_P(StoreContract, ANewTableIsEmpty) {
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  EXPECT_EQ(Scanned(*store_, kJob, kTable, 0, 0), Texts());
  auto writer = store_->WriteShuffle(kJob, kTable).value();
  EXPECT_TRUE(writer->Finish()) << "a map task without output";
  EXPECT_EQ(Scanned(*store_, kJob, kTable, 0, 0), Texts());
}

TEST_P(StoreContract, MakingATableAgainKeepsWhatIsInIt) {
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  PutShuffle(*store_, kJob, kTable, Key(0, 0, 0, {1, 1}, 0), "kept");
  ASSERT_TRUE(Other().MakeShuffleTable(kJob, kTable, kShape));
  EXPECT_EQ(Scanned(Other(), kJob, kTable, 0, 0), (Texts{"0/1-1/0:kept"}));
}

TEST_P(StoreContract, BlocksComeByMapTaskAttemptAndSequenceWhoeverWroteThem) {
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  const std::vector<std::pair<uint32_t, AttemptId>> attempts = {
      {2, {1, 3}}, {0, {1, 9}}, {0, {1, 10}}, {1, {2, 1}}, {0, {300, 1}}, {1, {1, 256}}};
  for (const auto& [map_task, attempt] : attempts) {
    auto writer = store_->WriteShuffle(kJob, kTable).value();
    for (const uint32_t partition : {0u, 1u, 7u}) {
      for (uint32_t sequence = 0; sequence < 3; ++sequence) {
        const std::string bytes = fmt::format("p{}s{}", partition, sequence);
        ASSERT_TRUE(writer->Put(Key(partition, 4, map_task, attempt, sequence), bytes));
      }
    }
    ASSERT_TRUE(writer->Finish());
  }
  for (const uint32_t partition : {0u, 1u, 7u}) {
    Texts want;
    for (const char* run : {"0/1-9", "0/1-10", "0/300-1", "1/1-256", "1/2-1", "2/1-3"}) {
      for (int s = 0; s < 3; ++s) want.push_back(fmt::format("{}/{}:p{}s{}", run, s, partition, s));
    }
    EXPECT_EQ(Scanned(Other(), kJob, kTable, partition, 4), want);
  }
  EXPECT_EQ(Scanned(*store_, kJob, kTable, 2, 4), Texts()) << "no such partition";
  EXPECT_EQ(Scanned(*store_, kJob, kTable, 0, 3), Texts()) << "no such bucket";
}

TEST_P(StoreContract, ABlockWrittenTwiceComesOnce) {
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  for (int i = 0; i < 2; ++i) PutShuffle(*store_, kJob, kTable, Key(5, 1, 2, {1, 1}, 0), "same");
  auto writer = store_->WriteShuffle(kJob, kTable).value();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(writer->Put(Key(5, 1, 2, {1, 1}, 1), "again"));
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(Scanned(*store_, kJob, kTable, 5, 1), (Texts{"2/1-1/0:same", "2/1-1/1:again"}));
}

TEST_P(StoreContract, LargeAndEmptyBlocksComeBackWhole) {
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  const std::array sizes = {0u, 1u, 512u << 10, (1u << 20) - 1, 1u << 20, 5u << 20, 0u, 77u};
  auto writer = store_->WriteShuffle(kJob, kTable).value();
  std::mt19937 random(1);
  Texts blocks;
  for (const unsigned size : sizes) {
    std::string& block = blocks.emplace_back(size, '\0');
    for (char& byte : block) byte = static_cast<char>(random());
    const auto sequence = static_cast<uint32_t>(blocks.size() - 1);
    ASSERT_TRUE(writer->Put(Key(0, 0, 0, {1, 1}, sequence), block));
  }
  ASSERT_TRUE(writer->Finish());
  const auto scan = Other().ScanShuffle(kJob, kTable, {0, 0}).value();
  for (const std::string& block : blocks) {
    const auto got = scan->Next().value();
    ASSERT_TRUE(got.has_value());
    EXPECT_TRUE(got->bytes == block) << "of " << block.size() << " bytes";
  }
  EXPECT_EQ(scan->Next().value(), std::nullopt);
  EXPECT_EQ(scan->Next().value(), std::nullopt);
}

TEST_P(StoreContract, ManyPartitionsOfManyAttempts) {
  constexpr uint32_t kPartitions = 500;
  constexpr uint32_t kMapTasks = 20;
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  {
    std::vector<std::jthread> threads(4);
    for (uint32_t t = 0; t < threads.size(); ++t) {
      threads[t] = std::jthread([&, t] {
        for (uint32_t map_task = t; map_task < kMapTasks; map_task += 4) {
          auto writer = store_->WriteShuffle(kJob, kTable).value();
          for (uint32_t partition = map_task % 3; partition < kPartitions; partition += 3) {
            EXPECT_TRUE(writer->Put(Key(partition, 0, map_task, {1, map_task + 1}, 0),
                                    fmt::format("{}.{}", map_task, partition)));
          }
          EXPECT_TRUE(writer->Finish());
        }
      });
    }
  }
  for (uint32_t partition = 0; partition < kPartitions; ++partition) {
    Texts want;
    for (uint32_t map_task = partition % 3; map_task < kMapTasks; map_task += 3) {
      want.push_back(fmt::format("{0}/1-{1}/0:{0}.{2}", map_task, map_task + 1, partition));
    }
    ASSERT_EQ(Scanned(*store_, kJob, kTable, partition, 0), want) << partition;
  }
}

TEST_P(StoreContract, ADroppedTableIsGoneAndItsWritersAreTold) {
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, "other", kShape));
  PutShuffle(*store_, kJob, kTable, Key(0, 0, 0, {1, 1}, 0), "x");
  PutShuffle(*store_, kJob, "other", Key(0, 0, 0, {1, 1}, 0), "y");
  const auto late = store_->WriteShuffle(kJob, kTable).value();
  ASSERT_TRUE(late->Put(Key(0, 0, 1, {1, 2}, 0), "z"));
  ASSERT_TRUE(Other().DropShuffleTable(kJob, kTable));
  Status told = late->Put(Key(0, 0, 1, {1, 2}, 1), "z");
  if (told) told = late->Finish();
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().code, ErrorCode::kNotFound) << told.error().text;
  EXPECT_EQ(store_->ScanShuffle(kJob, kTable, {0, 0}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->WriteShuffle(kJob, kTable).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(Scanned(*store_, kJob, "other", 0, 0), (Texts{"0/1-1/0:y"}));
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  EXPECT_EQ(Scanned(*store_, kJob, kTable, 0, 0), Texts()) << "nothing of the old one";
}

// ---- segments

TEST_P(StoreContract, SegmentsAreKeptAsHandlesOrNotAtAll) {
  const AttemptId attempt{1, 2};
  EXPECT_EQ(store_->GetSegment(kJob, attempt).error().code, ErrorCode::kNotFound);
  const auto segment = std::make_shared<int>(7);
  const Status put = store_->PutSegment(kJob, attempt, segment);
  if (!store_->keeps_segments()) {
    EXPECT_EQ(put.error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store_->GetSegment(kJob, attempt).error().code, ErrorCode::kNotFound);
    store_->DropSegment(kJob, attempt);
    return;
  }
  ASSERT_TRUE(put);
  EXPECT_EQ(store_->GetSegment(kJob, attempt).value(), segment);
  EXPECT_EQ(store_->GetSegment(kOtherJob, attempt).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->GetSegment(kJob, {1, 3}).error().code, ErrorCode::kNotFound);
  store_->DropSegment(kJob, attempt);
  store_->DropSegment(kJob, attempt);
  EXPECT_EQ(store_->GetSegment(kJob, attempt).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(segment.use_count(), 1) << "nobody else holds it";
}

// ---- datasets

const DatasetRow kFirst{{0x71}, 5};
const DatasetRow kSecond{{0x72}, 6};

Texts Chunks(Store& store, const DatasetFile& file, uint32_t first = 0) {
  Texts all;
  auto scan = store.ScanDataset(file, first);
  EXPECT_TRUE(scan) << scan.error().text;
  while (scan) {
    auto chunk = (*scan)->Next();
    EXPECT_TRUE(chunk) << chunk.error().text;
    if (!chunk || !*chunk) break;
    all.push_back(**std::move(chunk));
  }
  return all;
}

// Chunks "NAME0", "NAME1" …, `count` of them.
void PutChunks(Store& store, const DatasetFile& file, uint32_t count) {
  const auto writer = store.WriteDataset(file).value();
  for (uint32_t i = 0; i < count; ++i) {
    ASSERT_TRUE(writer->Put(i, file.name + std::to_string(i)));
  }
  ASSERT_TRUE(writer->Finish());
}

TEST_P(StoreContract, ADatasetIsSetOnlyIfItIsWhatWasExpected) {
  EXPECT_EQ(store_->GetDataset("d").value(), std::nullopt);
  EXPECT_EQ(store_->CompareAndSetDataset("d", std::nullopt, kFirst).value(), kFirst);
  EXPECT_EQ(Other().GetDataset("d").value(), kFirst);
  EXPECT_EQ(store_->CompareAndSetDataset("d", std::nullopt, kSecond).value(), kFirst);
  EXPECT_EQ(store_->CompareAndSetDataset("d", DatasetRow{kFirst.version, 4}, kSecond).value(),
            kFirst);
  EXPECT_EQ(store_->CompareAndSetDataset("d", kFirst, kSecond).value(), kSecond);
  EXPECT_EQ(store_->CompareAndSetDataset("none", kFirst, kSecond).value(), DatasetRow{});
  EXPECT_EQ(Other().GetDataset("d").value(), kSecond);
  EXPECT_EQ(store_->CompareAndSetDataset("d", kSecond, DatasetRow{}).value(), DatasetRow{});
  EXPECT_EQ(Other().GetDataset("d").value(), DatasetRow{}) << "removed, and known as such";
}

TEST_P(StoreContract, DatasetsAndJobsOfOneNameAreApart) {
  std::set<std::string> names;
  for (const std::string& name : OddNames()) {
    names.insert(name);
    ASSERT_TRUE(store_->CompareAndSetDataset(name, std::nullopt, kFirst));
    EXPECT_EQ(store_->GetJob(name).value(), std::nullopt);
  }
  EXPECT_EQ(Other().ListDatasets().value(), Texts(names.begin(), names.end()));
  EXPECT_TRUE(Other().ListJobs().value().empty());
}

TEST_P(StoreContract, ChunksComeBackInSequenceFromAnyOne) {
  const DatasetFile file{kJob, {3, 4}, "part"};
  PutChunks(*store_, file, 300);
  Texts want;
  for (int i = 0; i < 300; ++i) want.push_back(fmt::format("part{}", i));
  EXPECT_EQ(Chunks(Other(), file), want);
  for (const int first : {1, 255, 256, 299}) {
    EXPECT_EQ(Chunks(Other(), file, static_cast<uint32_t>(first)),
              Texts(want.begin() + first, want.end()));
  }
  EXPECT_EQ(Chunks(*store_, file, 300), Texts());
}

TEST_P(StoreContract, FilesOfADatasetAreApart) {
  const std::vector<DatasetFile> files = {
      {kJob, {3, 4}, ""},  {kJob, {3, 4}, "a"},      {kJob, {3, 5}, "a"},
      {kJob, {4, 4}, "a"}, {kOtherJob, {3, 4}, "a"}, {kJob, {3, 4}, std::string("n\0/", 3)}};
  uint32_t count = 0;
  for (const DatasetFile& file : files) PutChunks(*store_, file, ++count);
  count = 0;
  for (const DatasetFile& file : files) {
    EXPECT_EQ(Chunks(Other(), file).size(), ++count);
    EXPECT_EQ(Chunks(Other(), file)[0], file.name + "0");
  }
  EXPECT_EQ(Chunks(*store_, {kJob, {9, 9}, "a"}), Texts()) << "nobody wrote it";
}

TEST_P(StoreContract, ChunksWrittenTwiceOrInPiecesComeOnce) {
  const DatasetFile file{kJob, {3, 4}, "part"};
  PutChunks(*store_, file, 2);
  PutChunks(Other(), file, 3);
  const auto writer = store_->WriteDataset(file).value();
  for (const uint32_t i : {4u, 3u}) ASSERT_TRUE(writer->Put(i, "part" + std::to_string(i)));
  ASSERT_TRUE(writer->Finish());
  EXPECT_EQ(Chunks(*store_, file), (Texts{"part0", "part1", "part2", "part3", "part4"}));
}

TEST_P(StoreContract, AMissingChunkIsCorruption) {
  const DatasetFile file{kJob, {3, 4}, "part"};
  const auto writer = store_->WriteDataset(file).value();
  for (const uint32_t i : {0u, 2u}) ASSERT_TRUE(writer->Put(i, "x"));
  ASSERT_TRUE(writer->Finish());
  const auto scan = store_->ScanDataset(file, 0).value();
  EXPECT_EQ(scan->Next().value(), "x");
  EXPECT_EQ(scan->Next().error().code, ErrorCode::kCorruption);
}

TEST_P(StoreContract, LargeAndEmptyChunksComeBackWhole) {
  const DatasetFile file{kJob, {3, 4}, "part"};
  const auto writer = store_->WriteDataset(file).value();
  const Texts chunks = {"", std::string(1 << 20, 'x'), std::string(5 << 20, 'y'), "z"};
  for (uint32_t i = 0; i < chunks.size(); ++i) ASSERT_TRUE(writer->Put(i, chunks[i]));
  ASSERT_TRUE(writer->Finish());
  EXPECT_TRUE(Chunks(Other(), file) == chunks);
}

TEST_P(StoreContract, AVersionOutlivesItsJobAndIsDroppedByItself) {
  const DatasetFile file{kJob, {3, 4}, "part"};
  const DatasetFile other{kOtherJob, {3, 4}, "part"};
  PutChunks(*store_, file, 2);
  PutChunks(*store_, other, 2);
  ASSERT_TRUE(store_->DropJob(kJob));
  EXPECT_EQ(Chunks(Other(), file).size(), 2u);
  ASSERT_TRUE(Other().DropDataset(kJob));
  EXPECT_EQ(Chunks(*store_, file), Texts());
  EXPECT_EQ(Chunks(*store_, other).size(), 2u);
  EXPECT_TRUE(store_->DropDataset(kJob)) << "again";
}

// ---- all of a job

TEST_P(StoreContract, DroppingAJobLeavesItsRowAndOtherJobs) {
  ASSERT_TRUE(store_->CompareAndSetJob("j", std::nullopt, Row(1)));
  for (const Incarnation job : {kJob, kOtherJob}) {
    ASSERT_TRUE(store_->PutBlock(job, "plan", "p"));
    ASSERT_TRUE(store_->MakeShuffleTable(job, kTable, kShape));
    PutShuffle(*store_, job, kTable, Key(0, 0, 0, {1, 1}, 0), "x");
    if (store_->keeps_segments()) {
      ASSERT_TRUE(store_->PutSegment(job, {1, 1}, std::make_shared<int>(1)));
    }
  }
  ASSERT_TRUE(Other().DropJob(kJob));
  EXPECT_EQ(store_->GetJob("j").value(), Row(1));
  EXPECT_EQ(store_->GetBlock(kJob, "plan").error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->ScanShuffle(kJob, kTable, {0, 0}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->GetSegment(kJob, {1, 1}).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->GetBlock(kOtherJob, "plan").value(), "p");
  EXPECT_EQ(Scanned(*store_, kOtherJob, kTable, 0, 0), (Texts{"0/1-1/0:x"}));
  EXPECT_TRUE(store_->DropJob(kJob)) << "again";
  EXPECT_TRUE(store_->DropJob(Incarnation{99})) << "never there";
}

TEST_P(StoreContract, WhateverIsStoredIsListedUntilItIsDropped) {
  using Incarnations = std::vector<Incarnation>;
  const Incarnation third{kOtherJob.bits + 1};
  EXPECT_EQ(store_->ListStored().value(), Incarnations());
  ASSERT_TRUE(store_->CompareAndSetJob("j", std::nullopt, Row(1)));
  EXPECT_EQ(store_->ListStored().value(), Incarnations()) << "a row is not what is meant";
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(store_->PutBlock(third, fmt::format("b{}", i), "x"));
  PutChunks(*store_, {kJob, {3, 4}, "part"}, 2);
  ASSERT_TRUE(store_->MakeShuffleTable(kOtherJob, kTable, kShape));
  EXPECT_EQ(Other().ListStored().value(), Incarnations({kJob, kOtherJob, third}));
  ASSERT_TRUE(store_->DropDataset(kJob));
  ASSERT_TRUE(store_->DropJob(third));
  EXPECT_EQ(Other().ListStored().value(), Incarnations({kOtherJob}));
  ASSERT_TRUE(store_->DropJob(kOtherJob));
  EXPECT_EQ(Other().ListStored().value(), Incarnations());
}

TEST_P(StoreContract, WhatAStoreHasWrittenOutlivesIt) {
  if (!GetParam().is_shared) return;
  ASSERT_TRUE(store_->CompareAndSetJob("j", std::nullopt, Row(1, JobState::kFinished, 65)));
  ASSERT_TRUE(store_->PutBlock(kJob, "plan", "p"));
  ASSERT_TRUE(store_->MakeShuffleTable(kJob, kTable, kShape));
  PutShuffle(*store_, kJob, kTable, Key(0, 0, 0, {1, 1}, 0), "x");
  store_ = place_->Open();
  EXPECT_EQ(store_->GetJob("j").value(), Row(1, JobState::kFinished, 65));
  EXPECT_EQ(store_->ListJobs().value(), (Texts{"j"}));
  EXPECT_EQ(store_->GetBlock(kJob, "plan").value(), "p");
  EXPECT_EQ(Scanned(*store_, kJob, kTable, 0, 0), (Texts{"0/1-1/0:x"}));
}

// ---- random operations against a model

class StoreModel {
 public:
  StoreModel(StorePlace& place, bool is_shared, uint32_t seed)
      : place_(place), is_shared_(is_shared), random_(seed), store_(place.Open()) {}

  void Step() {
    switch (random_() % 10) {
      case 0:
        return SetRow();
      case 1:
      case 2:
        return PutNamed();
      case 3:
        return GetNamed();
      case 4:
        return MakeOrDropTable();
      case 5:
      case 6:
      case 7:
        return WriteBlocks();
      case 8:
        if (random_() % 20 == 0) return DropJob();
        if (is_shared_) store_ = place_.Open();
        return;
      default:
        return CheckScan();
    }
  }

 private:
  using TableKey = std::pair<Incarnation, std::string>;
  using BlockKey = std::tuple<uint32_t, AttemptId, uint32_t>;

  Incarnation AnyJob() { return random_() % 2 == 0 ? kJob : kOtherJob; }
  std::string AnyTable() { return random_() % 2 == 0 ? "t" : "u/v"; }
  uint32_t Below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  void SetRow() {
    const std::string name = "job/" + std::to_string(Below(3));
    std::optional<JobRow> known;
    if (rows_.contains(name)) known = rows_[name];
    const JobRow desired{AnyJob(), random_(), JobState::kAccepted, static_cast<int>(Below(256))};
    const std::optional<JobRow> guess = Below(3) == 0 ? Row(Below(5)) : known;
    const JobRow stands = store_->CompareAndSetJob(name, guess, desired).value();
    if (guess == known) rows_[name] = desired;
    ASSERT_EQ(stands, rows_.contains(name) ? rows_[name] : JobRow{});
    Texts names;
    for (const auto& [job, row] : rows_) names.push_back(job);
    ASSERT_EQ(store_->ListJobs().value(), names);
  }

  void PutNamed() {
    const std::pair key(AnyJob(), fmt::format("block {}", Below(20)));
    // Immutable: whoever puts a name puts the same bytes, until the job is dropped.
    const std::string bytes(key.second.size() * 37, static_cast<char>(key.second.back()));
    ASSERT_TRUE(store_->PutBlock(key.first, key.second, bytes));
    named_[key] = bytes;
  }

  void GetNamed() {
    const std::pair key(AnyJob(), fmt::format("block {}", Below(20)));
    const auto got = store_->GetBlock(key.first, key.second);
    ASSERT_EQ(got.has_value(), named_.contains(key));
    if (got) {
      ASSERT_EQ(*got, named_[key]);
    }
  }

  void MakeOrDropTable() {
    const TableKey key(AnyJob(), AnyTable());
    if (Below(4) == 0) {
      ASSERT_TRUE(store_->DropShuffleTable(key.first, key.second));
      tables_.erase(key);
    } else {
      ASSERT_TRUE(store_->MakeShuffleTable(key.first, key.second, kShape));
      tables_[key];
    }
  }

  void WriteBlocks() {
    const TableKey key(AnyJob(), AnyTable());
    auto writer = store_->WriteShuffle(key.first, key.second);
    ASSERT_EQ(writer.has_value(), tables_.contains(key));
    if (!writer) return;
    const uint32_t map_task = Below(6);
    const AttemptId attempt{1, ++attempts_};
    for (uint32_t partition = 0; partition < 4; ++partition) {
      const uint32_t blocks = Below(4);
      for (uint32_t sequence = 0; sequence < blocks; ++sequence) {
        const std::string bytes(Below(10) == 0 ? Below(100'000) : Below(50), 'x');
        ASSERT_TRUE((*writer)->Put({partition, map_task / 3, map_task, attempt, sequence}, bytes));
        tables_[key][{partition, map_task / 3}][{map_task, attempt, sequence}] = bytes;
      }
    }
    ASSERT_TRUE((*writer)->Finish());
  }

  void CheckScan() {
    const TableKey key(AnyJob(), AnyTable());
    const uint32_t partition = Below(4);
    const uint32_t bucket = Below(2);
    const ShuffleRange range{partition, bucket, Below(2) == 0};
    const auto scan = store_->ScanShuffle(key.first, key.second, range);
    ASSERT_EQ(scan.has_value(), tables_.contains(key));
    if (!scan) return;
    for (const auto& [place, bytes] : tables_[key][{partition, bucket}]) {
      const auto block = (*scan)->Next().value();
      ASSERT_TRUE(block.has_value());
      ASSERT_EQ(BlockKey(block->key.map_task, block->key.attempt, block->key.sequence), place);
      ASSERT_TRUE(block->bytes == bytes);
    }
    ASSERT_FALSE((*scan)->Next().value().has_value());
  }

  void DropJob() {
    const Incarnation job = AnyJob();
    ASSERT_TRUE(store_->DropJob(job));
    std::erase_if(named_, [&](const auto& entry) { return entry.first.first == job; });
    std::erase_if(tables_, [&](const auto& entry) { return entry.first.first == job; });
  }

  StorePlace& place_;
  bool is_shared_;
  std::mt19937 random_;
  std::unique_ptr<Store> store_;
  std::map<std::string, JobRow> rows_;
  std::map<std::pair<Incarnation, std::string>, std::string> named_;
  std::map<TableKey, std::map<std::pair<uint32_t, uint32_t>, std::map<BlockKey, std::string>>>
      tables_;
  uint64_t attempts_ = 0;
};

TEST_P(StoreContract, AnyOrderOfCallsGivesWhatWasWritten) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    place_ = GetParam().make();
    StoreModel model(*place_, GetParam().is_shared, seed);
    for (int step = 0; step < 600 && !HasFailure(); ++step) model.Step();
  }
}

}  // namespace
}  // namespace minke
