// Jobs of loaded files run through the ABI as built-in ones do.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "job_driver.h"
#include "task/job/job_file.h"

namespace minke::test {
namespace {

using Lines = std::vector<std::string>;

Lines LinesOf(const std::string& file, const std::string& text) {
  auto found = JobFile::Find(std::string(MINKE_FIXTURES) + "/" + file);
  EXPECT_TRUE(found) << (found ? "" : found.error().text);
  if (!found) return {};
  auto job = found->Declare({});
  EXPECT_TRUE(job) << (job ? "" : job.error().text);
  return job ? RunJob(job->job(), {{text}}, {.emitter_pairs = 2}).lines : Lines();
}

TEST(LoadedJobs, OneInPlainCRuns) {
  EXPECT_EQ(LinesOf("c_job.so", "b a\nB ab\n"), (Lines{"a\t2", "b\t2"}));
}

TEST(LoadedJobs, OneOfSeveralInCppRuns) {
  EXPECT_EQ(LinesOf("two_jobs.so:first", "bx\na\nb\n"), (Lines{"a\t1", "b\t2"}));
}

}  // namespace
}  // namespace minke::test
