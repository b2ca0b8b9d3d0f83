#include "adapter/cassandra/write_queue.h"

#include <utility>

namespace minke {
namespace {

// Of a row's key and the frame around it.
constexpr size_t kOverhead = 100;

}  // namespace

WriteQueue::~WriteQueue() {
  for (const auto& call : under_way_) dispatcher_->Forget(call);
}

Status WriteQueue::Put(CqlRequest request, size_t bytes) {
  MINKE_TRY_STATUS(TakeAnswers(false));
  auto call = dispatcher_->Start(std::move(request), bytes + kOverhead);
  if (!call) {
    failed_ = std::move(call).error();
    return *failed_;
  }
  under_way_.push_back(*std::move(call));
  return {};
}

Status WriteQueue::Finish() { return TakeAnswers(true); }

Status WriteQueue::TakeAnswers(bool wait) {
  size_t kept = 0;
  for (Dispatcher::CallPtr& call : under_way_) {
    if (failed_ || (!wait && !dispatcher_->is_done(call))) {
      under_way_[kept++] = std::move(call);
      continue;
    }
    auto answer = dispatcher_->Wait(call);
    if (!answer) failed_ = std::move(answer).error();
  }
  under_way_.resize(kept);
  return failed_ ? Status(*failed_) : Status();
}

}  // namespace minke
