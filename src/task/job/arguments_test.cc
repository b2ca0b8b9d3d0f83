#include "task/job/arguments.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace minke {
namespace {

using Checked = std::vector<JobArgument>;

const minke_argument kDeclared[] = {
    {"pattern", MINKE_ARGUMENT_STRING, 1, nullptr, "what to find"},
    {"top", MINKE_ARGUMENT_INTEGER, 0, "10", "how many"},
    {"ratio", MINKE_ARGUMENT_FLOAT, 0, nullptr, "a ratio"},
    {"all", MINKE_ARGUMENT_BOOL, 0, "no", "whether all"},
};

minke_job_entry Entry(size_t arguments = std::size(kDeclared)) {
  minke_job_entry entry{};
  entry.name = "find";
  entry.arguments = kDeclared;
  entry.argument_count = arguments;
  return entry;
}

std::string Refusal(const Checked& given, const minke_job_entry& entry = Entry()) {
  auto checked = CheckArguments(entry, given);
  if (checked) return "accepted";
  EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
  return checked.error().text;
}

TEST(JobArguments, AreSplitAtTheFirstEqualSign) {
  EXPECT_EQ(*ParseJobArgument("a=b=c"), (JobArgument{"a", "b=c"}));
  EXPECT_EQ(*ParseJobArgument("a="), (JobArgument{"a", ""}));
  for (const char* wrong : {"a", "=b", ""}) {
    auto parsed = ParseJobArgument(wrong);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(parsed.error().text.find("name=value"), std::string::npos);
  }
}

TEST(JobArguments, ComeInDeclaredOrderWithDefaultsFilledIn) {
  EXPECT_EQ(*CheckArguments(Entry(), Checked{{"all", "yes"}, {"pattern", "x"}}),
            (Checked{{"pattern", "x"}, {"top", "10"}, {"all", "true"}}));
  EXPECT_EQ(*CheckArguments(Entry(), Checked{{"ratio", "+0.5"}, {"top", "+7"}, {"pattern", ""}}),
            (Checked{{"pattern", ""}, {"top", "7"}, {"ratio", "0.5"}, {"all", "false"}}));
}

TEST(JobArguments, UnknownNamesAreRefusedWithTheNearest) {
  EXPECT_EQ(Refusal({{"patern", "x"}}),
            "the job 'find' has no argument 'patern'; did you mean 'pattern'?");
  EXPECT_EQ(Refusal({{"zzzzzz", "x"}}),
            "the job 'find' has no argument 'zzzzzz'; it takes: pattern, top, ratio, all");
  EXPECT_EQ(Refusal({{"x", "1"}}, Entry(0)),
            "the job 'find' takes no arguments, but 'x' was given; leave --arg out");
}

TEST(JobArguments, MissingAndDoubleOnesAreRefused) {
  EXPECT_EQ(Refusal({}),
            "the job 'find' needs the argument 'pattern' (what to find); add --arg pattern=VALUE");
  EXPECT_EQ(Refusal({{"pattern", "a"}, {"pattern", "b"}}),
            "the argument 'pattern' is given twice; give it once");
}

TEST(JobArguments, ValuesMustBeOfTheDeclaredType) {
  const JobArgument pattern{"pattern", "x"};
  EXPECT_EQ(Refusal({pattern, {"top", "ten"}}),
            "the argument 'top' of the job 'find': 'ten' is not a whole number");
  EXPECT_NE(Refusal({pattern, {"top", ""}}).find("is not a whole number"), std::string::npos);
  EXPECT_NE(Refusal({pattern, {"top", "1.5"}}).find("is not a whole number"), std::string::npos);
  EXPECT_NE(Refusal({pattern, {"top", "9223372036854775808"}}).find("64 bits"), std::string::npos);
  EXPECT_NE(Refusal({pattern, {"ratio", "x"}}).find("is not a number"), std::string::npos);
  EXPECT_NE(Refusal({pattern, {"ratio", "nan"}}).find("is not a number"), std::string::npos);
  EXPECT_NE(Refusal({pattern, {"all", "maybe"}}).find("neither true nor false"), std::string::npos);
}

}  // namespace
}  // namespace minke
