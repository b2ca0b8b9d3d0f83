#include "base/check.h"

#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace minke::internal {

namespace {
volatile std::sig_atomic_t is_own_fault = 0;
}  // namespace

bool IsOwnFault() { return is_own_fault != 0; }

void OutOfMemory(size_t bytes) {
  is_own_fault = 1;
  std::fprintf(stderr,
               "minke: out of memory: the system does not give %zu more bytes; give --memory or "
               "--threads a smaller value\n",
               bytes);
  std::abort();
}

void CheckFailed(const char* condition, const char* file, int line) {
  is_own_fault = 1;
  std::fprintf(stderr, "minke: internal error: %s does not hold at %s:%d; please report it\n",
               condition, file, line);
  std::abort();
}

}  // namespace minke::internal
