#include "base/result.h"

#include <gtest/gtest.h>
#include <memory>
#include <set>
#include <vector>

namespace minke {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return Error{ErrorCode::kInvalidArgument, "odd"};
  return number / 2;
}

Result<int> Quarter(int number) {
  const int half = MINKE_TRY(Half(number));
  return MINKE_TRY(Half(half));
}

Status Even(int number) {
  MINKE_TRY(Half(number));
  return {};
}

Result<int> CountAfter(const Status& first, int* calls) {
  MINKE_TRY_STATUS(first);
  return ++*calls;
}

TEST(Result, TryYieldsTheValueOrReturnsTheError) {
  EXPECT_EQ(Quarter(12).value(), 3);
  const auto failed = Quarter(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(failed.error().text, "odd");
}

TEST(Result, TryPassesAnErrorOnFromAStatusAndIntoOne) {
  EXPECT_TRUE(Even(4));
  EXPECT_EQ(Even(5).error().text, "odd");
  int calls = 0;
  EXPECT_EQ(CountAfter({}, &calls).value(), 1);
  EXPECT_EQ(CountAfter(Error{ErrorCode::kFenced, "stop"}, &calls).error().code, ErrorCode::kFenced);
  EXPECT_EQ(calls, 1);
}

TEST(Result, TryMovesValuesThatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
  const auto pass = [&]() -> Result<std::unique_ptr<int>> {
    std::unique_ptr<int> value = MINKE_TRY(make());
    return value;
  };
  EXPECT_EQ(*pass().value(), 7);
}

TEST(Result, ContextStandsBeforeTheText) {
  const Error error = Error{ErrorCode::kOutput, "disk full"}.Within("part-00003").Within("job x");
  EXPECT_EQ(error.text, "job x: part-00003: disk full");
  EXPECT_EQ(error.code, ErrorCode::kOutput);
}

TEST(Result, ExitCodesAreTheContract) {
  const std::vector<std::pair<ErrorCode, int>> contract = {
      {ErrorCode::kInvalidArgument, 64}, {ErrorCode::kInput, 65},
      {ErrorCode::kUserCode, 70},        {ErrorCode::kInternal, 71},
      {ErrorCode::kCorruption, 71},      {ErrorCode::kExhausted, 71},
      {ErrorCode::kOutput, 74},          {ErrorCode::kUnavailable, 75},
      {ErrorCode::kFenced, 75},          {ErrorCode::kConfiguration, 78},
      {ErrorCode::kNotFound, 65},        {ErrorCode::kAlreadyExists, 64},
      {ErrorCode::kCancelled, 130}};
  std::set<std::string_view> names;
  for (const auto& [code, exit_code] : contract) {
    EXPECT_EQ(ExitCodeOf(code), exit_code) << NameOf(code);
    names.insert(NameOf(code));
  }
  EXPECT_EQ(names.size(), contract.size()) << "every code has a name of its own";
}

}  // namespace
}  // namespace minke
