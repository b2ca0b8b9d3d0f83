// JobView: what every status output shows of a job: the progress line, the table at its end,
// --json, and the master's HTTP pages. Plain values, computed from Job, Fleet and Tally.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "control/fleet.h"
#include "control/job.h"
#include "control/tally.h"

#include "proto/minke.pb.h"

namespace minke {

struct PhaseView {
  proto::PhaseKind kind = proto::PHASE_NONE;
  bool is_open = false;
  uint32_t tasks = 0;
  uint32_t waiting = 0;
  uint32_t running = 0;  // tasks with a live attempt
  uint32_t done = 0;
  ReportSums sums;  // of its winners
};

// Workers of one role.
struct WorkerCounts {
  uint32_t waiting = 0;   // for work, or at the gate (whom only the gate knows)
  uint32_t working = 0;   // have an attempt
  uint32_t finished = 0;  // have left as they should
  uint32_t lost = 0;      // silent, crashed, or of another job file

  WorkerCounts& operator+=(const WorkerCounts& other);
  bool operator==(const WorkerCounts&) const = default;
};

struct JobView {
  std::string name;
  Incarnation incarnation;
  std::string state;  // starting, sampling, mapping, reducing, exporting, publishing, paused,
                      // cancelling, finished
  std::vector<PhaseView> phases;
  uint64_t attempts = 0, failures = 0, losses = 0;

  // Done so far, running attempts included as far as they were heard of.
  uint64_t input_bytes = 0;  // of the whole input
  uint64_t records_in = 0, bytes_in = 0;
  uint64_t shuffled_records = 0, shuffled_bytes = 0;
  uint64_t output_records = 0, output_bytes = 0;
  uint64_t spills = 0, spilled_bytes = 0, skipped = 0, cpu_us = 0;
  uint64_t fingerprint = 0;
  std::map<std::string, uint64_t> counters;

  int64_t elapsed_ms = 0;                            // since this master has begun
  double records_s = 0, bytes_s = 0;                 // in the open phase
  std::optional<int64_t> remaining_ms;               // of the open phase, where it can be told
  std::map<proto::PhaseKind, WorkerCounts> workers;  // by role; PHASE_NONE: of any
  uint64_t workers_quarantined = 0;

  std::optional<int> exit_code;  // finished
  std::string text;              // why, when it is not 0; else the last failure
};

// What the view needs beside job, fleet and tally.
struct ViewContext {
  std::string name;
  Incarnation incarnation;
  uint64_t input_bytes = 0;
  int64_t begun_ms = 0;        // this master's first Step
  int64_t phase_begun_ms = 0;  // when it read the open phase's PhaseOpened
  int64_t now_ms = 0;
  int64_t lease_ms = 0;
};

// Of all roles together.
WorkerCounts AllWorkers(const JobView& view);

JobView MakeJobView(const Job& job, const Fleet& fleet, const Tally& tally,
                    const ViewContext& context);

// "sample", "map", "reduce", "export".
const char* NameOf(proto::PhaseKind kind);
// "mapper", "reducer"; "worker" of one that serves any phase.
const char* RoleName(proto::PhaseKind role);
// "mappers: 1 waiting, 2 working, 0 finished; reducers: …", for people.
std::string WorkersText(const JobView& view);
// "map task 17", for people.
std::string NameOf(const Job& job, TaskId task);

}  // namespace minke
