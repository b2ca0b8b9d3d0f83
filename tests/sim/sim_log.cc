#include "sim_log.h"

#include <fmt/format.h>

namespace minke::sim {
namespace {

Error Away() { return Error{ErrorCode::kUnavailable, "the simulated broker does not answer"}; }

Error NotCreated() {
  return Error{ErrorCode::kNotFound, "the job's log is not there: nobody has created it"};
}

}  // namespace

void Broker::Wake(const Listener& listener) {
  const auto ready = listener.ready;
  if (ready == nullptr) return;
  if (const int64_t lag_ms = listener.link->lag_ms(); schedule && lag_ms > 0) {
    schedule(lag_ms, [ready] { (*ready)(); });
  } else {
    (*ready)();
  }
}

void Broker::Land(Incarnation job, Topic topic, const std::string& bytes) {
  LogMessage landed;
  std::vector<Listener> listening;
  {
    const std::lock_guard hold(mutex_);
    Messages& messages = At(job, topic);
    if (messages.life == 0 || messages.is_closed) return;
    landed = {messages.end(), clock_->UnixMs(), bytes};
    messages.kept.push_back({landed, clock_->NowMs()});
    for (const auto& listener : listeners_) {
      if (listener->job == job && listener->ready != nullptr) listening.push_back(*listener);
    }
  }
  if (on_landed) on_landed(job, topic, landed);
  for (const Listener& listener : listening) Wake(listener);
}

void Broker::Recreate(Incarnation job, Topic topic) {
  const std::lock_guard hold(mutex_);
  Messages& messages = At(job, topic);
  if (messages.life == 0 || messages.is_closed) return;
  messages.life = ++lives_;
  messages.first = 0;
  messages.kept.clear();
}

void Broker::Trim(Incarnation job, Topic topic, int64_t first) {
  const std::lock_guard hold(mutex_);
  Messages& messages = At(job, topic);
  while (messages.first < first && !messages.kept.empty()) {
    messages.kept.erase(messages.kept.begin());
    ++messages.first;
  }
}

std::pair<int64_t, int64_t> Broker::RangeOf(Incarnation job, Topic topic) {
  const std::lock_guard hold(mutex_);
  return {At(job, topic).first, At(job, topic).end()};
}

std::vector<std::string> Broker::MessagesOf(Incarnation job, Topic topic) {
  const std::lock_guard hold(mutex_);
  std::vector<std::string> all;
  for (const Entry& entry : At(job, topic).kept) all.push_back(entry.message.bytes);
  return all;
}

class SimLog::Reader final : public LogReader {
 public:
  Reader(SimLog* log, Topic topic, int64_t from, uint64_t life)
      : broker_(log->broker_),
        job_(log->job_),
        link_(log->link_),
        listener_(log->listener_),
        topic_(topic),
        position_(from),
        life_(life) {}

  Result<std::vector<LogMessage>> Poll(size_t bytes_max) override {
    std::vector<LogMessage> batch;
    is_at_end_ = false;
    if (!link_->Reaches()) return Away();
    const int64_t lag_ms = link_->lag_ms();
    int64_t hidden_ms = 0;  // until the next one is seen
    {
      const std::lock_guard hold(broker_->mutex_);
      const Broker::Messages& messages = broker_->At(job_, topic_);
      is_at_end_ = messages.is_closed;
      if (messages.is_closed) return batch;
      if (messages.life != life_ || position_ < messages.first || position_ > messages.end()) {
        return Error{ErrorCode::kCorruption,
                     fmt::format("the topic holds the offsets from {} to {}{}, and was to be read "
                                 "from {}",
                                 messages.first, messages.end(),
                                 messages.life == life_ ? "" : ", being made anew", position_)};
      }
      const int64_t now_ms = broker_->clock_->NowMs();
      for (size_t bytes = 0; position_ < messages.end(); ++position_) {
        const Broker::Entry& entry = messages.kept[static_cast<size_t>(position_ - messages.first)];
        if (lag_ms > 0 && entry.landed_ms + lag_ms > now_ms) {
          hidden_ms = entry.landed_ms + lag_ms - now_ms;
          break;
        }
        bytes += entry.message.bytes.size();
        if (bytes > bytes_max && !batch.empty()) break;
        batch.push_back(entry.message);
      }
      is_at_end_ = position_ == messages.end();
    }
    if (hidden_ms > 0 && listener_->ready != nullptr && broker_->schedule) {
      broker_->schedule(hidden_ms, [ready = listener_->ready] { (*ready)(); });
    }
    return batch;
  }

