// A record of the journal as JSON: {"kind": "AttemptAssigned", "attempt": "0-1", "task": "map-0"}.
#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json.hpp>

#include "control/record_view.h"

namespace minke {

nlohmann::json JsonOf(const RecordView& view);
// "2026-11-27T12:00:00.000Z"
std::string UtcText(int64_t unix_ms);

}  // namespace minke
