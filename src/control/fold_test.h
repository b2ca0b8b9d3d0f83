// Facts in short, and a Job folded record by record, for the tests of this folder.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "control/fleet.h"
#include "control/job.h"
#include "control/records_test.h"

#include "proto/minke.pb.h"

namespace minke {

inline proto::Fact Joined(uint64_t worker, uint32_t slots, uint64_t as_of = 0,
                          std::initializer_list<AttemptId> live = {}) {
  proto::Fact fact;
  proto::WorkerJoined* joined = fact.mutable_worker_joined();
  joined->set_worker_id(worker);
  joined->set_slots(slots);
  joined->set_as_of(as_of);
  for (const AttemptId id : live) ToProto(id, joined->add_live());
  return fact;
}

inline proto::Fact Done(AttemptId attempt) {
  proto::Fact fact;
  ToProto(attempt, fact.mutable_task_done()->mutable_attempt());
  return fact;
}

inline proto::Fact Leaving(uint64_t worker, bool asked) {
  proto::Fact fact;
  fact.mutable_worker_leaving()->set_worker_id(worker);
  fact.mutable_worker_leaving()->set_asked(asked);
  return fact;
}

// A job of map and reduce tasks, its map step open, folded record by record.
struct Fold {
  Job job;
  int64_t offset = 0;

  Status Do(const Record& record) {
    const Status status = job.Apply(offset, job.epoch(), record);
    ++offset;
    return status;
  }
  void Must(const Record& record) {
    const Status status = Do(record);
    if (!status) failure = status.error().text;
  }
  void Claim(uint64_t uuid) {
    (void)job.Apply(offset, static_cast<uint64_t>(offset), Claimed(uuid));
    ++offset;
  }
  static Fold MapReduce(uint32_t maps, uint32_t reduces) {
    Fold fold;
    fold.Claim(1);
    fold.Must(Accepted({{proto::PHASE_MAP, maps}, {proto::PHASE_REDUCE, reduces}}, reduces));
    fold.Must(Opened(0, proto::PHASE_MAP));
    return fold;
  }
  std::string failure;  // of Must
};

}  // namespace minke
