#include "base/ids.h"

#include <charconv>
#include <fmt/format.h>
#include <sys/random.h>
#include <system_error>

#include "base/check.h"

namespace minke {

std::string Incarnation::Hex() const { return fmt::format("{:016x}", bits); }

uint64_t RandomBits() {
  uint64_t bits = 0;
  MINKE_CHECK(getrandom(&bits, sizeof(bits), 0) == sizeof(bits));
  return bits;
}

Incarnation FreshIncarnation() { return Incarnation{RandomBits()}; }

std::optional<Incarnation> IncarnationOf(std::string_view hex) {
  Incarnation incarnation;
  const char* const end = hex.data() + hex.size();
  const auto read = std::from_chars(hex.data(), end, incarnation.bits, 16);
  const bool is_hex = read.ec == std::errc() && read.ptr == end && hex.size() == 16;
  return is_hex ? std::optional(incarnation) : std::nullopt;
}

std::string AttemptId::Text() const { return fmt::format("{}-{}", epoch, n); }

}  // namespace minke
