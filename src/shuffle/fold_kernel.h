// The compiled code of an aggregate: how emitted values enter states, how states are merged, and
// what comes out. Chosen once per table; called once per batch. Built-in kinds are instances of one
// template, a user's own aggregate calls the user's functions. Pure but for user code; used by one
// thread.
#pragma once

#include <memory>
#include <span>

#include <minke/abi.h>

#include "base/result.h"
#include "shuffle/aggregate_table.h"
#include "shuffle/state_table.h"

namespace minke {

class FoldKernel {
 public:
  // kInvalidArgument: the kind does not go with the value type.
  static Result<std::unique_ptr<FoldKernel>> Make(const AggregateOptions& options);
  virtual ~FoldKernel() = default;

  virtual uint32_t state_bytes() const = 0;
  virtual const void* initial() const = 0;
  // Each key's state takes in its pair's value. At most StateTable::kBatch, with room made in the
  // table.
  virtual Status Fold(StateTable& table, std::span<const minke_pair> pairs) = 0;
  // Each key's state takes in the state that is the record's value.
  virtual Status Merge(StateTable& table, std::span<const minke_record> states) = 0;
  // `into` takes in `from`.
  virtual Status MergeOne(void* into, const void* from) = 0;
  // values[i] = the finished value of states[i] in stored form; keys[i] names it in errors. Views
  // into the kernel, valid until the next call.
  virtual Status Finish(const void* const* states, std::span<minke_record> values) = 0;
};

}  // namespace minke
