// Whether a declared job makes sense: functions that must be there, types that fit each other,
// numbers in range. What a C job file, or one from another language, got wrong shows here, before
// anything runs, and never in a worker. Pure.
#pragma once

#include <minke/abi.h>

#include "base/result.h"

namespace minke {

// kInvalidArgument, saying what is wrong with the declaration.
Status CheckJob(const minke_job& job);

}  // namespace minke
