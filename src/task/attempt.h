// One attempt of one task, start to end: what it needs, and the one call that runs it.
//
// RunAttempt is called on a slot's thread. It reads its split or its partition, runs user code,
// leaves its output where only its attempt id leads (segments, shuffle blocks, a part file aside),
// writes its report to the store, and returns. The same call serves a laptop's thread, a pod and
// `--task map-17`.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <minke/abi.h>

#include "base/ids.h"
#include "base/memory_accountant.h"
#include "base/result.h"
#include "port/store.h"
#include "shuffle/block.h"
#include "task/output/output_folder.h"
#include "task/output/part_writer.h"
#include "task/scratch.h"
#include "task/slot.h"

#include "proto/minke.pb.h"

namespace minke {

// What brought a child of this run down before: these tasks run in careful mode, and pass over
// these records and groups as bad ones.
struct KnownCrashes {
  std::set<TaskId> tasks;
  std::set<std::pair<std::string, int64_t>> records;  // path as named (cut as in SlotPage), offset
  std::set<std::string> groups;                       // keys
};

// What all attempts of a job in this process share. Immutable while attempts run, but for the
// accountants and what they lead to.
struct JobContext {
  Incarnation incarnation;
  std::string job_name;
  const minke_job* job = nullptr;
  const proto::Plan* plan = nullptr;
  Store* store = nullptr;

  MemoryAccountant* memory = nullptr;  // everything
  MemoryAccountant* kept = nullptr;    // the part of it that finished map tasks may keep
  size_t slot_memory_bytes = 0;        // one attempt's sorter or table
  BlockOptions block;
  ScratchFolder* spill = nullptr;

  std::map<std::string, std::string, std::less<>> side_files;  // name → local path
  OutputFolder* output = nullptr;
  std::string output_dataset;  // … or its name: parts are files of the version `incarnation`;
  std::string output_table;    // … or KEYSPACE.TABLE: likewise, and then rows; none of these:
                               // runs of lines, put together when publishing
  bool merge_by_key = false;   // … by the keys of their groups, else one after the other
  OutputFormat format = OutputFormat::kText;
  bool sync_output = false;
  uint64_t skip_bad = 0;
  KnownCrashes crashes;

  bool stores_parts() const { return !output_dataset.empty() || !output_table.empty(); }
};

struct AttemptSpec {
  AttemptId id;
  proto::PhaseKind kind = proto::PHASE_NONE;
  TaskId task;
  bool careful = false;
  std::string shuffle_table;           // where map tasks write and reduce tasks read blocks
  uint32_t winners = 0;                // reduce: number of the winners blocks
  AttemptId source;                    // export: whose output it writes
  std::vector<std::string> splitters;  // map, by range
};

// Names of blocks in the store.
std::string ReportName(AttemptId attempt);
std::string WinnersName(uint32_t number, uint32_t partition);

// Runs the attempt and stores its report. kUserCode counts against the task; kCancelled when the
// slot was told to stop; kNotFound: map outputs are missing, named in slot.missing_map_tasks.
Result<proto::Report> RunAttempt(const JobContext& context, const AttemptSpec& spec, Slot& slot);

}  // namespace minke
