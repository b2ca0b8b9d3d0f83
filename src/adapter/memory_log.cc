#include "adapter/memory_log.h"

#include <algorithm>
#include <array>
#include <deque>
#include <fmt/format.h>
#include <limits>
#include <mutex>
#include <utility>

namespace minke {

struct MemoryLog::State {
  struct Messages {
    int64_t first = 0;  // offset of the oldest that is kept
    std::deque<LogMessage> kept;
    size_t kept_max = std::numeric_limits<size_t>::max();
    bool is_open = false;

    int64_t end() const { return first + static_cast<int64_t>(kept.size()); }
  };

  const Clock* clock = nullptr;
  std::mutex mutex;  // guards what follows
  bool is_created = false;
  std::array<Messages, kTopics> topics;
  std::shared_ptr<const std::function<void()>> ready;

  Messages& at(Topic topic) { return topics[static_cast<size_t>(topic)]; }
};

namespace {

Error NotCreated() {
  return Error{ErrorCode::kNotFound, "the job's log is not there: nobody has created it"};
}

}  // namespace

class MemoryLog::Reader final : public LogReader {
 public:
  Reader(std::shared_ptr<State> state, Topic topic, int64_t from)
      : state_(std::move(state)), topic_(topic), position_(from) {}

  Result<std::vector<LogMessage>> Poll(size_t bytes_max) override {
    std::vector<LogMessage> batch;
    const std::lock_guard lock(state_->mutex);
    const State::Messages& messages = state_->at(topic_);
    is_at_end_ = !messages.is_open;
    if (!messages.is_open) return batch;
    if (position_ < messages.first || position_ > messages.end()) {
      return Error{
          ErrorCode::kCorruption,
          fmt::format("the log holds the offsets from {} to {}, and was to be read from {}",
                      messages.first, messages.end(), position_)};
    }
    for (size_t bytes = 0; position_ < messages.end(); ++position_) {
      const LogMessage& message = messages.kept[static_cast<size_t>(position_ - messages.first)];
      bytes += message.bytes.size();
      if (bytes > bytes_max && !batch.empty()) break;
      batch.push_back(message);
    }
    is_at_end_ = position_ == messages.end();
    return batch;
  }

  int64_t position() const override { return position_; }
  bool is_at_end() const override { return is_at_end_; }

 private:
  std::shared_ptr<State> state_;
  Topic topic_;
  int64_t position_;
  bool is_at_end_ = false;
};

MemoryLog::MemoryLog(const Clock* clock, MemoryLogOptions options)
    : state_(std::make_shared<State>()) {
  state_->clock = clock;
  state_->at(Topic::kHeartbeat).kept_max = std::max<size_t>(options.heartbeats_kept, 1);
}

MemoryLog::~MemoryLog() = default;

Status MemoryLog::Create() {
  const std::lock_guard lock(state_->mutex);
  state_->is_created = true;
  for (State::Messages& messages : state_->topics) messages.is_open = true;
  return {};
}

Status MemoryLog::Append(Topic topic, std::string bytes) {
  if (bytes.size() > kMessageBytesMax) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("a log message of {} bytes is over the limit of {}", bytes.size(),
                             kMessageBytesMax)};
  }
  const int64_t now = state_->clock->UnixMs();
  std::shared_ptr<const std::function<void()>> ready;
  {
    const std::lock_guard lock(state_->mutex);
    if (!state_->is_created) return NotCreated();
    State::Messages& messages = state_->at(topic);
    if (!messages.is_open) return {};
    messages.kept.push_back({messages.end(), now, std::move(bytes)});
    if (messages.kept.size() > messages.kept_max) {
      messages.kept.pop_front();
      ++messages.first;
    }
    ready = state_->ready;
  }
  if (ready != nullptr) (*ready)();
  return {};
}

Result<std::pair<int64_t, int64_t>> MemoryLog::Range(Topic topic) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->is_created) return NotCreated();
  const State::Messages& messages = state_->at(topic);
  return std::pair<int64_t, int64_t>(messages.first, messages.end());
}

Result<std::unique_ptr<LogReader>> MemoryLog::Read(Topic topic, int64_t from) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->is_created) return NotCreated();
  return std::unique_ptr<LogReader>(std::make_unique<Reader>(state_, topic, from));
}

Status MemoryLog::Close() {
  const std::lock_guard lock(state_->mutex);
  if (!state_->is_created) return NotCreated();
  for (const Topic topic : {Topic::kInbox, Topic::kHeartbeat}) {
    State::Messages& messages = state_->at(topic);
    messages.is_open = false;
    messages.first = messages.end();
    messages.kept.clear();
  }
  return {};
}

void MemoryLog::OnReady(std::function<void()> ready) {
  auto shared = ready ? std::make_shared<const std::function<void()>>(std::move(ready)) : nullptr;
  const std::lock_guard lock(state_->mutex);
  std::swap(state_->ready, shared);
}

}  // namespace minke
