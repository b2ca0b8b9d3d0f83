// The kernel of a user's own aggregate: hands whole batches to the user's functions.
#pragma once

#include <memory>

#include "shuffle/fold_kernel.h"

namespace minke {

std::unique_ptr<FoldKernel> MakeUserKernel(const AggregateOptions& options, MemoryGrant* grant);

}  // namespace minke
