// MINKE_CHECK(condition): a broken invariant ends the process, in every build. A crash costs an
// attempt, a wrong answer costs trust. Never for bad input: that is a Result.
#pragma once

namespace minke::internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
}  // namespace minke::internal

#define MINKE_CHECK(condition) \
  ((condition) ? void(0) : ::minke::internal::CheckFailed(#condition, __FILE__, __LINE__))
