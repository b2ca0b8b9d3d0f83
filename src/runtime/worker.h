// The worker: pumps the journal into the WorkerBrain and runs the attempts that it starts in a pool
// of slots.
//
// RunOnce is the loop's body and never blocks. The same class serves `minke run`, a pod, and the
// simulator. One control thread; slot threads only run attempts.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/worker_brain.h"
#include "port/clock.h"
#include "port/log.h"
#include "port/store.h"
#include "runtime/effect_queue.h"
#include "runtime/slot_pool.h"
#include "task/attempt.h"

namespace minke {

struct WorkerPorts {
  Log* log = nullptr;  // of the job that the gate has named
  Store* store = nullptr;
  const Clock* clock = nullptr;
  int64_t service_timeout_ms = 600'000;  // a service that is away longer ends the worker with 75
};

class Worker {
 public:
  // `gate` is an open gate's answer; `context` and `slots` outlive the worker.
  Worker(WorkerPorts ports, const JobContext* context, SlotPool* slots, WorkerOptions options,
         const GateAnswer& gate);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // False: nothing happened, and nothing will until log or slots are ready, or wake_at_ms.
  bool RunOnce();
  int64_t wake_at_ms() const;
  // SIGTERM: stops taking work, says so, and ends.
  void Stop() { brain_.Stop(); }
  // Set once the brain has said its last word; attempts may still run until cancelled.
  const std::optional<ExitWorker>& exit() const { return exit_; }

 private:
  bool TakeLog(int64_t now_ms);
  bool TakeEnded();
  void Enqueue(std::vector<WorkerEffect> effects);
  std::vector<proto::AttemptProgress> Progress() const;
  Status Carry(WorkerEffect& effect);
  Status Do(ReadJournal& effect);
  Status Do(AppendInbox& effect);
  Status Do(AppendHeartbeat& effect);
  Status Do(StartAttempt& effect);
  Status Do(CancelAttempt& effect);
  Status Do(DropOutput& effect);
  Status Do(ExitWorker& effect);
  Status Append(Topic topic, std::string bytes);
  Status Start(const StartAttempt& start);
  Result<std::vector<std::string>> Splitters(uint64_t checksum);

  WorkerPorts ports_;
  const JobContext* context_;
  SlotPool* slots_;
  WorkerBrain brain_;
  EffectQueue<WorkerEffect> effects_;
  EffectQueue<StartAttempt> starts_;  // may wait for the store, and only each other for them
  Patience log_patience_;
  std::unique_ptr<LogReader> journal_;
  std::map<uint64_t, std::vector<std::string>> splitters_;  // read so far, by checksum
  std::optional<ExitWorker> exit_;
};

}  // namespace minke
