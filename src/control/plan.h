// The planner: from the input files and the settings to the Plan, which is computed once per job
// and then only read. It decides splits, partitions, buckets and the sampling; it is pure, so the
// same request gives the same plan.
//
//   splits      in the order of the files; a large file is cut evenly (fixed records: between
//               records), a table into ranges of tokens, a compressed file is read whole,
//               neighbouring small ones share a split
//   partitions  one per 32 MiB of input, 1 to 1,024: by the input alone, never by threads
//   buckets     of at most 256 map tasks; span = max(1, 256 / map tasks per bucket)
//   sampling    64 points at fixed offsets of the whole input, whatever the splits
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

#include "proto/minke.pb.h"

namespace minke {

inline constexpr uint32_t kPartitionsMax = 16'384;
inline constexpr uint64_t kRunsMax = 100'000'000;  // map tasks × partitions
inline constexpr uint32_t kSamplePointsMax = 64;

struct PlanRequest {
  std::vector<proto::InputFile> files;  // in the user's order
  uint64_t spec_hash = 0;
  uint64_t job_hash = 0;
  bool has_reduce = true;          // false: map-only
  bool exports = false;            // its parts become rows of a table afterwards
  bool range_partitioned = false;  // by splitters that a sampling phase finds
  uint32_t record_bytes = 0;       // fixed-length records; 0: text
  uint32_t threads = 1;            // slots to keep busy
  uint64_t split_bytes = 0;        // 0: two thirds of a thread's share of what is left
  uint32_t partitions = 0;         // 0: by the input's size
  uint64_t spill_bytes = 0;        // what a reduce task may put on local disk; 0: not checked
  uint32_t attempts_max = 4;
  bool backups = false;
  int64_t max_age_ms = 30LL * 24 * 3600 * 1000;
  uint64_t skip_bad = 0;
};

// kInvalidArgument: over a limit, the text names limit and setting; kInput: a file of fixed records
// that ends in mid-record.
Result<proto::Plan> ComputePlan(const PlanRequest& request);

// The plan's block: what is written, and under which name.
uint64_t PlanChecksum(Bytes block);
std::string PlanName(uint64_t checksum);
std::string SplittersName(uint64_t checksum);
std::string ManifestName(uint64_t checksum);

// Makes the piece that of a file from byte `begin` to `end`; of a table, where rows lie by tokens,
// the same share of these.
void SetRange(const proto::InputFile& file, uint64_t begin, uint64_t end, proto::SplitPiece* piece);

// What makes two jobs of one name the same job: everything that the output depends on, as the user
// named it; not worker counts, threads or endpoints.
struct JobSpec {
  uint64_t job_hash = 0;  // of the job file; a built-in job's name and version
  std::string job;
  std::vector<std::pair<std::string, std::string>> arguments;   // checked, defaults filled in
  std::vector<std::pair<std::string, std::string>> side_files;  // name, path
  std::vector<std::string> inputs;                              // as named
  std::string output;                                           // as named
  std::string format;
  uint32_t partitions = 0;  // as asked for, 0 = by the input's size
};
uint64_t SpecHash(const JobSpec& spec);

}  // namespace minke