  int64_t position() const override { return position_; }
  bool is_at_end() const override { return is_at_end_; }

 private:
  Broker* broker_;
  Incarnation job_;
  LogLink* link_;
  std::shared_ptr<Broker::Listener> listener_;
  Topic topic_;
  int64_t position_;
  uint64_t life_;
  bool is_at_end_ = false;
};

SimLog::SimLog(Broker* broker, Incarnation job, LogLink* link)
    : broker_(broker),
      job_(job),
      link_(link),
      listener_(std::make_shared<Broker::Listener>(Broker::Listener{job, link, nullptr})) {
  const std::lock_guard hold(broker_->mutex_);
  broker_->listeners_.push_back(listener_);
}

SimLog::~SimLog() {
  const std::lock_guard hold(broker_->mutex_);
  broker_->listeners_.remove(listener_);
}

// With the mutex held.
Status SimLog::Check(Topic topic) {
  if (broker_->At(job_, topic).life == 0) return NotCreated();
  return {};
}

Status SimLog::Create() {
  if (!link_->Reaches()) return Away();
  const std::lock_guard hold(broker_->mutex_);
  for (const Topic topic : {Topic::kJournal, Topic::kInbox, Topic::kHeartbeat}) {
    Broker::Messages& messages = broker_->At(job_, topic);
    if (messages.life == 0) messages.life = ++broker_->lives_;
  }
  return {};
}

Status SimLog::Append(Topic topic, std::string bytes) {
  if (bytes.size() > kMessageBytesMax) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a log message of {} bytes is over the limit of {}", bytes.size(),
                             kMessageBytesMax)};
  }
  const AppendFate fate = link_->FateOf(topic);
  if (fate.is_refused) return Away();
  {
    const std::lock_guard hold(broker_->mutex_);
    MINKE_TRY_STATUS(Check(topic));
  }
  for (const int64_t delay_ms : fate.delays_ms) {
    if (delay_ms == 0 || !broker_->schedule) {
      broker_->Land(job_, topic, bytes);
    } else {
      broker_->schedule(delay_ms, [broker = broker_, job = job_, topic, bytes] {
        broker->Land(job, topic, bytes);
      });
    }
  }
  return {};
}

Result<std::pair<int64_t, int64_t>> SimLog::Range(Topic topic) {
  if (!link_->Reaches()) return Away();
  const std::lock_guard hold(broker_->mutex_);
  MINKE_TRY_STATUS(Check(topic));
  const Broker::Messages& messages = broker_->At(job_, topic);
  return std::pair<int64_t, int64_t>(messages.first, messages.end());
}

Result<std::unique_ptr<LogReader>> SimLog::Read(Topic topic, int64_t from) {
  if (!link_->Reaches()) return Away();
  const std::lock_guard hold(broker_->mutex_);
  MINKE_TRY_STATUS(Check(topic));
  return std::unique_ptr<LogReader>(
      std::make_unique<Reader>(this, topic, from, broker_->At(job_, topic).life));
}

Status SimLog::Close() {
  if (!link_->Reaches()) return Away();
  const std::lock_guard hold(broker_->mutex_);
  MINKE_TRY_STATUS(Check(Topic::kJournal));
  for (const Topic topic : {Topic::kInbox, Topic::kHeartbeat}) {
    Broker::Messages& messages = broker_->At(job_, topic);
    messages.first = messages.end();
    messages.kept.clear();
    messages.is_closed = true;
  }
  return {};
}

void SimLog::OnReady(std::function<void()> ready) {
  auto shared = ready ? std::make_shared<const std::function<void()>>(std::move(ready)) : nullptr;
  const std::lock_guard hold(broker_->mutex_);
  listener_->ready = std::move(shared);
}

}  // namespace minke::sim
