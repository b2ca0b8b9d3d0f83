// Days, times of day and timestamps of CQL as text and back: ISO 8601, in UTC. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace minke {

std::string DateText(int64_t days);          // since 1970-01-01: "2026-01-31"
std::string TimeText(int64_t nanoseconds);   // of the day: "07:05:09.250000000"
std::string TimestampText(int64_t unix_ms);  // "2026-01-31 07:05:09.250Z"

// Nothing: it is none.
std::optional<int64_t> DateOf(std::string_view text);
std::optional<int64_t> TimeOf(std::string_view text);  // seconds and their fraction may be missing
// A date, or date and time with a blank or T between, then perhaps Z or an offset like +02:00.
std::optional<int64_t> TimestampOf(std::string_view text);

}  // namespace minke
