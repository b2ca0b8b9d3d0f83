#include "task/map_task.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <vector>

#include <minke/job.h>

#include "task/one_job_test.h"

namespace minke {
namespace {

using Numbers = minke::Emit<std::string_view, int64_t>;
using Sums = minke::Values<int64_t>;

// Of a line "key n n …" emits each number under its key; throws at what is none.
struct EmitNumbers {
  void Begin(minke::Task& task) { lines = task.counter("lines"); }
  void operator()(const minke::Line& line, Numbers& emit) {
    std::string_view key;
    for (const std::string_view word : line.words()) {
      if (key.empty()) {
        key = word;
      } else {
        emit(key, std::stoll(std::string(word)));
      }
    }
    ++lines;
  }
  minke::Counter lines;
};

// Keys that begin with 'z' have no partition.
uint32_t ByLetter(std::string_view key, uint32_t partitions) {
  return key[0] == 'z' ? partitions : static_cast<uint32_t>(key[0] - 'a') % partitions;
}

void EmitSum(std::string_view key, Sums& values, Numbers& emit) {
  int64_t sum = 0;
  for (const int64_t value : values) sum += value;
  emit(key, sum);
}

minke::Job Total(const minke::Arguments&) {
  return minke::Map(EmitNumbers()).Aggregate(minke::Sum()).PartitionBy(ByLetter);
}
MINKE_JOB("total", Total);

minke::Job Sorted(const minke::Arguments&) {
  return minke::Map(EmitNumbers()).PartitionBy(ByLetter).SortByKey();
}
MINKE_JOB("sorted", Sorted);

minke::Job Combined(const minke::Arguments&) {
  return minke::Map(EmitNumbers())
      .Combine([](std::string_view key, Sums& values, Numbers& emit, minke::Task& task) {
        ++task.counter("combined");
        EmitSum(key, values, emit);
      })
      .PartitionBy(ByLetter)
      .Reduce(EmitSum);
}
MINKE_JOB("combined", Combined);

minke::Job CombinedBadly(const minke::Arguments&) {
  return minke::Map(EmitNumbers())
      .Combine([](std::string_view key, Sums&, Numbers& emit) { emit(key, std::stoll("bad")); })
      .Reduce(EmitSum);
}
MINKE_JOB("combined-badly", CombinedBadly);

minke::Job Plain(const minke::Arguments&) { return minke::Map(EmitNumbers()).MapOnly(); }
MINKE_JOB("plain", Plain);

minke::Job Elsewhere(const minke::Arguments&) {
  return minke::Map([](const minke::Line& line, Numbers& emit) {
           std::thread([&] {
             for (int i = 0; i < 10'000; ++i) emit(line, i);
           }).join();
         })
      .SortByKey();
}
MINKE_JOB("elsewhere", Elsewhere);

struct CountLines {
  void operator()(const minke::Line& line, Numbers&) { count += line == "bad" ? -1 : 1; }
  void End(Numbers& emit) const { emit("lines", count < 0 ? std::stoll("bad") : count); }
  int64_t count = 0;
};
minke::Job Counted(const minke::Arguments&) { return minke::Map(CountLines()).SortByKey(); }
MINKE_JOB("counted", Counted);

// Lines that begin with '#' go to a side output.
minke::Job Ranged(const minke::Arguments&) {
  return minke::Map(
             [](const minke::Line& line, minke::Emit<std::string_view>& emit, minke::Task& task) {
               if (line.starts_with('#')) {
                 task.output<std::string_view>("remarks")(line);
               } else {
                 emit(line);
               }
             })
      .PartitionBy(minke::ByRange())
      .Output<std::string_view>("remarks")
      .SortByKey();
}
MINKE_JOB("ranged", Ranged);

std::string CounterOf(const proto::Report& report, const std::string& name) {
  for (const proto::Counter& counter : report.counters()) {
    if (counter.name() == name) return std::to_string(counter.value());
  }
  return "none";
}

// A line per key and number, in no order of the keys.
std::string ManyNumbers(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) {
    text +=
        fmt::format("{}key{} {} {}\n", static_cast<char>('a' + i % 7), i * 7919 % 100, i, -2 * i);
  }
  return text;
}

Error ErrorOf(const Result<proto::Report>& report) {
  return report ? Error{ErrorCode::kInternal, "it succeeded"} : report.error();
}

// Every way that a map's records may go, handed over as segments and as blocks.
class MapTask : public testing::TestWithParam<std::tuple<const char*, bool>> {
 protected:
  static OneJobOptions With(std::vector<std::string> files) {
    OneJobOptions options;
    options.files = std::move(files);
    options.partitions = 4;
    options.keeps_segments = std::get<1>(GetParam());
    return options;
  }
  static const char* JobName() { return std::get<0>(GetParam()); }
  static bool IsMapOnly() { return std::string(JobName()) == "plain"; }

