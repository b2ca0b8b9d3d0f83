#include "adapter/cassandra/dispatcher.h"

#include <algorithm>
#include <chrono>
#include <fmt/format.h>
#include <random>
#include <utility>

#include "base/check.h"

namespace minke {

struct Dispatcher::Call {
  explicit Call(uint64_t seed) : backoff(seed) {}

  std::shared_ptr<const CqlRequest> request;  // none once it is answered
  std::string page;
  size_t bytes = 0;
  int64_t deadline_ms = 0;
  int64_t sent_ms = 0;
  bool is_repeated = true;
  bool is_forgotten = false;
  Backoff backoff;
  std::optional<Result<CqlResult>> answer;
};

namespace {

RequestWindowOptions WindowOf(const CassandraOptions& options, size_t nodes) {
  RequestWindowOptions window;
  window.max_bytes *= nodes;
  window.min_bytes = std::min(window.min_bytes, options.in_flight_share_bytes);
  window.start_bytes = std::min(window.start_bytes, options.in_flight_share_bytes);
  window.max_bytes = std::min(window.max_bytes, options.in_flight_share_bytes);
  window.p99_target_ms = options.p99_target_ms;
  return window;
}

uint64_t RandomSeed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

Error GaveUp(Error last, int64_t deadline_ms) {
  last.text += fmt::format(
      "; gave up after {} s: see that it runs and can be reached, then try "
      "again",
      deadline_ms / 1000);
  return last;
}

}  // namespace

Dispatcher::Dispatcher(std::unique_ptr<CqlSession> session, const CassandraOptions& options,
                       Clock* clock)
    : session_(std::move(session)),
      deadline_ms_(options.deadline_ms),
      request_timeout_ms_(options.request_timeout_ms),
      clock_(clock),
      window_(WindowOf(options, session_->nodes())),
      next_id_(RandomSeed() >> 1) {
  session_->OnCompleted(&Drop, this);
}

Dispatcher::~Dispatcher() {
  // Requests before the session that they are of.
  under_way_.clear();
  to_be_sent_.clear();
  session_.reset();
}

void Dispatcher::Drop(void* self, uint64_t id, CqlOutcome<CqlResult> outcome) {
  auto* const dispatcher = static_cast<Dispatcher*>(self);
  const int64_t now_ms = dispatcher->clock_->NowMs();
  {
    const std::lock_guard lock(dispatcher->mutex_);
    dispatcher->mailbox_.push_back({id, std::move(outcome), now_ms});
  }
  dispatcher->changed_.notify_all();
}

// ---- calls

Result<Dispatcher::CallPtr> Dispatcher::Start(CqlRequest request, size_t bytes, std::string page) {
  Lock lock(mutex_);
  const int64_t deadline_ms = clock_->NowMs() + deadline_ms_;
  for (;;) {
    EmptyMailbox();
    SendDue(lock);
    if (bytes == 0 || window_.HasRoom(bytes)) break;
    if (clock_->NowMs() >= deadline_ms) {
      return GaveUp(session_->ErrorOf({CqlCode::kTimeout, "earlier writes are not acknowledged"}),
                    deadline_ms_);
    }
    Sleep(lock, deadline_ms);
  }
  auto call = std::make_shared<Call>(next_id_);
  call->request = std::make_shared<const CqlRequest>(std::move(request));
  call->page = std::move(page);
  call->bytes = bytes;
  call->deadline_ms = deadline_ms;
  window_.Begin(bytes);
  to_be_sent_.emplace(0, call);
  SendDue(lock);
  return call;
}

Result<CqlResult> Dispatcher::Wait(const CallPtr& call) {
  Lock lock(mutex_);
  for (;;) {
    EmptyMailbox();
    SendDue(lock);
    if (call->answer) break;
    // The driver answers every request within its time-out, and retries end with the deadline.
    Sleep(lock, call->deadline_ms + request_timeout_ms_);
  }
  Result<CqlResult> answer = *std::move(call->answer);
  call->answer = CqlResult();  // its memory is the caller's now
  return answer;
}

void Dispatcher::Forget(const CallPtr& call) {
  const std::lock_guard lock(mutex_);
  call->is_forgotten = true;
}

bool Dispatcher::is_done(const CallPtr& call) const {
  const std::lock_guard lock(mutex_);
  return call->answer.has_value();
}

Result<CqlResult> Dispatcher::Execute(CqlRequest request, std::string page) {
  return Wait(MINKE_TRY(Start(std::move(request), 0, std::move(page))));
}

Result<CqlResult> Dispatcher::ExecuteOnce(CqlRequest request) {
  auto call = std::make_shared<Call>(0);
  call->request = std::make_shared<const CqlRequest>(std::move(request));
  call->is_repeated = false;
  call->deadline_ms = clock_->NowMs() + deadline_ms_;
  {
    Lock lock(mutex_);
    to_be_sent_.emplace(0, call);
  }
  return Wait(call);
}

// ---- under the lock

void Dispatcher::EmptyMailbox() {
  for (Completion& completion : std::exchange(mailbox_, {})) Take(std::move(completion));
}

void Dispatcher::Take(Completion completion) {
  const auto found = under_way_.find(completion.id);
  MINKE_CHECK(found != under_way_.end());
  const CallPtr call = found->second;
  under_way_.erase(found);
  if (completion.outcome) {
    if (call->bytes > 0) window_.Answered(call->bytes, call->sent_ms, completion.at_ms);
    return End(*call, *std::move(completion.outcome));
  }
  const CqlFailure& failure = completion.outcome.error();
  Error error = session_->ErrorOf(failure);
  if (!IsWorthARetry(failure.code)) return End(*call, std::move(error));
  // Compare-and-sets compete with each other: their time-outs say nothing about the load.
  if (call->is_repeated) window_.Refused(call->sent_ms, completion.at_ms);
  if (!call->is_repeated || call->is_forgotten) return End(*call, std::move(error));
  const int64_t due_ms = completion.at_ms + call->backoff.NextMs();
  if (due_ms >= call->deadline_ms) return End(*call, GaveUp(std::move(error), deadline_ms_));
  ++load_.retries;
  to_be_sent_.emplace(due_ms, call);
}

void Dispatcher::End(Call& call, Result<CqlResult> answer) {
  window_.End(call.bytes);
  call.answer = std::move(answer);
  call.request.reset();
  changed_.notify_all();
}

void Dispatcher::SendDue(Lock& lock) {
  struct Sending {
    uint64_t id;
    std::shared_ptr<const CqlRequest> request;
    std::string page;
  };
  std::vector<Sending> due;
  const int64_t now_ms = clock_->NowMs();
  while (!to_be_sent_.empty() && to_be_sent_.begin()->first <= now_ms) {
    CallPtr call = std::move(to_be_sent_.begin()->second);
    to_be_sent_.erase(to_be_sent_.begin());
    if (call->is_forgotten) {
      End(*call, Error{ErrorCode::kCancelled, "nobody waits for it"});
      continue;
    }
    call->sent_ms = now_ms;
    ++load_.requests;
    due.push_back({++next_id_, call->request, call->page});
    under_way_.emplace(next_id_, std::move(call));
  }
  if (due.empty()) return;
  lock.unlock();
  for (const Sending& sending : due) session_->Send(*sending.request, sending.page, sending.id);
  due.clear();
  lock.lock();
}

void Dispatcher::Sleep(Lock& lock, int64_t until_ms) {
  if (!mailbox_.empty()) return;
  if (!to_be_sent_.empty()) until_ms = std::min(until_ms, to_be_sent_.begin()->first);
  const int64_t wait_ms = std::max<int64_t>(until_ms - clock_->NowMs(), 1);
  changed_.wait_for(lock, std::chrono::milliseconds(wait_ms));
}

CassandraLoad Dispatcher::load() const {
  const std::lock_guard lock(mutex_);
  CassandraLoad load = load_;
  load.in_flight_bytes = window_.in_flight_bytes();
  load.window_bytes = window_.limit_bytes();
  return load;
}

// ---- what blocks in the driver

Status Dispatcher::Repeat(const std::function<Status()>& attempt) {
  const int64_t deadline_ms = clock_->NowMs() + deadline_ms_;
  Backoff backoff(RandomSeed());
  for (;;) {
    Status status = attempt();
    if (status || status.error().code != ErrorCode::kUnavailable) return status;
    const int64_t due_ms = clock_->NowMs() + backoff.NextMs();
    if (due_ms >= deadline_ms) return GaveUp(std::move(status).error(), deadline_ms_);
    Lock lock(mutex_);
    while (clock_->NowMs() < due_ms) {
      EmptyMailbox();
      SendDue(lock);
      Sleep(lock, due_ms);
    }
  }
}

Result<CqlStatement> Dispatcher::Prepare(const std::string& cql, Consistency consistency) {
  CqlStatement statement;
  MINKE_TRY_STATUS(Repeat([&]() -> Status {
    auto prepared = session_->Prepare(cql, consistency);
    if (!prepared) return session_->ErrorOf(prepared.error());
    statement = *std::move(prepared);
    return {};
  }));
  return statement;
}

Status Dispatcher::ChangeSchema(const std::string& cql) {
  return Repeat([&]() -> Status {
    const auto changed = session_->ChangeSchema(cql);
    return changed ? Status() : session_->ErrorOf(changed.error());
  });
}

}  // namespace minke
