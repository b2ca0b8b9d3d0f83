// Finding jobs. The job files are built from tests/sdk/fixtures; MINKE_FIXTURES is their folder.
#include "task/job/job_file.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace minke {
namespace {

std::string Fixture(const std::string& name) { return std::string(MINKE_FIXTURES) + "/" + name; }

std::string Refusal(const std::string& spec) {
  auto found = JobFile::Find(spec);
  if (found) return "found";
  EXPECT_EQ(found.error().code, ErrorCode::kInvalidArgument);
  return found.error().text;
}

#define EXPECT_HOLDS(text, part) EXPECT_NE((text).find(part), std::string::npos) << (text)

TEST(JobFile, BuiltInJobsAreFoundByName) {
  std::vector<std::string> names;
  for (const JobFile& job : JobFile::BuiltIn()) {
    names.emplace_back(job.name());
    EXPECT_NE(std::string(job.entry().summary), "");
    EXPECT_NE(std::string(job.entry().input), "");
    EXPECT_NE(std::string(job.entry().output), "");
    EXPECT_HOLDS(std::string(job.entry().example), "minke run " + std::string(job.name()));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"distinct", "grep", "inverted-index", "join",
                                             "reverse-links", "sort", "term-vector", "top-k",
                                             "url-frequency", "wordcount"}));
  auto found = JobFile::Find("wordcount");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->spec(), "wordcount");
  EXPECT_NE(found->hash(), JobFile::Find("grep")->hash());
}

TEST(JobFile, UnknownNamesAreRefusedWithTheNearest) {
  EXPECT_HOLDS(Refusal("wordcuont"), "no job 'wordcuont'; did you mean 'wordcount'?");
  EXPECT_HOLDS(Refusal("links"), "did you mean 'reverse-links'?");
  EXPECT_HOLDS(Refusal("qqqqqqqqqqqq"), "'minke jobs' lists");
  EXPECT_HOLDS(Refusal(""), "no job ''");
}

TEST(JobFile, AFileWithOneJobNeedsNoName) {
  auto found = JobFile::Find(Fixture("c_job.so"));
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->name(), "letters");
  EXPECT_EQ(found->spec(), Fixture("c_job.so") + ":letters");
  EXPECT_NE(found->hash(), 0U);
}

TEST(JobFile, AFileWithSeveralJobsNeedsOne) {
  EXPECT_HOLDS(Refusal(Fixture("two_jobs.so")),
               "holds several jobs: 'first', 'wordcount'; name one");
  EXPECT_HOLDS(Refusal(Fixture("two_jobs.so") + ":frist"), "did you mean 'first'?");
  EXPECT_HOLDS(Refusal(Fixture("two_jobs.so") + ":zzzzzzz"), "it holds 'first', 'wordcount'");
  auto found = JobFile::Find(Fixture("two_jobs.so") + ":first");
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(found->name(), "first");
}

TEST(JobFile, RegistriesOfFilesAndOfTheProgramAreNeverMixed) {
  const auto two = JobFile::Load(Fixture("two_jobs.so"));
  const auto hidden = JobFile::Load(Fixture("hidden.so"));
  ASSERT_TRUE(two && hidden);
  EXPECT_EQ(two->size(), 2U);
  EXPECT_EQ(hidden->size(), 1U);
  EXPECT_EQ(hidden->front().name(), "hidden");
  EXPECT_EQ(JobFile::BuiltIn().size(), 10U);
  EXPECT_STREQ((*two)[1].entry().summary, "not the built-in one");
  EXPECT_STRNE(JobFile::Find("wordcount")->entry().summary, "not the built-in one");
}

TEST(JobFile, WhatIsNoJobFileIsRefusedWithAdvice) {
  EXPECT_HOLDS(Refusal("./nosuch.so"), "./nosuch.so");
  EXPECT_HOLDS(Refusal("nosuch.so"), "nosuch.so");
  EXPECT_HOLDS(Refusal(MINKE_FIXTURES), "cannot be read");
  EXPECT_HOLDS(Refusal(Fixture("no_entry.so")), "does not export minke_module_v1; include");
  EXPECT_HOLDS(Refusal(Fixture("other_version.so")),
               "version 2 of the job ABI, and this minke speaks version 1");
  EXPECT_HOLDS(Refusal(Fixture("same_names.so")), "two jobs named 'same'");
  EXPECT_HOLDS(Refusal(Fixture("no_jobs.so")), "registers no job");
  const std::string text = testing::TempDir() + "/minke_job_file_test.so";
  std::ofstream(text) << "#!/bin/sh\n";
  EXPECT_HOLDS(Refusal(text), "cannot be loaded");
  std::filesystem::remove(text);
}

TEST(JobFile, DeclaresWithCheckedArguments) {
  auto job = JobFile::Find("term-vector")->Declare({});
  ASSERT_TRUE(job) << job.error().text;
  EXPECT_EQ(job->arguments(), (std::vector<JobArgument>{{"top", "10"}}));
  EXPECT_NE(job->job().reduce, nullptr);
  const JobArgument unknown[] = {{"tpo", "1"}};
  EXPECT_HOLDS(JobFile::Find("term-vector")->Declare(unknown).error().text, "did you mean 'top'");
}

TEST(JobFile, WhatTheJobRefusesIsAUsageError) {
  const JobArgument zero[] = {{"top", "0"}};
  auto job = JobFile::Find("term-vector")->Declare(zero);
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().code, ErrorCode::kInvalidArgument);
  EXPECT_HOLDS(job.error().text, "the job 'term-vector' refuses its arguments: ");
}

TEST(JobFile, AJobDeclaredWronglyInCIsRefused) {
  auto job = JobFile::Find(Fixture("wrong_types.so"))->Declare({});
  ASSERT_FALSE(job);
  EXPECT_EQ(job.error().code, ErrorCode::kInvalidArgument);
  EXPECT_HOLDS(job.error().text, "is declared wrongly: output_value differs");
}

}  // namespace
}  // namespace minke
