// JSON as minke prints it, on standard output and on its pages.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "control/job_view.h"

namespace minke {

// In one line, or indented by so many spaces. Paths, names and failures are the user's bytes: what
// is not UTF-8 in them is replaced (U+FFFD).
std::string JsonText(const nlohmann::json& value, int indent = -1);
// The same in one line, with its end: the body of an answer over HTTP.
std::string JsonBody(const nlohmann::json& value);

// What every output shows of a job.
nlohmann::json ToJson(const JobView& view);

}  // namespace minke
