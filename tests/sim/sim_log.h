// The Log port on a simulated broker, which every process reaches by a link of its own: appends may
// be lost, refused, late, or land twice and in another order; messages are seen late; nobody may be
// there for a while. The test deletes topics, and trims them.
//
// Without faults it keeps the port's contract (sim_log_test), also from several threads.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "port/clock.h"
#include "port/log.h"

namespace minke::sim {

struct AppendFate {
  bool is_refused = false;
  std::vector<int64_t> delays_ms = {0};  // none: lost; two: it lands twice
};

// Between one process and the broker.
class LogLink {
 public:
  virtual ~LogLink() = default;
  // Asked at each call. False: the broker is away, or the process dead.
  virtual bool Reaches() { return true; }
  virtual AppendFate FateOf(Topic) { return {}; }
  virtual int64_t lag_ms() { return 0; }  // after which it sees a message
};

class Broker {
 public:
  // `clock` outlives the broker, which outlives its logs.
  explicit Broker(const Clock* clock) : clock_(clock) {}

  // Without it everything happens at once.
  std::function<void(int64_t delay_ms, std::function<void()>)> schedule;
  std::function<void(Incarnation, Topic, const LogMessage&)> on_landed;

  void Land(Incarnation job, Topic topic, const std::string& bytes);
  // Deletes the topic and makes it anew, empty.
  void Recreate(Incarnation job, Topic topic);
  // Forgets what lies before `first`.
  void Trim(Incarnation job, Topic topic, int64_t first);
  std::pair<int64_t, int64_t> RangeOf(Incarnation job, Topic topic);
  std::vector<std::string> MessagesOf(Incarnation job, Topic topic);

 private:
  friend class SimLog;
  struct Entry {
    LogMessage message;
    int64_t landed_ms = 0;
  };
  struct Messages {
    uint64_t life = 0;  // of the topic; 0: it was never made
    int64_t first = 0;
    std::vector<Entry> kept;
    bool is_closed = false;
    int64_t end() const { return first + static_cast<int64_t>(kept.size()); }
  };
  using Topics = std::array<Messages, kTopics>;
  struct Listener {
    Incarnation job;
    LogLink* link = nullptr;
    std::shared_ptr<const std::function<void()>> ready;
  };

  Messages& At(Incarnation job, Topic topic) { return jobs_[job].at(static_cast<size_t>(topic)); }
  void Wake(const Listener& listener);

  const Clock* clock_;
  std::mutex mutex_;  // guards what follows
  std::map<Incarnation, Topics> jobs_;
  std::list<std::shared_ptr<Listener>> listeners_;
  uint64_t lives_ = 0;
};

class SimLog final : public Log {
 public:
  SimLog(Broker* broker, Incarnation job, LogLink* link);
  ~SimLog() override;
  SimLog(const SimLog&) = delete;
  SimLog& operator=(const SimLog&) = delete;

  Status Create() override;
  Status Append(Topic topic, std::string bytes) override;
  Result<std::pair<int64_t, int64_t>> Range(Topic topic) override;
  Result<std::unique_ptr<LogReader>> Read(Topic topic, int64_t from) override;
  Status Close() override;
  void OnReady(std::function<void()> ready) override;

 private:
  class Reader;
  Status Check(Topic topic);

  Broker* broker_;
  Incarnation job_;
  LogLink* link_;
  std::shared_ptr<Broker::Listener> listener_;
};

}  // namespace minke::sim
