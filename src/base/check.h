// MINKE_CHECK(condition): a broken invariant ends the process, in every build. A crash costs an
// attempt, a wrong answer costs trust. Never for bad input: that is a Result.
#pragma once

#include <cstddef>

namespace minke::internal {
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);
[[noreturn]] void OutOfMemory(size_t bytes);
// Whether this process ends, or is about to, by one of these; may be asked in a signal handler.
bool IsOwnFault();
}  // namespace minke::internal

#define MINKE_CHECK(condition) \
  ((condition) ? void(0) : ::minke::internal::CheckFailed(#condition, __FILE__, __LINE__))
