#include "base/ids.h"

#include <fmt/format.h>

namespace minke {

std::string Incarnation::Hex() const { return fmt::format("{:016x}", bits); }

std::string AttemptId::Text() const { return fmt::format("{}-{}", epoch, n); }

}  // namespace minke
