#include "control/tally.h"

#include <gtest/gtest.h>
#include <string>

namespace minke {
namespace {

proto::Report Report(uint64_t records, const std::string& partitions = "") {
  proto::Report report;
  report.set_records_in(records);
  report.set_bytes_in(10 * records);
  report.set_partitions(partitions);
  proto::Counter* counter = report.add_counters();
  counter->set_name("seen");
  counter->set_value(records);
  proto::OutputFile* main = report.add_outputs();
  main->set_records(records);
  main->set_fingerprint(~uint64_t{0} - records);
  proto::OutputFile* side = report.add_outputs();
  side->set_name("rejects");
  side->set_records(1000);
  return report;
}

TEST(Tally, ReportsOfAStepAddUpMainOutputOnly) {
  Tally tally;
  tally.Add({0, 0}, proto::PHASE_MAP, {0, 1}, Report(3));
  tally.Add({0, 1}, proto::PHASE_MAP, {0, 2}, Report(4));
  EXPECT_EQ(tally.reports(0), 2u);
  EXPECT_EQ(tally.sums(0).records_in, 7u);
  EXPECT_EQ(tally.sums(0).bytes_in, 70u);
  EXPECT_EQ(tally.sums(0).output_records, 7u);
  EXPECT_EQ(tally.counters().at("seen"), 7u);
  EXPECT_EQ(tally.sums(1), ReportSums());
}

TEST(Tally, ATaskCountsOnceWhateverIsReportedAgain) {
  Tally tally;
  tally.Add({0, 0}, proto::PHASE_MAP, {0, 1}, Report(3));
  tally.Add({0, 0}, proto::PHASE_MAP, {0, 1}, Report(3));
  tally.Add({0, 0}, proto::PHASE_MAP, {5, 1}, Report(9));
  EXPECT_EQ(tally.reports(0), 1u);
  EXPECT_EQ(tally.sums(0).records_in, 9u);
  EXPECT_EQ(tally.counters().at("seen"), 9u);
  EXPECT_TRUE(tally.Has({0, 0}, {5, 1}));
  EXPECT_FALSE(tally.Has({0, 0}, {0, 1}));
}

TEST(Tally, RemovedReportLeavesNoTrace) {
  Tally tally;
  tally.Add({0, 0}, proto::PHASE_MAP, {0, 1}, Report(3));
  tally.Remove({0, 0});
  tally.Remove({0, 0});
  EXPECT_EQ(tally.sums(0), ReportSums());
  EXPECT_EQ(tally.reports(0), 0u);
  EXPECT_EQ(tally.counters().at("seen"), 0u);
  EXPECT_FALSE(tally.Has({0, 0}, {0, 1}));
}

TEST(Tally, FingerprintDoesNotDependOnTheOrder) {
  Tally a;
  a.Add({1, 0}, proto::PHASE_REDUCE, {0, 1}, Report(3));
  a.Add({1, 1}, proto::PHASE_REDUCE, {0, 2}, Report(4));
  Tally b;
  b.Add({1, 1}, proto::PHASE_REDUCE, {7, 1}, Report(4));
  b.Add({1, 0}, proto::PHASE_REDUCE, {7, 2}, Report(3));
  EXPECT_EQ(a.sums(1), b.sums(1));
}

TEST(Tally, SamplingHasNoCounters) {
  Tally tally;
  tally.Add({0, 0}, proto::PHASE_SAMPLE, {0, 1}, Report(3));
  EXPECT_TRUE(tally.counters().empty());
}

TEST(Tally, CountersMayHaveAnyBytesAsName) {
  Tally tally;
  proto::Report report;
  report.add_counters()->set_name("caf\xe9");
  proto::Report read;
  ASSERT_TRUE(read.ParseFromString(report.SerializeAsString()));
  tally.Add({0, 0}, proto::PHASE_MAP, {0, 1}, read);
  EXPECT_EQ(tally.counters().count("caf\xe9"), 1u);
}

TEST(Tally, WinnersBlockNamesWhoLeftSomethingForThePartition) {
  Tally tally;
  tally.Add({0, 1}, proto::PHASE_MAP, {4, 9}, Report(1, std::string("\x01\x02", 2)));
  tally.Add({0, 0}, proto::PHASE_MAP, {4, 8}, Report(1, std::string("\x03", 1)));
  tally.Add({1, 0}, proto::PHASE_REDUCE, {4, 7}, Report(1, std::string("\xff\xff", 2)));
  proto::Winners winners;
  ASSERT_TRUE(winners.ParseFromString(tally.WinnersBlock(0, 0)));
  ASSERT_EQ(winners.map_tasks_size(), 2);
  EXPECT_EQ(winners.map_tasks(0), 0u);
  EXPECT_EQ(winners.attempts(0).n(), 8u);
  EXPECT_EQ(winners.attempts(1).n(), 9u);
  ASSERT_TRUE(winners.ParseFromString(tally.WinnersBlock(0, 9)));
  ASSERT_EQ(winners.map_tasks_size(), 1);
  EXPECT_EQ(winners.map_tasks(0), 1u);
  EXPECT_EQ(tally.WinnersBlock(0, 500), "");
  EXPECT_TRUE(tally.Holds({0, 1}, 9));
  EXPECT_FALSE(tally.Holds({0, 0}, 9));
}

}  // namespace
}  // namespace minke
