// The named blocks of a job, read back from the store and checked: whoever goes on with a job that
// another process began learns from them what was decided and done. Called from any thread.
//
// Errors: those of the store; kCorruption: the block is not what the journal names.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "port/store.h"

#include "proto/minke.pb.h"

namespace minke {

// The plan that JobAccepted names. Workers too run by this one, never by one computed again.
Result<proto::Plan> LoadPlan(Store& store, Incarnation job, uint64_t checksum);

}  // namespace minke
