// Built-in kinds whose states may outgrow the table: exact sums, and the smallest or largest of
// strings and tuples.
#pragma once

#include <memory>

#include "shuffle/fold_kernel.h"

namespace minke {

// Null: only numbers have a sum.
std::unique_ptr<FoldKernel> MakeSumKernel(minke_type value_type, MemoryGrant* grant);
// Null: there is no order of values without bytes.
std::unique_ptr<FoldKernel> MakeExtremeKernel(const AggregateOptions& options, MemoryGrant* grant);

}  // namespace minke
