#include "task/reduce_task.h"

#include <algorithm>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <map>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include <minke/job.h>

#include "shuffle/run.h"
#include "task/map_task.h"
#include "task/one_job_test.h"
#include "task/output/part_output.h"

namespace minke {
namespace {

using Texts = minke::Emit<std::string_view, std::string_view>;
using TextValues = minke::Values<std::string_view>;

// Of a line "key value": that pair.
void EmitPair(const minke::Line& line, Texts& emit) {
  const size_t space = line.find(' ');
  emit(line.substr(0, space), line.substr(space + 1));
}

uint32_t ByLetter(std::string_view key, uint32_t partitions) {
  return static_cast<uint32_t>(key[0] - 'a') % partitions;
}

// The values of each key, one behind the other; what is no number throws at the key "bad", behind
// a first record.
struct Join {
  void Begin(minke::Task& task) { groups = task.counter("groups"); }
  void operator()(std::string_view key, TextValues& values, Texts& emit) {
    std::string joined;
    for (const std::string_view value : values) joined.append(value).append(",");
    if (key == "bad") {
      emit(key, "begun");
      (void)std::stoll(joined);
    }
    emit(key, joined);
    ++groups;
  }
  minke::Counter groups;
};

minke::Job Lists(const minke::Arguments&) {
  return minke::Map(EmitPair).PartitionBy(ByLetter).Reduce(Join());
}
MINKE_JOB("lists", Lists);

minke::Job SortedLists(const minke::Arguments&) {
  return minke::Map(EmitPair).PartitionBy(ByLetter).SortValues().Reduce(Join());
}
MINKE_JOB("sorted-lists", SortedLists);

minke::Job Copied(const minke::Arguments&) {
  return minke::Map(EmitPair).PartitionBy(ByLetter).SortByKey();
}
MINKE_JOB("copied", Copied);

minke::Job Counts(const minke::Arguments&) {
  return minke::Map([](const minke::Line& line, minke::Emit<std::string_view>& emit) {
           for (const std::string_view word : line.words()) emit(word);
         })
      .Aggregate(minke::Count())
      .PartitionBy(ByLetter);
}
MINKE_JOB("counts", Counts);

minke::Job CountsTwice(const minke::Arguments&) {
  return minke::Map([](const minke::Line& line, minke::Emit<std::string_view>& emit) {
           for (const std::string_view word : line.words()) emit(word);
         })
      .Aggregate(minke::Count())
      .Reduce([](std::string_view key, minke::Values<uint64_t>& values,
                 minke::Emit<std::string_view, uint64_t>& emit) { emit(key, 2 * values.Only()); })
      .PartitionBy(ByLetter);
}
MINKE_JOB("counts-twice", CountsTwice);

// The last key of a partition, at its end.
struct LastKey {
  void operator()(std::string_view key, TextValues&, Texts&) { last.assign(key); }
  void End(Texts& emit) const { emit("last", last); }
  std::string last = "none";
};
minke::Job Last(const minke::Arguments&) { return minke::Map(EmitPair).Reduce(LastKey()); }
MINKE_JOB("last", Last);

minke::Job Elsewhere(const minke::Arguments&) {
  return minke::Map(EmitPair).Reduce([](std::string_view key, TextValues&, Texts& emit) {
    std::thread([&] {
      for (int i = 0; i < 10'000; ++i) emit(key, "x");
    }).join();
  });
}
MINKE_JOB("elsewhere", Elsewhere);

Error ErrorOf(const Result<proto::Report>& report) {
  return report ? Error{ErrorCode::kInternal, "it succeeded"} : report.error();
}

// Keys of many map tasks in no order, each value telling where it stood.
std::vector<std::string> ManyPairs(size_t files, int lines) {
  std::vector<std::string> texts(files);
  for (size_t f = 0; f < files; ++f) {
    for (int i = 0; i < lines; ++i) {
      const int key = static_cast<int>(f * 31) + i * 7919;
      texts[f] += fmt::format("{}key{} {}.{}\n", static_cast<char>('a' + key % 7), key % 40, f, i);
    }
  }
  return texts;
}

// What "lists" makes of them, computed plainly.
std::string Joined(const std::vector<std::string>& texts, uint32_t partition, uint32_t partitions,
                   bool sort_values) {
  std::map<std::string, std::vector<std::string>> values;
  for (const std::string& text : texts) {
    for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
      const std::string line = text.substr(at, text.find('\n', at) - at);
      const size_t space = line.find(' ');
      values[line.substr(0, space)].push_back(line.substr(space + 1));
    }
  }
  std::string joined;
  for (auto& [key, list] : values) {
    if (ByLetter(key, partitions) != partition) continue;
    if (sort_values) std::sort(list.begin(), list.end());
    joined += key + "\t";
    for (const std::string& value : list) joined += value + ",";
    joined += "\n";
  }
  return joined;
}

// Over segments and over blocks, with memory and without.
class ReduceTask : public testing::TestWithParam<std::tuple<bool, bool>> {
 protected:
  static OneJobOptions With(std::vector<std::string> files) {
    OneJobOptions options;
    options.files = std::move(files);
    options.partitions = 3;
    options.keeps_segments = std::get<0>(GetParam());
    if (std::get<1>(GetParam())) {
      options.memory_bytes = 1500;
      options.kept_bytes = 4000;  // of some map tasks only
      options.block_bytes = 64;
    }
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(Every, ReduceTask, testing::Combine(testing::Bool(), testing::Bool()),
                         [](const auto& of) {
                           return std::string(std::get<0>(of.param) ? "Segments" : "Blocks") +
                                  (std::get<1>(of.param) ? "WithoutMemory" : "");
                         });

TEST_P(ReduceTask, SeesTheValuesOfAKeyInTheOrderOfTheInput) {
  const auto texts = ManyPairs(5, 120);
  OneJob job("lists", With(texts));
  job.MapAll();
  for (uint32_t p = 0; p < 3; ++p) EXPECT_EQ(job.Reduced(p), Joined(texts, p, 3, false)) << p;
}

TEST_P(ReduceTask, SeesThemInTheOrderOfTheInputWhoeverWasFirstToEnd) {
  const auto texts = ManyPairs(4, 50);
  OneJob job("lists", With(texts));
  for (const uint32_t task : {2u, 0u, 3u, 1u}) ASSERT_TRUE(job.Map(task));
  EXPECT_EQ(job.Reduced(1), Joined(texts, 1, 3, false));
}

TEST_P(ReduceTask, SeesSortedValuesInByteOrder) {
  const auto texts = ManyPairs(5, 120);
  OneJob job("sorted-lists", With(texts));
  job.MapAll();
  for (uint32_t p = 0; p < 3; ++p) EXPECT_EQ(job.Reduced(p), Joined(texts, p, 3, true)) << p;
}

TEST_P(ReduceTask, WithoutAFunctionCopiesTheRecordsInOrder) {
  OneJob job("copied", With({"d 1\na 2\nd 0\n", "d 3\na 1\na 0\n"}));
  job.MapAll();
  EXPECT_EQ(job.Reduced(0), "a\t2\na\t1\na\t0\nd\t1\nd\t0\nd\t3\n");
}

TEST_P(ReduceTask, FinishesAggregates) {
  const std::vector<std::string> texts = {"d a a\nb d\n", "a g\n", "\n", "d d d\n"};
  OneJob job("counts", With(texts));
  job.MapAll();
  EXPECT_EQ(job.Reduced(0), "a\t3\nd\t5\ng\t1\n");
  EXPECT_EQ(job.Reduced(1), "b\t1\n");
  OneJob twice("counts-twice", With(texts));
  twice.MapAll();
  EXPECT_EQ(twice.Reduced(0), "a\t6\nd\t10\ng\t2\n");
}

TEST_P(ReduceTask, CountsEachKeyOnceThoughItsStatesAreSpilled) {
  std::vector<std::string> texts(3);
  std::string expected;
  for (int i = 1000; i < 1400; ++i) {
    for (std::string& text : texts) text += fmt::format("a{} a{}\n", i, i);
    expected += fmt::format("a{}\t6\n", i);
  }
  OneJob job("counts", With(texts));
  job.MapAll();
  const auto report = job.Reduce(0);
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(job.Part(0), expected);
  EXPECT_EQ(report->spills() > 0, std::get<1>(GetParam()) || !std::get<0>(GetParam()));
}

TEST_P(ReduceTask, ReportsWhatItReadAndWrote) {
  OneJob job("lists", With({"a 1\nd 2\n", "a 3\nb 4\n"}));
  job.MapAll();
  const auto report = job.Reduce(0);
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(report->records_in(), 3u);
  EXPECT_EQ(report->records_out(), 2u);
  EXPECT_EQ(report->bytes_out(), std::string("a\t1,3,\nd\t2,\n").size());
  ASSERT_EQ(report->outputs_size(), 1);
  EXPECT_EQ(report->outputs(0).name(), "");
  EXPECT_EQ(report->outputs(0).records(), 2u);
  ASSERT_EQ(report->counters_size(), 1);
  EXPECT_EQ(report->counters(0).value(), 2u);
  const auto stored = job.context.store->GetBlock(OneJob::kIncarnation, ReportName(job.last));
  ASSERT_TRUE(stored);
  EXPECT_EQ(*stored, report->SerializeAsString());
}

TEST_P(ReduceTask, APartitionWithoutRecordsIsAnEmptyPart) {
  for (const char* name : {"lists", "copied", "counts"}) {
    OneJob job(name, With({"a d\n", "d g\n"}));
    job.MapAll();
    const auto report = job.Reduce(2);
    ASSERT_TRUE(report) << report.error().text;
    EXPECT_EQ(report->records_in() + report->records_out(), 0u);
    EXPECT_EQ(job.Part(2), "") << name;
  }
}

TEST_P(ReduceTask, NamesAllMapTasksWhoseOutputIsMissing) {
  for (const char* name : {"lists", "counts"}) {
    OneJob job(name, With({"a 1\n", "a 2\n", "a 3\n", "b 4\n"}));
    job.MapAll();
    proto::Report held;
    held.set_partitions("\1");
    job.tally.Add({0, 0}, proto::PHASE_MAP, {.epoch = 5, .n = 77}, held);
    job.tally.Add({0, 2}, proto::PHASE_MAP, {.epoch = 4, .n = 3}, held);
    EXPECT_EQ(ErrorOf(job.Reduce(0)).code, ErrorCode::kNotFound);
    EXPECT_EQ(job.slot.missing_map_tasks, (std::vector<uint32_t>{0, 2})) << name;
    EXPECT_EQ(job.Part(0), "no such part");
    ASSERT_TRUE(job.Map(0));
    ASSERT_TRUE(job.Map(2));
    ASSERT_TRUE(job.Reduce(0));
    EXPECT_TRUE(job.slot.missing_map_tasks.empty());
  }
}

TEST_P(ReduceTask, ReadsOnlyTheWinners) {
  OneJob job("lists", With({"a 1\n", "a 2\n"}));
  job.MapAll();
  job.MapAll();  // the second attempts are the winners now
  EXPECT_EQ(job.Reduced(0), "a\t1,2,\n");
}

TEST_P(ReduceTask, WithoutItsWinnersBlockFails) {
  OneJob job("lists", With({"a 1\n"}));
  job.MapAll();
  EXPECT_EQ(ErrorOf(job.Run(proto::PHASE_REDUCE, 0)).code, ErrorCode::kNotFound);
  job.winners = 9;
  ASSERT_TRUE(job.context.store->PutBlock(OneJob::kIncarnation, WinnersName(9, 0), "\xff\xff"));
  EXPECT_EQ(ErrorOf(job.Run(proto::PHASE_REDUCE, 0)).code, ErrorCode::kCorruption);
}

TEST_P(ReduceTask, CommitsNothingWhenTheUserFails) {
  OneJob job("lists", With({"a 1\nbad no\nc 2\n", "bad 1\n"}));
  job.MapAll();
  for (const bool careful : {false, true}) {
    const Error error = ErrorOf(job.Reduce(1, careful));
    EXPECT_EQ(error.code, ErrorCode::kUserCode);
    EXPECT_NE(error.text.find("reduce function failed: stoll"), std::string::npos) << error.text;
    EXPECT_EQ(error.text.find("the group of key 'bad': ") == 0, careful) << error.text;
    EXPECT_EQ(job.Part(1), "no such part");
    EXPECT_FALSE(job.context.store->GetBlock(OneJob::kIncarnation, ReportName(job.last)));
  }
  EXPECT_TRUE(job.tally.counters().empty());
  EXPECT_EQ(job.Reduced(0), "a\t1,\n") << "other partitions are not harmed";
}

TEST_P(ReduceTask, SetsAsideTheKeyOfABadGroup) {
  OneJob job("lists", With({"a 1\nbad no\nd 2\n"}));
  job.MapAll();
  job.context.skip_bad = 1;
  EXPECT_EQ(job.Reduced(1, true), "");
  EXPECT_EQ(job.Part(1, "bad-groups"), "bad\n");
}

TEST_P(ReduceTask, CarefulModeGivesTheSameAndNotesEachGroup) {
  const auto texts = ManyPairs(3, 100);
  OneJob job("lists", With(texts));
  job.MapAll();
  const std::string whole = Joined(texts, 2, 3, false);
  EXPECT_EQ(job.Reduced(2, true), whole);
  const size_t last_line = whole.rfind('\n', whole.size() - 2) + 1;
  const std::string last_key = whole.substr(last_line, whole.find('\t', last_line) - last_line);
  EXPECT_EQ(std::string(job.page.key, last_key.size()), last_key);
  EXPECT_EQ(job.page.key_size.load(), -1) << "no group is at hand any more";
}

TEST_P(ReduceTask, MayEmitAtTheEnd) {
  OneJobOptions options = With({"a 1\nq 2\n", "m 3\n"});
  options.partitions = 1;
  OneJob job("last", options);
  job.MapAll();
  for (const bool careful : {false, true}) EXPECT_EQ(job.Reduced(0, careful), "last\tq\n");
}

TEST_P(ReduceTask, EmitsFromAnotherThreadAreRefused) {
  OneJobOptions options = With({"a 1\n"});
  options.partitions = 1;
  OneJob job("elsewhere", options);
  job.MapAll();
  for (const bool careful : {false, true}) {
    const Error error = ErrorOf(job.Reduce(0, careful));
    EXPECT_EQ(error.code, ErrorCode::kUserCode);
    EXPECT_NE(error.text.find("thread"), std::string::npos) << error.text;
    EXPECT_EQ(job.Part(0), "no such part");
  }
}

TEST_P(ReduceTask, StopsWhenItIsTold) {
  for (const char* name : {"lists", "copied", "counts"}) {
    OneJob job(name, With({"a 1\n", "d 2\n"}));
    job.MapAll();
    job.slot.cancelled = true;
    EXPECT_EQ(ErrorOf(job.Reduce(0)).code, ErrorCode::kCancelled) << name;
    EXPECT_EQ(job.Part(0), "no such part");
  }
}

// For a single file in global order, parts are runs of lines under their groups' keys.
TEST(ReduceTaskInOrder, LeavesLinesUnderTheKeyOfTheirGroup) {
  for (const char* name : {"lists", "copied"}) {
    OneJob job(name, {.files = {"b 1\na 2\n", "b 3\n"}});
    job.MapAll();
    job.context.output = nullptr;
    job.context.merge_by_key = true;
    const auto report = job.Reduce(0);
    ASSERT_TRUE(report) << report.error().text;
    const auto kept = job.context.store->GetSegment(OneJob::kIncarnation, job.last);
    ASSERT_TRUE(kept);
    const auto part = std::static_pointer_cast<const OrderedPart>(*kept);
    std::string found;
    const auto records = ReadRun(part->run, 0);
    for (;;) {
      const auto batch = records->Next();
      ASSERT_TRUE(batch);
      if (batch->empty()) break;
      for (const minke_record& record : *batch) {
        found += std::string(record.key, record.key_size) + " has " +
                 std::string(record.value, record.value_size);
      }
    }
    EXPECT_EQ(found, std::string(name) == "lists" ? "a has a\t2,\nb has b\t1,3,\n"
                                                  : "a has a\t2\nb has b\t1\nb has b\t3\n");
  }
}

TEST(ReduceTaskInOrder, WithoutLinesMakesNoRun) {
  OneJob job("lists", {.files = {"\n"}});
  job.context.output = nullptr;
  job.context.merge_by_key = true;
  const auto report = job.Reduce(0);
  ASSERT_TRUE(report) << report.error().text;
  const auto kept = job.context.store->GetSegment(OneJob::kIncarnation, job.last);
  ASSERT_TRUE(kept);
  EXPECT_EQ(std::static_pointer_cast<const OrderedPart>(*kept)->run, nullptr);
}

}  // namespace
}  // namespace minke
