// The built-in jobs through the ABI, under odd batch, emitter and refill sizes. Whole runs against
// independent oracles are in tests/e2e.
#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "job_driver.h"
#include "task/job/job_file.h"

namespace minke::test {
namespace {

using Lines = std::vector<std::string>;

const std::vector<DriverOptions>& OddOptions() {
  static const std::vector<DriverOptions> options = {
      {},
      {.batch_bytes = 1, .emitter_pairs = 1, .emitter_bytes = 8, .refill_records = 1, .pieces = 1},
      {.batch_bytes = 30,
       .emitter_pairs = 3,
       .emitter_bytes = 40,
       .refill_records = 2,
       .pieces = 3},
  };
  return options;
}

Result<DeclaredJob> Declare(const std::string& name, const std::vector<JobArgument>& arguments) {
  return MINKE_TRY(JobFile::Find(name)).Declare(arguments);
}

// The output under every option, which must be one and the same.
RunResult Ran(const std::string& name, const std::vector<Input>& inputs,
              const std::vector<JobArgument>& arguments = {}) {
  auto job = Declare(name, arguments);
  EXPECT_TRUE(job) << (job ? "" : job.error().text);
  if (!job) return {};
  const RunResult expected = RunJob(job->job(), inputs, OddOptions()[0]);
  for (const DriverOptions& options : OddOptions()) {
    const RunResult result = RunJob(job->job(), inputs, options);
    EXPECT_EQ(result.lines, expected.lines);
    EXPECT_EQ(result.raw, expected.raw);
    EXPECT_EQ(result.counters, expected.counters);
    EXPECT_EQ(result.error, "");
  }
  return expected;
}

Lines LinesOf(const std::string& name, const std::string& text,
              const std::vector<JobArgument>& arguments = {}) {
  return Ran(name, {{text}}, arguments).lines;
}

std::string RefusalOf(const std::string& name, const std::vector<JobArgument>& arguments) {
  auto job = Declare(name, arguments);
  EXPECT_FALSE(job);
  if (job) return "";
  EXPECT_EQ(job.error().code, ErrorCode::kInvalidArgument);
  return job.error().text;
}

TEST(Jobs, WordCountCountsRunsOfBytesBetweenWhiteSpace) {
  EXPECT_EQ(LinesOf("wordcount", "b a\tb\v\f\r\nc\xff b\n\n  a"),
            (Lines{"a\t2", "b\t3", "c\xff\t1"}));
  EXPECT_EQ(LinesOf("wordcount", ""), Lines{});
}

TEST(Jobs, DistinctGivesEachLineOnce) {
  EXPECT_EQ(LinesOf("distinct", "b\na\nb\r\n a\n\n\nb"), (Lines{"", " a", "a", "b"}));
}

TEST(Jobs, GrepFixedFindsLinesInInputOrder) {
  EXPECT_EQ(LinesOf("grep", "xab\nab ab\nnone\r\nlast ab", {{"fixed", "ab"}}),
            (Lines{"xab", "ab ab", "last ab"}));
  EXPECT_EQ(LinesOf("grep", "b\na\n", {{"fixed", "a"}}), Lines{"a"});
  EXPECT_EQ(LinesOf("grep", "", {{"fixed", "a"}}), Lines{});
}

TEST(Jobs, GrepFixedTakesTheEndOfALineForNoPartOfIt) {
  EXPECT_EQ(LinesOf("grep", "a\r\nb\rb\r\n", {{"fixed", "\r"}}), Lines{"b\rb"});
}

TEST(Jobs, GrepPatternMatchesWithinLines) {
  EXPECT_EQ(LinesOf("grep", "foo1\nbar\nfoo22\n", {{"pattern", "^foo\\d+$"}}),
            (Lines{"foo1", "foo22"}));
  EXPECT_EQ(LinesOf("grep", "foo\r\nfoo x\r\n", {{"pattern", "foo$"}}), Lines{"foo"});
  EXPECT_EQ(LinesOf("grep", "a\nb\n\nc", {{"pattern", "^$"}}), Lines{""});
  EXPECT_EQ(LinesOf("grep", "a\nb", {{"pattern", ""}}), (Lines{"a", "b"}));
  EXPECT_EQ(LinesOf("grep", "FOO\nbar", {{"pattern", "(?i)foo|x"}}), Lines{"FOO"});
}

TEST(Jobs, GrepPatternNeverMatchesAcrossLines) {
  for (const char* pattern : {"a\\sb", "a[^x]b", "(?s)a.b", "a\\nb", "(?s:a.*b)"}) {
    EXPECT_EQ(LinesOf("grep", "a\nb\n", {{"pattern", pattern}}), Lines{}) << pattern;
  }
}

TEST(Jobs, GrepPatternAnchorsMeanTheLineWhateverTheBatch) {
  for (const char* pattern : {"\\Ab\\z", "^b$", "(?-m)^b$", "(?m)^b$"}) {
    EXPECT_EQ(LinesOf("grep", "a\nb\nbb\n", {{"pattern", pattern}}), Lines{"b"}) << pattern;
  }
}

TEST(Jobs, GrepRefusesWhatItCannotFind) {
  EXPECT_NE(RefusalOf("grep", {}).find("either --arg pattern"), std::string::npos);
  EXPECT_NE(RefusalOf("grep", {{"fixed", "a"}, {"pattern", "a"}}).find("either"),
            std::string::npos);
  EXPECT_NE(RefusalOf("grep", {{"pattern", "a("}}).find("missing )"), std::string::npos);
  EXPECT_NE(RefusalOf("grep", {{"pattern", "a)|(b"}}).find("unexpected )"), std::string::npos);
  EXPECT_NE(RefusalOf("grep", {{"fixed", ""}}).find("must be a string"), std::string::npos);
}

TEST(Jobs, UrlFrequencyReadsCommonAndCombinedLogs) {
  const std::string log =
      "h - - [10/Oct/2000:13:55:36 -0700] \"GET /a?x=1 HTTP/1.0\" 200 2326\n"
      "h - u [t] \"POST /a?x=1 HTTP/1.1\" 404 - \"http://r/\" \"agent \\\" x\"\n"
      "h - - [t] \"GET /quote\\\"d HTTP/1.1\" 200 1\r\n"
      "h - - [t] \"GET /old\" 200 1\n";
  const RunResult result = Ran("url-frequency", {{log}});
  EXPECT_EQ(result.lines, (Lines{"/a?x=1\t2", "/old\t1", "/quote\\\"d\t1"}));
  EXPECT_EQ(result.counters.at("malformed lines"), 0U);
}

TEST(Jobs, UrlFrequencyCountsMalformedLines) {
  const std::string log =
      "\n"
      "h - - [t] \"GET /a HTTP/1.0\" 200\n"
      "h - - [t] \"GET /a HTTP/1.0 200 1\n"
      "h - - [t \"GET /a HTTP/1.0\" 200 1\n"
      "h - [t] \"GET /a HTTP/1.0\" 200 1\n"
      "h - - [t] \"-\" 400 0\n"
      "h - - [t] \"GET /a b HTTP/1.0\" 200 1\n"
      "h - - [t] \"GET /a HTTP/1.0\" 2x0 1\n"
      "h - - [t] \"GET /a HTTP/1.0\" 200 1x\n"
      "h - - [t] \"GET /a HTTP/1.0\\";
  const RunResult result = Ran("url-frequency", {{log}});
  EXPECT_EQ(result.lines, Lines{});
  EXPECT_EQ(result.counters.at("malformed lines"), 10U);
}

TEST(Jobs, ReverseLinksListsSourcesSortedAndOnce) {
  EXPECT_EQ(LinesOf("reverse-links", "b x y\na y x x\n\nlonely\nb x\nx x\n"),
            (Lines{"x\ta b x", "y\ta b"}));
}

TEST(Jobs, InvertedIndexListsPathsSortedAndOnce) {
  const RunResult result =
      Ran("inverted-index", {{"w v w", "d/2"}, {"w", "d/1"}, {"w w\nu\n", "d/10"}});
  EXPECT_EQ(result.lines, (Lines{"u\td/10", "v\td/2", "w\td/1 d/10 d/2"}));
}

TEST(Jobs, InvertedIndexKeepsWordsApartThatHoldZeroBytes) {
  using namespace std::string_literals;
  EXPECT_EQ(Ran("inverted-index", {{"a\0b a\0 a"s, "p"}}).lines,
            (Lines{"a\tp", "a\0\tp"s, "a\0b\tp"s}));
}

TEST(Jobs, TermVectorKeepsTheTopWordsOfEachHost) {
  const std::string pages =
      "http://b.org/x\tz z y y q\n"
      "https://u@a.org:80?q\tone\n"
      "b.org#f\ty z a a\tb\n"
      "no tab\n"
      "empty.org\t\n";
  const RunResult result = Ran("term-vector", {{pages}}, {{"top", "3"}});
  EXPECT_EQ(result.lines, (Lines{"a.org\tone:1", "b.org\ty:3 z:3 a:2"}));
  EXPECT_EQ(result.counters.at("malformed lines"), 1U);
  EXPECT_EQ(LinesOf("term-vector", pages, {{"top", "1"}}), (Lines{"a.org\tone:1", "b.org\ty:3"}));
  EXPECT_NE(RefusalOf("term-vector", {{"top", "0"}}).find("between 1 and"), std::string::npos);
}

TEST(Jobs, SortOrdersLinesByBytes) {
  EXPECT_EQ(LinesOf("sort", "b\nB\n\na\xff\na\nb"), (Lines{"", "B", "a", "a\xff", "b", "b"}));
}

TEST(Jobs, SortByFieldKeepsTiesInInputOrder) {
  EXPECT_EQ(LinesOf("sort", "1 b x\n2 a\n3  b a\n4\n5\ta\n", {{"field", "2"}}),
            (Lines{"4", "2 a", "5\ta", "1 b x", "3  b a"}));
}

TEST(Jobs, SortOrdersFixedRecordsByTheirKey) {
  const RunResult result =
      Ran("sort", {{"cc1bb2aa3bb1"}}, {{"record-bytes", "3"}, {"key-bytes", "2"}});
  EXPECT_EQ(result.raw, "aa3bb2bb1cc1");
  EXPECT_NE(RefusalOf("sort", {{"record-bytes", "3"}}).find("give"), std::string::npos);
  EXPECT_NE(RefusalOf("sort", {{"record-bytes", "3"}, {"key-bytes", "4"}}).find("between 1 and 3"),
            std::string::npos);
}

TEST(Jobs, JoinPairsLeftWithRightInInputOrder) {
  const Input left{"k\tl1\nj\tonly left\nk\tl2\n", "a.tsv", "left"};
  const Input right{"k\tr2\nk\tr1\ni\tonly right\nk\n", "b.tsv", "right"};
  const Lines expected = {"k\tl1\tr2", "k\tl1\tr1", "k\tl1\t", "k\tl2\tr2", "k\tl2\tr1", "k\tl2\t"};
  EXPECT_EQ(Ran("join", {left, right}).lines, expected);
  EXPECT_EQ(Ran("join", {right, left}).lines, expected);
}

TEST(Jobs, JoinDoesNotMixKeysWhoseRightSideIsMissing) {
  EXPECT_EQ(Ran("join", {{"a\t1\nb\t2\n", "l", "left"}, {"a\tx\n", "r", "right"}}).lines,
            Lines{"a\t1\tx"});
}

TEST(Jobs, JoinNamesTheKeyWhoseRightValuesDoNotFit) {
  auto job = Declare("join", {{"buffer-mib", "1"}});
  ASSERT_TRUE(job);
  std::string right;
  for (int i = 0; i < 200; ++i) right += "big\t" + std::string(10'000, 'x') + "\n";
  const RunResult result = RunJob(job->job(), {{"big\t1\n", "l", "left"}, {right, "r", "right"}});
  EXPECT_NE(result.error.find("'big'"), std::string::npos) << result.error;
  EXPECT_NE(result.error.find("buffer-mib"), std::string::npos);
}

TEST(Jobs, TopKGivesTheLargestSumsThenKeys) {
  const std::string scores = "b\t2\na\t2\nc\t5\nd\t-1\nb\t1\na\t1\nbad\nbad\tx\nbad\t1.5\n";
  const RunResult result = Ran("top-k", {{scores}}, {{"k", "3"}});
  EXPECT_EQ(result.lines, (Lines{"c\t5", "a\t3", "b\t3"}));
  EXPECT_EQ(result.counters.at("malformed lines"), 3U);
  EXPECT_EQ(LinesOf("top-k", "a\t0.5\nb\t1.25\nc\tnan\n", {{"number", "float"}}),
            (Lines{"b\t1.25", "a\t0.5"}));
}

}  // namespace
}  // namespace minke::test
