#include "runtime/journal/job_request.h"

#include <algorithm>

#include "proto/minke.pb.h"

namespace minke {
namespace {

constexpr int64_t kAgainMs =
    10'000;  // the inbox may have been made anew; ids make doubles harmless

proto::Fact ToFact(const JobRequest& request) {
  proto::Fact fact;
  switch (request.kind) {
    case RequestKind::kCancel:
      fact.mutable_cancel_requested()->set_id(request.id);
      fact.mutable_cancel_requested()->set_reason(request.reason);
      break;
    case RequestKind::kPause:
      fact.mutable_pause_requested()->set_id(request.id);
      break;
    case RequestKind::kResume:
      fact.mutable_resume_requested()->set_id(request.id);
      break;
  }
  return fact;
}

RequestAnswer AnswerIn(const Job& job, const JobRequest& request) {
  if (!job.HasAnswered(request.id)) return RequestAnswer::kWasOver;
  const bool is_refused = request.kind == RequestKind::kCancel && job.cancelled() == nullptr;
  return is_refused ? RequestAnswer::kRefused : RequestAnswer::kGranted;
}

}  // namespace

Result<RequestAnswer> AskJob(JobFollower& follower, Waker& waker, const Clock& clock,
                             const JobRequest& request) {
  MINKE_TRY_STATUS(follower.ReadToEnd(waker));
  const Job& job = follower.job();
  const int64_t until_ms = clock.NowMs() + request.wait_ms;
  int64_t again_ms = clock.NowMs();
  while (!job.HasAnswered(request.id) && job.finished() == nullptr) {
    const int64_t now_ms = clock.NowMs();
    if (now_ms >= again_ms) {
      MINKE_TRY_STATUS(follower.Say(ToFact(request)));
      again_ms = now_ms + kAgainMs;
    }
    if (MINKE_TRY(follower.RunOnce())) continue;
    if (now_ms >= until_ms) return RequestAnswer::kNoneSoFar;
    waker.Wait(std::min(again_ms, until_ms) - now_ms);
  }
  return AnswerIn(job, request);
}

}  // namespace minke
