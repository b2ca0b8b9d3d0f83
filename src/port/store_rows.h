// What the Store port is about: rows, keys and blocks, as values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "base/ids.h"

namespace minke {

enum class JobState : uint8_t { kOpen, kAccepted, kFinished };

struct JobRow {
  Incarnation incarnation;
  uint64_t spec_hash = 0;
  JobState state = JobState::kOpen;
  int exit_code = 0;  // kFinished
  bool operator==(const JobRow&) const = default;
};

// Where a map attempt's blocks of one partition lie.
struct ShuffleKey {
  uint32_t partition = 0;
  uint32_t bucket = 0;
  uint32_t map_task = 0;
  AttemptId attempt;
  uint32_t sequence = 0;
};

struct ShuffleBlock {
  ShuffleKey key;
  std::string bytes;
};

// What a shuffle table is told of its job's plan when it is made.
struct ShuffleShape {
  uint32_t span = 1;       // blocks of one run that may lie together: sequence / span is a slice
  int64_t max_age_ms = 0;  // blocks may go once they are older; 0: only when the table is dropped
};

// What a scan reads.
struct ShuffleRange {
  uint32_t partition = 0;
  uint32_t bucket = 0;
  // Finds every block that was acknowledged. Without it a store of many nodes may miss some, and is
  // faster: for whoever can tell what is missing, and asks again.
  bool is_sure = false;
};

// Which version a dataset's name stands for.
struct DatasetRow {
  Incarnation version;    // 0: none, it was removed
  uint64_t manifest = 0;  // checksum of the version's manifest
  bool operator==(const DatasetRow&) const = default;
};

// What one attempt has put into a version under one name: a sequence of chunks.
struct DatasetFile {
  Incarnation version;
  AttemptId attempt;
  std::string name;
  auto operator<=>(const DatasetFile&) const = default;
};

}  // namespace minke