  // What all reduce tasks make of it; of a map-only job, the parts of the map tasks.
  static std::string Whole(OneJob& job) {
    std::string whole;
    for (uint32_t i = 0; i < (IsMapOnly() ? job.map_tasks() : job.plan.partitions()); ++i) {
      if (IsMapOnly()) (void)job.Map(i);
      whole += IsMapOnly() ? job.Part(i) : job.Reduced(i);
    }
    return whole;
  }
};

INSTANTIATE_TEST_SUITE_P(Every, MapTask,
                         testing::Combine(testing::Values("total", "sorted", "combined", "plain"),
                                          testing::Bool()),
                         [](const auto& of) {
                           const std::string job = std::get<0>(of.param);
                           return job + (std::get<1>(of.param) ? "AsSegments" : "AsBlocks");
                         });

TEST_P(MapTask, ReportsWhatItReadAndWhichPartitionsHaveRecords) {
  OneJob job(JobName(), With({"a 1 2\nc 3\ne 4\n"}));
  const auto report = job.Map();
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(report->records_in(), 3u);
  EXPECT_EQ(report->bytes_in(), 14u);
  EXPECT_EQ(report->skipped(), 0u);
  EXPECT_EQ(CounterOf(*report, "lines"), "3");
  if (IsMapOnly()) return;
  EXPECT_GT(report->bytes_out(), 0u);
  std::string held;
  for (uint32_t p = 0; p < 4; ++p) held += HoldsPartition(*report, p) ? '1' : '0';
  EXPECT_EQ(held, "1010");
}

TEST_P(MapTask, StoresItsReportUnderItsAttempt) {
  OneJob job(JobName(), With({"a 1\nb 2\n"}));
  const auto report = job.Map();
  ASSERT_TRUE(report) << report.error().text;
  const auto stored = job.context.store->GetBlock(OneJob::kIncarnation, ReportName(job.last));
  ASSERT_TRUE(stored);
  EXPECT_EQ(*stored, report->SerializeAsString());
}

TEST_P(MapTask, CommitsNothingWhenTheUserFails) {
  OneJob job(JobName(), With({ManyNumbers(3000) + "a 1 bad\nb 2\n"}));
  const Error error = ErrorOf(job.Map());
  EXPECT_EQ(error.code, ErrorCode::kUserCode);
  EXPECT_NE(error.text.find("map function failed: stoll"), std::string::npos) << error.text;
  EXPECT_EQ(job.Left(), "");
}

TEST_P(MapTask, CountersOfAFailedAttemptCountNowhere) {
  OneJob job(JobName(), With({"a 1\nb 2\nc 3 bad\n"}));
  ASSERT_FALSE(job.Map());
  EXPECT_TRUE(job.tally.counters().empty());
  job.context.skip_bad = 1;
  const auto report = job.Map(0, true);
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(CounterOf(*report, "lines"), "2") << "an attempt begins at zero";
}

TEST_P(MapTask, GivesTheSameUnderATinyBudget) {
  const std::vector<std::string> files = {ManyNumbers(800), ManyNumbers(500)};
  OneJob roomy(JobName(), With(files));
  roomy.MapAll();
  const std::string whole = Whole(roomy);
  EXPECT_GT(whole.size(), 1000u);
  for (const size_t memory_bytes : {1u, 3000u}) {
    OneJobOptions options = With(files);
    options.memory_bytes = memory_bytes;
    options.kept_bytes = memory_bytes;
    options.block_bytes = 64;
    OneJob tiny(JobName(), options);
    const auto report = tiny.Map(0);
    ASSERT_TRUE(report) << report.error().text;
    EXPECT_EQ(report->spills() > 0, !IsMapOnly());
    EXPECT_EQ(report->spilled_bytes() > 0, !IsMapOnly());
    tiny.MapAll();
    EXPECT_EQ(Whole(tiny), whole) << memory_bytes;
  }
}

TEST_P(MapTask, CarefulModeGivesTheSame) {
  const std::vector<std::string> files = {ManyNumbers(300), ManyNumbers(200)};
  OneJob job(JobName(), With(files));
  job.MapAll();
  OneJob careful(JobName(), With(files));
  careful.MapAll(true);
  EXPECT_EQ(Whole(careful), Whole(job));
}

TEST_P(MapTask, CarefulModeNamesTheRecordAndWithoutItTheBatch) {
  OneJob job(JobName(), With({"a 1\nb 2\n", "c 3\nd bad\ne 5\n"}));
  const std::string path = job.InputPath(1);
  EXPECT_EQ(ErrorOf(job.Map(1)).text.find("the batch at byte 0 of " + path + ": "), 0u);
  EXPECT_EQ(ErrorOf(job.Map(1, true)).text.find("the record at byte 4 of " + path + ": "), 0u);
  // As a parent reads it when the process is gone.
  EXPECT_EQ(job.page.path, path);
  EXPECT_EQ(job.page.record.load(), 4);
  EXPECT_EQ(job.page.is_one.load(), 1u);
  EXPECT_EQ(job.Left(), "");
}

TEST_P(MapTask, PassesOverBadRecordsAndKeepsThemAside) {
  OneJob job(JobName(), With({"a 1\nb 2 3 bad\nc 4\nd\tbad\r\ne 5\n"}));
  job.context.skip_bad = 2;
  const auto report = job.Map(0, true);
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(report->skipped(), 2u);
  EXPECT_EQ(report->records_in(), 5u);
  EXPECT_EQ(job.Part(0, "bad-records"), "b 2 3 bad\nd\tbad\n");
  EXPECT_EQ(IsMapOnly() ? job.Part(0) : job.Reduced(0) + job.Reduced(2),
            IsMapOnly() ? "a\t1\nc\t4\ne\t5\n" : "a\t1\ne\t5\nc\t4\n")
      << "of a bad record nothing is left, though it emitted before it failed";
}

TEST_P(MapTask, PassesOverNoMoreThanAllowedAndNoneWithoutCare) {
  OneJob job(JobName(), With({"a bad\nb bad\nc 1\n"}));
  job.context.skip_bad = 1;
  EXPECT_EQ(ErrorOf(job.Map(0, true)).text.find("the record at byte 6 of "), 0u);
  EXPECT_EQ(job.Left(), "");
  job.context.skip_bad = 2;
  EXPECT_EQ(ErrorOf(job.Map(0, false)).code, ErrorCode::kUserCode);
  EXPECT_TRUE(job.Map(0, true));
}

TEST_P(MapTask, WhatBroughtTheProcessDownIsNotMappedAgain) {
  OneJob job(JobName(), With({"a 1\nb 2\nc 3\n"}));
  job.context.crashes.tasks = {{0, 0}};
  job.context.crashes.records = {{job.InputPath(0), 4}, {"another", 0}};
  const auto report = job.Map(0, false);  // careful as the task is known
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(report->skipped(), 1u);
  EXPECT_EQ(CounterOf(*report, "lines"), "2");
  EXPECT_EQ(job.Part(0, "bad-records"), "b 2\n");
}

TEST_P(MapTask, StopsWhenItIsTold) {
  OneJob job(JobName(), With({"a 1\nb 2\n"}));
  job.slot.cancelled = true;
  EXPECT_EQ(ErrorOf(job.Map()).code, ErrorCode::kCancelled);
  EXPECT_EQ(job.Left(), "");
}

TEST_P(MapTask, WithoutRecordsLeavesNoPartition) {
  OneJob job(JobName(), With({"\n \n"}));
  const auto report = job.Map();
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(report->records_in(), 2u);
  for (uint32_t p = 0; p < 4; ++p) EXPECT_FALSE(HoldsPartition(*report, p));
  EXPECT_EQ(Whole(job), "");
}

TEST_P(MapTask, TheInputThatIsNoLongerThereIsAnInputError) {
  OneJob job(JobName(), With({"a 1\n"}));
  ASSERT_EQ(unlink(job.InputPath(0).c_str()), 0);
  const Error error = ErrorOf(job.Map());
  EXPECT_EQ(error.code, ErrorCode::kInput);
  EXPECT_NE(error.text.find(job.InputPath(0)), std::string::npos);
  EXPECT_EQ(job.Left(), "");
}

TEST(MapTaskOutput, WhatMayNotBeKeptGoesToDiskAtOnce) {
  for (const char* name : {"total", "sorted"}) {
    OneJob job(name, {.files = {ManyNumbers(50)}, .kept_bytes = 0});
    const auto report = job.Map();
    ASSERT_TRUE(report) << report.error().text;
    EXPECT_EQ(job.Left(), "report segment spills ") << name;
    job.context.store->DropSegment(OneJob::kIncarnation, job.last);
    EXPECT_EQ(job.Left(), "report ") << name;
  }
}

TEST(MapTaskOutput, WhatIsKeptHoldsItsMemory) {
  for (const char* name : {"total", "sorted"}) {
    OneJob job(name, {.files = {ManyNumbers(50)}});
    ASSERT_TRUE(job.Map());
    EXPECT_EQ(job.Left(), "report segment memory ") << name;
    job.context.store->DropSegment(OneJob::kIncarnation, job.last);
    EXPECT_EQ(job.Left(), "report ") << name;
  }
}

TEST(MapTaskOutput, WhatIsFoldedWhileEmittedIsHandedOverOnce) {
  OneJob job("total", {.files = {"a 1 2 3\nb 4 5\na 6\n"}});
  EXPECT_EQ(job.Map()->records_out(), 2u);
  OneJob sorted("sorted", {.files = {"a 1 2 3\nb 4 5\na 6\n"}});
  EXPECT_EQ(sorted.Map()->records_out(), 6u);
  OneJob stored("total", {.files = {"a 1 2 3\nb 4 5\na 6\n"}, .keeps_segments = false});
  EXPECT_EQ(stored.Map()->records_out(), 2u) << "written as blocks";
}

TEST(MapTaskOutput, ARunIsCombined) {
  const std::string text = "a 1 2\nb 3\na 4\nb 5 6\n";
  OneJob job("combined", {.files = {text}, .kept_bytes = 0});
  const auto report = job.Map();
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(CounterOf(*report, "combined"), "2");
  EXPECT_EQ(report->records_out(), 2u) << "as they went into the shuffle";
  EXPECT_EQ(job.Reduced(), "a\t7\nb\t14\n");
}

TEST(MapTaskOutput, ACombinerThatFailsEndsTheAttempt) {
  for (const bool keeps_segments : {true, false}) {
    OneJob job("combined-badly",
               {.files = {"a 1\n"}, .kept_bytes = 0, .keeps_segments = keeps_segments});
    const Error error = ErrorOf(job.Map());
    EXPECT_EQ(error.code, ErrorCode::kUserCode);
    EXPECT_NE(error.text.find("combine function failed: stoll"), std::string::npos) << error.text;
    EXPECT_EQ(job.Left(), "");
  }
}

TEST(MapTaskOutput, MapOnlyKeepsTheOrderOfTheInput) {
  OneJob job("plain", {.files = {"b 2 1\na 9\nb 0\n", "a 1\n"}});
  ASSERT_TRUE(job.Map(0));
  EXPECT_EQ(job.Part(0), "b\t2\nb\t1\na\t9\nb\t0\n");
  ASSERT_TRUE(job.Map(1));
  EXPECT_EQ(job.Part(1), "a\t1\n");
}

TEST(MapTaskUser, EmitsFromAnotherThreadAreRefused) {
  for (const bool careful : {false, true}) {
    OneJob job("elsewhere", {.files = {"a\n"}});
    const Error error = ErrorOf(job.Map(0, careful));
    EXPECT_EQ(error.code, ErrorCode::kUserCode);
    EXPECT_NE(error.text.find("thread"), std::string::npos) << error.text;
    EXPECT_EQ(job.Left(), "");
  }
}

TEST(MapTaskUser, ARecordThatWasMappedIsNotPassedOver) {
  // Its pairs may be folded in part: there is no way back.
  for (const char* name : {"total", "sorted"}) {
    OneJob job(name, {.files = {"a 1\nz 2\nb 3\n"}, .partitions = 4});
    job.context.skip_bad = 9;
    const Error error = ErrorOf(job.Map(0, true));
    EXPECT_EQ(error.code, ErrorCode::kUserCode) << name;
    EXPECT_NE(error.text.find("answers 4"), std::string::npos) << error.text;
    EXPECT_EQ(job.Left(), "");
  }
}

TEST(MapTaskUser, MayEmitAtTheEnd) {
  OneJob job("counted", {.files = {"x\ny\n", "x\n"}});
  job.MapAll();
  EXPECT_EQ(job.Reduced(), "lines\t2\nlines\t1\n");
  job.MapAll(true);
  EXPECT_EQ(job.Reduced(), "lines\t2\nlines\t1\n");
}

TEST(MapTaskUser, AnEndThatFailsEndsTheAttempt) {
  OneJob job("counted", {.files = {"bad\n"}});
  job.context.skip_bad = 9;
  for (const bool careful : {false, true}) {
    const Error error = ErrorOf(job.Map(0, careful));
    EXPECT_EQ(error.code, ErrorCode::kUserCode);
    EXPECT_NE(error.text.find("map end function failed: stoll"), std::string::npos) << error.text;
    EXPECT_EQ(job.Left(), "");
  }
}

TEST(MapTaskUser, MayWriteSideOutputs) {
  OneJob job("ranged", {.files = {"b\n# one\na\n# two\n"}});
  const auto report = job.Map();
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(job.Part(0, "remarks"), "# one\n# two\n");
  ASSERT_EQ(report->outputs_size(), 1);
  EXPECT_EQ(report->outputs(0).name(), "remarks");
  EXPECT_EQ(report->outputs(0).records(), 2u);
  EXPECT_EQ(job.Reduced(), "a\nb\n");
}

TEST(MapTaskUser, ASideOutputWithoutRecordsIsNotMade) {
  OneJob job("ranged", {.files = {"b\na\n"}});
  const auto report = job.Map();
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(report->outputs_size(), 0);
  EXPECT_EQ(job.Part(0, "remarks"), "no such part");
}

TEST(MapTaskRange, SplittersSayWhereKeysGo) {
  OneJob job("ranged", {.files = {"a\nm\nz\nf\n"}, .partitions = 3});
  job.splitters = {"f", "n"};
  ASSERT_TRUE(job.Map());
  EXPECT_EQ(job.Reduced(0), "a\n");
  EXPECT_EQ(job.Reduced(1), "f\nm\n");
  EXPECT_EQ(job.Reduced(2), "z\n");
}

TEST(SampleTask, GivesTheKeysAndNothingElse) {
  OneJob job("ranged", {.files = {"b\n# one\na\n"}, .partitions = 3});
  const auto report = job.Run(proto::PHASE_SAMPLE, 0);
  ASSERT_TRUE(report) << report.error().text;
  const std::set<std::string> keys(report->samples().begin(), report->samples().end());
  EXPECT_EQ(keys, (std::set<std::string>{"a", "b"}));
  EXPECT_EQ(job.Left(), "report ");
}

TEST(SampleTask, SeesTheSameWhateverTheSplits) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919 % 20'000) + "\n";
  std::vector<std::string> seen;
  for (const uint64_t split_bytes : {0, 5000}) {
    OneJob job("ranged", {.files = {text}, .split_bytes = split_bytes, .partitions = 3});
    for (uint32_t i = 0; i < job.plan.steps(0).tasks(); ++i) {
      const auto report = job.Run(proto::PHASE_SAMPLE, i);
      ASSERT_TRUE(report) << report.error().text;
      std::string keys;
      for (const std::string& key : report->samples()) keys += key + " ";
      if (i == seen.size()) seen.push_back(keys);
      EXPECT_EQ(keys, seen[i]) << i;
    }
    EXPECT_EQ(seen.size(), job.plan.steps(0).tasks());
  }
}

}  // namespace
}  // namespace minke
