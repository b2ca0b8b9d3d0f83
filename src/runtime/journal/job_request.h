// What a user asks of a job that runs: to cancel, to pause, to resume. The request goes into the
// inbox, under an id, and the journal answers it: whoever is its master, now or later.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "port/clock.h"
#include "runtime/journal/job_follower.h"
#include "runtime/waker.h"

namespace minke {

enum class RequestKind : uint8_t { kCancel, kPause, kResume };

struct JobRequest {
  RequestKind kind = RequestKind::kCancel;
  uint64_t id = 0;      // random
  std::string reason;   // kCancel
  int64_t wait_ms = 0;  // for the answer
};

enum class RequestAnswer : uint8_t {
  kGranted,
  kRefused,    // it came too late
  kWasOver,    // the job had ended
  kNoneSoFar,  // nobody has answered yet: a master will, when there is one
};

// `waker` is woken by the follower's log. kNotFound: there is no journal yet, so no job to ask.
Result<RequestAnswer> AskJob(JobFollower& job, Waker& waker, const Clock& clock,
                             const JobRequest& request);

}  // namespace minke
