// Removes what nobody reads any more: what jobs left that are over or past their age, and versions
// of datasets that no name stands for.
//
// What is kept: the version that a name stands for; what an open job has pinned or has itself
// stored; what is being put. It may run at any time, beside jobs and puts that begin: first it is
// listed what is stored, and only then who needs it, and whoever stores anything has said so in a
// row before.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "port/clock.h"
#include "port/store.h"
#include "runtime/upkeep/rerun.h"

namespace minke {

struct SweepOptions {
  bool is_dry = false;        // only says what it would remove
  bool also_unbegun = false;  // do not wait for jobs that have a row, and no plan yet
  // A line for people, about each thing that goes, or that stays though it might.
  std::function<void(const std::string& line)> on_line = [](const std::string&) {};
};

struct Swept {
  uint64_t jobs_closed = 0;  // past their age
  uint64_t logs = 0;         // removed, or what of them was left over
  uint64_t versions = 0;     // of jobs and datasets: all that was stored of them
};

// What cannot be removed now is left for the next time. kUnavailable: log or store are away.
Result<Swept> Sweep(Store& store, const JobLogs& logs, const Clock& clock,
                    const SweepOptions& options);

}  // namespace minke
