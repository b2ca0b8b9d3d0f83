// Who waits at the gate: counted by the id that an asker keeps while it waits, so that nobody
// counts twice who asks often. Who does not come again when it was told to has given up. Any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <utility>

#include "proto/minke.pb.h"

namespace minke {

class GateAskers {
 public:
  // This asker was told to come again in `retry_ms`.
  void Waits(proto::PhaseKind role, uint64_t asker, int64_t now_ms, int64_t retry_ms);
  // It was let in, or sent away.
  void Leaves(proto::PhaseKind role, uint64_t asker);
  uint32_t waiting(proto::PhaseKind role, int64_t now_ms) const;
  uint32_t waiting() const;  // of all roles, those who have given up lately too

 private:
  mutable std::mutex mutex_;  // guards what follows
  // When an asker is expected again, at the latest.
  mutable std::map<std::pair<proto::PhaseKind, uint64_t>, int64_t> expected_ms_;
};

}  // namespace minke
