// What the threads' tables hold, as one file of `key sum` lines in byte order of the key.
#pragma once

#include <vector>

#include "key_table.h"

namespace rival {

// Merges by ranges of the hash, where the smaller tables look their keys up in the largest; sorts
// pairs of (eight bytes of the key, entry) by sampled ranges and radix. Flushes nothing. Ends the
// process with a message if the file cannot be written.
void WriteSorted(const std::vector<KeyTable>& tables, const char* path);

}  // namespace rival
