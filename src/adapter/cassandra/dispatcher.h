// Sends requests to Cassandra until they are answered: bounded bytes at once, again with back-off
// after whatever may pass, up to a deadline. All requests are idempotent, or find out themselves
// what became of them.
//
// It hides the driver's threads, which only drop into its mailbox. It has no thread of its own:
// whoever waits here empties the mailbox and sends again what is due, for all. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "adapter/cassandra/backoff.h"
#include "adapter/cassandra/cql_session.h"
#include "adapter/cassandra/request_window.h"
#include "port/clock.h"

namespace minke {

// What has been done and is under way, for metrics.
struct CassandraLoad {
  size_t in_flight_bytes = 0;  // written, not yet acknowledged
  size_t window_bytes = 0;     // its bound at present
  uint64_t requests = 0;       // that were sent, retries among them
  uint64_t retries = 0;
};

class Dispatcher {
 public:
  // One request from Start to Wait. Its answer is there once it is done.
  struct Call;
  using CallPtr = std::shared_ptr<Call>;

  Dispatcher(std::unique_ptr<CqlSession> session, const CassandraOptions& options, Clock* clock);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  // Sends it. bytes > 0: waits for room in the window first, and takes that much of it until done;
  // kUnavailable if there is none by the deadline.
  Result<CallPtr> Start(CqlRequest request, size_t bytes, std::string page = {});
  // The answer, once; with its own code where a retry would not help.
  Result<CqlResult> Wait(const CallPtr& call);
  // Nobody waits for it any more: it is not sent again.
  void Forget(const CallPtr& call);
  bool is_done(const CallPtr& call) const;

  // Start, not counted, and Wait.
  Result<CqlResult> Execute(CqlRequest request, std::string page = {});
  // Sends it once. kUnavailable: outcome unknown.
  Result<CqlResult> ExecuteOnce(CqlRequest request);

  // Blocking, and repeated like requests.
  Result<CqlStatement> Prepare(const std::string& cql, Consistency consistency);
  Status ChangeSchema(const std::string& cql);

  // Calls `attempt` until it does not say kUnavailable, or the deadline is over; says the last.
  Status Repeat(const std::function<Status()>& attempt);

  CassandraLoad load() const;

 private:
  struct Completion {
    uint64_t id = 0;
    CqlOutcome<CqlResult> outcome;
    int64_t at_ms = 0;
  };
  using Lock = std::unique_lock<std::mutex>;

  static void Drop(void* self, uint64_t id, CqlOutcome<CqlResult> outcome);
  Result<CqlResult> Finish(const CallPtr& call);
  void EmptyMailbox();
  void Take(Completion completion);
  void End(Call& call, Result<CqlResult> answer);
  // Sends what is due, without the lock meanwhile.
  void SendDue(Lock& lock);
  // Waits until something came or is due, or it is until_ms.
  void Sleep(Lock& lock, int64_t until_ms);

  std::unique_ptr<CqlSession> session_;
  const int64_t deadline_ms_;
  const int64_t request_timeout_ms_;
  Clock* clock_;
  mutable std::mutex mutex_;  // guards all below, and what is in a Call
  std::condition_variable changed_;
  std::vector<Completion> mailbox_;
  std::map<uint64_t, CallPtr> under_way_;       // by id of the request that was sent
  std::multimap<int64_t, CallPtr> to_be_sent_;  // by when
  RequestWindow window_;
  CassandraLoad load_;
  uint64_t next_id_ = 1;
};

}  // namespace minke
