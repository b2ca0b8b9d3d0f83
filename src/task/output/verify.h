// What `minke verify` compares: the records of an output folder or file, whatever their order.
//
// A folder's files are grouped by name: NAME-00000, NAME-00001 … are the output NAME; all others,
// and a single file, are the output "part". Records are lines, or raw records where _SUCCESS says
// so. Called from one thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace minke {

struct VerifiedOutput {
  std::string name;
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint64_t fingerprint = 0;   // as in _SUCCESS: sum of XXH3_64 of the records
  uint64_t in_order = 0;      // XXH3_64 of all bytes, the files in byte order of their names
  uint64_t record_bytes = 0;  // of raw records that were taken apart by size; 0: as lines
  bool operator==(const VerifiedOutput&) const = default;
};

// Outputs in order of their names. `record_bytes` is the size of raw records where no _SUCCESS says
// it (0: lines), so that a file can be compared with a folder. kInput: missing, unreadable, or an
// unfinished output. kCorruption: the files are not what their _SUCCESS says.
Result<std::vector<VerifiedOutput>> VerifyOutput(const std::string& path,
                                                 uint64_t record_bytes = 0);

}  // namespace minke
