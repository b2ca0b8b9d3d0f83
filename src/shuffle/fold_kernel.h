// The compiled code of an aggregate: how emitted values enter states, how states are merged, and
// what comes out. Chosen once per table; called once per batch. Pure but for user code; used by one
// thread.
//
// A state lies in a StateTable (or wherever its owner puts state_bytes(), 8-aligned, that begin as
// initial()). Some kinds keep a head there, and more in a heap beside the table. What is spilled,
// sent and merged is the *stored form* of a state: its own bytes, or those that its head leads to.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include <minke/abi.h>

#include "base/result.h"
#include "shuffle/aggregate_table.h"
#include "shuffle/state_heap.h"
#include "shuffle/state_table.h"

namespace minke {

class FoldKernel {
 public:
  // A state may be no longer than a record.
  static constexpr uint32_t kStoredBytesMax = uint32_t{256} << 20;

  // kInvalidArgument: the kind does not go with the value type. `grant` pays for the heap.
  static Result<std::unique_ptr<FoldKernel>> Make(const AggregateOptions& options,
                                                  MemoryGrant* grant);
  virtual ~FoldKernel() = default;

  virtual uint32_t state_bytes() const = 0;
  virtual const void* initial() const = 0;
  // Each key's state takes in its pair's value. At most StateTable::kBatch, with room made in the
  // table.
  virtual Status Fold(StateTable& table, std::span<const minke_pair> pairs) = 0;
  // Each key's state takes in the stored state that is the record's value.
  virtual Status Merge(StateTable& table, std::span<const minke_record> states) = 0;
  // `state`, which is new, becomes a copy of a stored one.
  virtual void Load(char* state, Bytes stored);
  // into[i] takes in the stored state from[i].
  virtual Status MergeInto(std::span<char* const> into, std::span<const Bytes> from) = 0;
  // The records' values are states; they become their stored forms.
  virtual void ToStored(std::span<minke_record>) const {}
  // The records' values are stored states, 8-aligned where they have a fixed size; they become
  // finished values in stored form: views into the kernel, valid until the next call. The keys
  // stand in errors.
  virtual Status Finish(std::span<minke_record> values) = 0;

  // Null where states are no more than what lies in the table.
  StateHeap* heap() const { return heap_.get(); }
  std::unique_ptr<StateHeap> TakeHeap() { return std::move(heap_); }

 protected:
  explicit FoldKernel(std::unique_ptr<StateHeap> heap = nullptr) : heap_(std::move(heap)) {}

  std::unique_ptr<StateHeap> heap_;
};

}  // namespace minke
