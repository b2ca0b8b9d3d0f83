#include "base/ids.h"

#include <fmt/format.h>
#include <sys/random.h>

#include "base/check.h"

namespace minke {

std::string Incarnation::Hex() const { return fmt::format("{:016x}", bits); }

uint64_t RandomBits() {
  uint64_t bits = 0;
  MINKE_CHECK(getrandom(&bits, sizeof(bits), 0) == sizeof(bits));
  return bits;
}

Incarnation FreshIncarnation() { return Incarnation{RandomBits()}; }

std::string AttemptId::Text() const { return fmt::format("{}-{}", epoch, n); }

}  // namespace minke
