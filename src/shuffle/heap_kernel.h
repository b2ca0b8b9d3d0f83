// Built-in kinds whose states may outgrow the table: the exact sum of doubles, and the smallest or
// largest of strings and tuples.
#pragma once

#include <memory>

#include "shuffle/fold_kernel.h"

namespace minke {

std::unique_ptr<FoldKernel> MakeDoubleSumKernel(MemoryGrant* grant);
// Null: there is no order of values without bytes.
std::unique_ptr<FoldKernel> MakeExtremeKernel(const AggregateOptions& options, MemoryGrant* grant);

}  // namespace minke
