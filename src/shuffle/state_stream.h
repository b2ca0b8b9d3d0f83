// Streams of states in key order: what comes out of an aggregate table.
//
//   ReadStates    entries of a table         → stored states
//   MergeStates   stored states, keys repeat → stored states, one per key
//   FinishStates  stored states              → finished values
//
// The kernel and the table outlive the streams; while MergeStates is read, the kernel's heap is its
// own. Used by one thread.
#pragma once

#include <memory>
#include <vector>

#include "shuffle/fold_kernel.h"
#include "shuffle/key_sort.h"
#include "shuffle/run.h"
#include "shuffle/state_table.h"

namespace minke {

// Of a table that is no longer changed; `entries` in key order.
std::unique_ptr<RecordStream> ReadStates(const StateTable* table, std::vector<KeyEntry> entries,
                                         const FoldKernel* kernel);
std::unique_ptr<RecordStream> MergeStates(std::unique_ptr<RecordStream> states, FoldKernel* kernel);
std::unique_ptr<RecordStream> FinishStates(std::unique_ptr<RecordStream> states,
                                           FoldKernel* kernel);

}  // namespace minke
