#include "adapter/kafka/kafka_watch.h"

#include <utility>
#include <vector>

namespace minke {
namespace {

// A broker that has just started, or hears of topics late, may not know one that is there.
constexpr int kMissesUntilGone = 3;
constexpr uint64_t kLooksPerGuard = 10;

}  // namespace

KafkaWatch::KafkaWatch(std::shared_ptr<KafkaClient> client, KafkaWatchOptions options,
                       std::function<void()> changed)
    : client_(std::move(client)), options_(options), changed_(std::move(changed)) {
  thread_ = std::thread([this] { Work(); });
}

KafkaWatch::~KafkaWatch() {
  {
    const std::lock_guard hold(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void KafkaWatch::Add(const std::string& topic) {
  const std::lock_guard hold(mutex_);
  views_[topic];
}

void KafkaWatch::Guard(const std::string& topic, std::function<Status()> check) {
  const std::lock_guard hold(mutex_);
  guarded_ = topic;
  guard_ = std::move(check);
}

KafkaWatch::View KafkaWatch::Look(const std::string& topic) const {
  const std::lock_guard hold(mutex_);
  const auto found = views_.find(topic);
  return found == views_.end() ? View() : found->second;
}

uint64_t KafkaWatch::begun() const {
  const std::lock_guard hold(mutex_);
  return begun_;
}

void KafkaWatch::Work() {
  for (;;) {
    std::vector<std::string> topics;
    uint64_t look = 0;
    {
      std::unique_lock hold(mutex_);
      wake_.wait_for(hold, std::chrono::milliseconds(options_.look_ms),
                     [this] { return is_stopping_; });
      if (is_stopping_) return;
      look = ++begun_;
      for (const auto& [topic, view] : views_) topics.push_back(topic);
    }
    client_->Serve();
    for (const std::string& topic : topics) LookAt(topic, look);
    if (look % kLooksPerGuard == 0) CheckGuarded();
  }
}

void KafkaWatch::LookAt(const std::string& topic, uint64_t look) {
  const auto asked_at = std::chrono::steady_clock::now();
  const auto offsets = client_->Offsets(topic, KafkaDeadline(options_.answer_ms));
  bool is_news = false;
  {
    const std::lock_guard hold(mutex_);
    if (is_stopping_) return;
    View& view = views_[topic];
    const bool was_away = view.away.has_value();
    view.look = look;
    if (offsets) {
      misses_[topic] = 0;
      is_news = was_away || offsets->end < view.offsets.end;
      view.offsets = *offsets;
      view.asked_at = asked_at;
      view.away.reset();
    } else if (offsets.error().code == ErrorCode::kNotFound) {
      view.is_gone = ++misses_[topic] >= kMissesUntilGone;
      is_news = view.is_gone;
      // Until that is certain, nothing can be read.
      view.away = Error{ErrorCode::kUnavailable, offsets.error().text};
    } else {
      is_news = !was_away;
      view.away = offsets.error();
    }
  }
  if (is_news) changed_();
}

void KafkaWatch::CheckGuarded() {
  std::string topic;
  std::function<Status()> check;
  {
    const std::lock_guard hold(mutex_);
    topic = guarded_;
    check = guard_;
  }
  if (!check) return;
  const Status status = check();
  if (status || status.error().code != ErrorCode::kCorruption) return;
  {
    const std::lock_guard hold(mutex_);
    views_[topic].corruption = status.error();
  }
  changed_();
}

}  // namespace minke
