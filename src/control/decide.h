// Decide: which records the master appends next.
//
// About ten rules, once each and in this order: answer requests, expire leases, give back what
// workers left, what failed and outputs that are lost, commit, open the next phase, assign slots,
// cancel losers, quarantine workers, finish. It changes nothing: the records take effect when they
// were read back and applied. A pass ends at records_bytes_max; it is repeated until it has nothing
// to say. Same job, same fleet, same time: same records, byte for byte.
#pragma once

#include <cstdint>
#include <vector>

#include "control/fleet.h"
#include "control/job.h"

#include "proto/minke.pb.h"

namespace minke {

struct DecideOptions {
  size_t records_bytes_max = 64u << 10;  // of one message
  int64_t lease_ms = 30'000;         // silence after which a worker's attempts are lost; 0: none
  uint32_t losses_max = 20;          // of one task
  uint32_t quarantine_tasks = 3;     // failed on a worker that succeeded elsewhere
  int64_t backup_after_ms = 10'000;  // the shortest time after which an attempt may be slow
  uint32_t backup_slowness = 2;      // times slower than the median
};

std::vector<proto::JournalRecord> Decide(const Job& job, const Fleet& fleet, int64_t now_ms,
                                         const DecideOptions& options);

}  // namespace minke
