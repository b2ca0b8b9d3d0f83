#include "control/plan.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace minke {
namespace {

constexpr uint64_t kMiB = 1u << 20;

proto::InputFile File(const std::string& path, uint64_t size, uint32_t compression = 0) {
  proto::InputFile file;
  file.set_path(path);
  file.set_size(size);
  file.set_compression(compression);
  return file;
}

proto::Plan Plan(const PlanRequest& request) {
  auto plan = ComputePlan(request);
  EXPECT_TRUE(plan.has_value()) << plan.error().text;
  return plan ? *plan : proto::Plan();
}

Error Refused(const PlanRequest& request) {
  auto plan = ComputePlan(request);
  EXPECT_FALSE(plan.has_value());
  return plan ? Error{} : plan.error();
}

// Every byte of every file that is not compressed is in exactly one piece, in order.
void ExpectCovered(const proto::Plan& plan) {
  uint32_t file = 0;
  uint64_t at = 0;
  const auto skip_empty = [&] {
    while (file < uint32_t(plan.files_size()) && plan.files(int(file)).size() == at) {
      ++file;
      at = 0;
    }
  };
  for (const proto::Split& split : plan.splits()) {
    for (const proto::SplitPiece& piece : split.pieces()) {
      skip_empty();
      ASSERT_EQ(piece.file(), file);
      if (piece.whole()) {
        at = plan.files(int(file)).size();
        continue;
      }
      ASSERT_EQ(piece.begin(), at);
      ASSERT_GT(piece.end(), piece.begin());
      at = piece.end();
    }
  }
  skip_empty();
  EXPECT_EQ(file, uint32_t(plan.files_size()));
}

TEST(Plan, OnePartitionPer32MiBOfInput) {
  PlanRequest request;
  const auto partitions = [&](uint64_t size) {
    request.files = {File("a", size)};
    return Plan(request).partitions();
  };
  EXPECT_EQ(partitions(0), 1u);
  EXPECT_EQ(partitions(1), 1u);
  EXPECT_EQ(partitions(32 * kMiB), 1u);
  EXPECT_EQ(partitions(32 * kMiB + 1), 2u);
  EXPECT_EQ(partitions(uint64_t{1024} * 32 * kMiB), 1024u);
  EXPECT_EQ(partitions(uint64_t{5000} * 32 * kMiB), 1024u);
}

TEST(Plan, PartitionsDependOnNeitherThreadsNorSplits) {
  PlanRequest request;
  request.files = {File("a", 100 * kMiB)};
  for (const uint32_t threads : {1u, 2u, 64u}) {
    for (const uint64_t split_bytes : {uint64_t{0}, kMiB, 50 * kMiB}) {
      request.threads = threads;
      request.split_bytes = split_bytes;
      EXPECT_EQ(Plan(request).partitions(), 4u);
    }
  }
}

TEST(Plan, SplitsCoverTheInputInOrder) {
  PlanRequest request;
  request.files = {File("empty", 0), File("a", 10), File("gz", 500, 1), File("b", 7),
                   File("c", 1000),  File("d", 1),  File("none", 0)};
  for (const uint64_t split_bytes : {1u, 2u, 7u, 100u, 999u, 5000u}) {
    request.split_bytes = split_bytes;
    ExpectCovered(Plan(request));
  }
}

TEST(Plan, ALargeFileIsCutEvenlyAndSmallOnesShareASplit) {
  PlanRequest request;
  request.split_bytes = 100;
  request.files = {File("a", 250), File("b", 40), File("c", 40), File("d", 40)};
  const proto::Plan plan = Plan(request);
  ASSERT_EQ(plan.splits_size(), 5);
  EXPECT_EQ(plan.splits(0).pieces(0).end(), 83u);
  EXPECT_EQ(plan.splits(3).pieces_size(), 2);
  EXPECT_EQ(plan.splits(4).pieces_size(), 1);
}

// Each takes two thirds of a thread's share of what is left: the last ones are short.
TEST(Plan, SplitsGetShorterTowardsTheEnd) {
  PlanRequest request;
  request.threads = 2;
  request.files = {File("a", 1000 * kMiB)};
  const proto::Plan plan = Plan(request);
  ExpectCovered(plan);
  uint64_t before = 256 * kMiB;
  for (const proto::Split& split : plan.splits()) {
    ASSERT_EQ(split.pieces_size(), 1);
    const uint64_t bytes = split.pieces(0).end() - split.pieces(0).begin();
    EXPECT_LE(bytes, before);
    EXPECT_GE(bytes, 30 * kMiB);
    before = bytes;
  }
  EXPECT_LE(before, 1000 * kMiB / 12 + 1);
  EXPECT_LE(plan.splits_size(), 8);
}

TEST(Plan, SplitsHaveABoundBothWays) {
  PlanRequest request;
  request.threads = 64;
  request.files = {File("a", 3 * kMiB)};
  EXPECT_EQ(Plan(request).splits_size(), 3);
  request.threads = 1;
  request.files = {File("a", 100'000 * kMiB)};
  const proto::Plan plan = Plan(request);
  ExpectCovered(plan);
  for (const proto::Split& split : plan.splits()) {
    EXPECT_LE(split.pieces(0).end() - split.pieces(0).begin(), 256 * kMiB);
  }
}

TEST(Plan, ATableIsCutIntoRangesThatHoldEveryTokenOnce) {
  PlanRequest request;
  request.threads = 3;
  request.files = {File("table:k.t", 777 * kMiB + 1)};
  request.files[0].set_is_table(true);
  const proto::Plan plan = Plan(request);
  ASSERT_GT(plan.splits_size(), 6);
  uint64_t next = 0;
  for (int i = 0; i < plan.splits_size(); ++i) {
    ASSERT_EQ(plan.splits(i).pieces_size(), 1);
    const proto::SplitPiece& piece = plan.splits(i).pieces(0);
    EXPECT_TRUE(piece.whole());
    EXPECT_EQ(piece.begin(), next);
    next = piece.end();
    EXPECT_GT(piece.end() - piece.begin(), UINT64_MAX / 30);
  }
  EXPECT_EQ(next, 0u) << "behind the last token";

  request.files = {File("a", 10), File("table:k.t", 20), File("b", 30)};
  request.files[1].set_is_table(true);
  const proto::Plan small = Plan(request);
  const proto::Split& shared = small.splits(0);
  ASSERT_EQ(shared.pieces_size(), 3);
  EXPECT_EQ(shared.pieces(1).begin(), 0u);
  EXPECT_EQ(shared.pieces(1).end(), 0u);
  EXPECT_TRUE(shared.pieces(1).whole());
}

TEST(Plan, ACompressedFileIsASplitOfItsOwn) {
  PlanRequest request;
  request.split_bytes = 1'000'000;
  request.files = {File("a", 10), File("b.gz", 10, 1), File("c", 10)};
  const proto::Plan plan = Plan(request);
  ASSERT_EQ(plan.splits_size(), 3);
  EXPECT_TRUE(plan.splits(1).pieces(0).whole());
}

TEST(Plan, FixedRecordsAreCutBetweenRecords) {
  PlanRequest request;
  request.record_bytes = 100;
  request.split_bytes = 333;
  request.files = {File("a", 10'000)};
  const proto::Plan plan = Plan(request);
  ExpectCovered(plan);
  for (const proto::Split& split : plan.splits()) EXPECT_EQ(split.pieces(0).begin() % 100, 0u);
}

TEST(Plan, AFileThatEndsInMidRecordIsBadInput) {
  PlanRequest request;
  request.record_bytes = 100;
  request.files = {File("good", 200), File("bad.bin", 250)};
  const Error error = Refused(request);
  EXPECT_EQ(error.code, ErrorCode::kInput);
  EXPECT_NE(error.text.find("bad.bin"), std::string::npos);
  request.files = {File("packed", 250, 1)};
  EXPECT_EQ(Plan(request).splits_size(), 1) << "its length when unpacked is not known";
}

TEST(Plan, NoInputIsOneMapTaskAllTheSame) {
  const proto::Plan plan = Plan({});
  EXPECT_EQ(plan.splits_size(), 1);
  EXPECT_EQ(plan.steps(0).tasks(), 1u);
}

TEST(Plan, StepsFollowTheKindOfJob) {
  PlanRequest request;
  request.files = {File("a", 100 * kMiB)};
  const auto kinds = [&] {
    std::vector<int> found;
    const proto::Plan plan = Plan(request);
    for (const proto::Step& step : plan.steps()) found.push_back(step.kind());
    return found;
  };
  EXPECT_EQ(kinds(), (std::vector<int>{proto::PHASE_MAP, proto::PHASE_REDUCE}));
  request.range_partitioned = true;
  EXPECT_EQ(kinds(),
            (std::vector<int>{proto::PHASE_SAMPLE, proto::PHASE_MAP, proto::PHASE_REDUCE}));
  request.partitions = 1;
  EXPECT_EQ(kinds(), (std::vector<int>{proto::PHASE_MAP, proto::PHASE_REDUCE}))
      << "one partition needs no splitters";
  request.has_reduce = false;
  EXPECT_EQ(kinds(), (std::vector<int>{proto::PHASE_MAP}));
}

TEST(Plan, SamplingDoesNotDependOnSplits) {
  PlanRequest request;
  request.files = {File("a", 100 * kMiB)};
  request.range_partitioned = true;
  request.split_bytes = kMiB;
  const proto::Plan many = Plan(request);
  request.split_bytes = 100 * kMiB;
  const proto::Plan few = Plan(request);
  ASSERT_NE(many.splits_size(), few.splits_size());
  EXPECT_EQ(many.steps(0).tasks(), few.steps(0).tasks());
  EXPECT_EQ(many.sample_bytes(), few.sample_bytes());
}

TEST(Plan, LimitsNameTheirSetting) {
  PlanRequest request;
  request.partitions = kPartitionsMax;
  EXPECT_EQ(Plan(request).partitions(), kPartitionsMax);
  request.partitions = kPartitionsMax + 1;
  const Error partitions = Refused(request);
  EXPECT_EQ(partitions.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(partitions.text.find("16384"), std::string::npos) << partitions.text;
  EXPECT_NE(partitions.text.find("--partitions"), std::string::npos) << partitions.text;
  request.partitions = 10'000;
  request.files = {File("a", 10'001)};
  request.split_bytes = 1;
  const Error runs = Refused(request);
  EXPECT_EQ(runs.code, ErrorCode::kInvalidArgument);
  EXPECT_NE(runs.text.find("--split-bytes"), std::string::npos) << runs.text;
  request.files = {File("a", 10'000)};
  EXPECT_EQ(Plan(request).splits_size(), 10'000);
}

TEST(Plan, BucketsHoldAtMost256MapTasksAndSpansFillThem) {
  PlanRequest request;
  request.split_bytes = 1;
  request.files = {File("a", 256)};
  EXPECT_EQ(Plan(request).buckets(), 1u);
  EXPECT_EQ(Plan(request).span(), 1u);
  request.files = {File("a", 257)};
  EXPECT_EQ(Plan(request).buckets(), 2u);
  request.files = {File("a", 4)};
  EXPECT_EQ(Plan(request).span(), 64u);
}

TEST(Plan, SameRequestSamePlan) {
  PlanRequest request;
  request.files = {File("a", 100 * kMiB), File("b", 3)};
  const std::string block = Plan(request).SerializeAsString();
  EXPECT_EQ(Plan(request).SerializeAsString(), block);
  EXPECT_EQ(PlanChecksum(block), PlanChecksum(Plan(request).SerializeAsString()));
  request.files[1].set_size(4);
  EXPECT_NE(PlanChecksum(Plan(request).SerializeAsString()), PlanChecksum(block));
}

TEST(Spec, EveryFieldMakesAnotherJob) {
  JobSpec spec{.job_hash = 1,
               .job = "grep",
               .arguments = {{"pattern", "a"}},
               .side_files = {{"stop", "words"}},
               .inputs = {"in"},
               .output = "out",
               .format = "text",
               .partitions = 3};
  std::vector<JobSpec> others(9, spec);
  others[0].job_hash = 2;
  others[1].job = "sort";
  others[2].arguments[0].second = "b";
  others[3].side_files.clear();
  others[4].inputs = {"i", "n"};
  others[5].output = "out2";
  others[6].format = "json";
  others[7].partitions = 4;
  others[8].inputs.push_back("in");
  EXPECT_EQ(SpecHash(spec), SpecHash(JobSpec(spec)));
  for (const JobSpec& other : others) EXPECT_NE(SpecHash(other), SpecHash(spec));
  JobSpec joined = spec;
  joined.job = "gre";
  joined.arguments = {{"ppattern", "a"}};
  EXPECT_NE(SpecHash(joined), SpecHash(spec)) << "no field is taken for another";
}

}  // namespace
}  // namespace minke
