#include "loop.h"

#include <fmt/format.h>

namespace minke::sim {

void Trace::Say(const std::string& who, const std::string& what) {
  if (!sink) return;
  const int64_t ms = loop_->now_ms();
  sink(fmt::format("{:>6}.{:03} {:<9} {}", ms / 1000, ms % 1000, who, what));
}

}  // namespace minke::sim
