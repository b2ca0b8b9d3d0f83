#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace minke::internal {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "minke: internal error: %s does not hold at %s:%d; please report it\n",
               condition, file, line);
  std::abort();
}

}  // namespace minke::internal
