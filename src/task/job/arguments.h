// Arguments of a job, as the user gives them: --arg name=value. Checked against the job's
// declaration before anything runs. All errors are kInvalidArgument.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <minke/abi.h>

#include "base/result.h"

namespace minke {

struct JobArgument {
  std::string name;
  std::string value;
  bool operator==(const JobArgument&) const = default;
};

// "top=10" → {"top", "10"}; the value may hold more equal signs, or be empty.
Result<JobArgument> ParseJobArgument(std::string_view text);

// Every declared argument that was given or has a default, in the order of the declaration.
// Refuses unknown names (with the nearest ones), names given twice, missing required ones, and
// values that are not of the declared type. Integers become plain decimal, booleans true or false.
Result<std::vector<JobArgument>> CheckArguments(const minke_job_entry& entry,
                                                std::span<const JobArgument> given);

}  // namespace minke
