// One job, run as it is on a cluster but in this process: master, worker and slots over a log in
// files and any store, which come and go as the test says.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

#include "adapter/file_log.h"
#include "port/store.h"
#include "runtime/master.h"
#include "runtime/prepare.h"
#include "runtime/slot_pool.h"
#include "runtime/supervisor.h"
#include "runtime/waker.h"
#include "runtime/worker.h"

namespace minke {

class TestClock final : public Clock {
 public:
  int64_t NowMs() const override { return now_ms_; }
  int64_t UnixMs() const override { return 1'700'000'000'000 + now_ms_; }
  void Advance(int64_t ms) { now_ms_ += ms; }

 private:
  std::atomic<int64_t> now_ms_{1};
};

// What a journal says, in short.
struct History {
  std::vector<TaskId> committed;
  std::set<TaskId> assigned_though_committed;
  int claims = 0;
  int outputs_lost = 0;
};

class LocalRun {
 public:
  static constexpr uint32_t kSlots = 2;
  using OpenStore = std::function<std::unique_ptr<Store>()>;

  // Logs lie in the folder. `name` is the job's.
  LocalRun(std::string folder, RunRequest request, OpenStore open_store, std::string name = "job");
  ~LocalRun() { KillAll(); }
  LocalRun(const LocalRun&) = delete;
  LocalRun& operator=(const LocalRun&) = delete;

  // Starts whatever is not there and goes on until the master exits, or `stop` says so.
  std::optional<int> Go(const std::function<bool(const Job&)>& stop);
  int ToTheEnd() {
    return Go([](const Job&) { return false; }).value_or(-1);
  }
  // Calls `kill` whenever so many more tasks are committed, and goes on, to the job's end, which is
  // to be well. Returns how often.
  int Live(size_t tasks, const std::function<void()>& kill);

  void KillMaster() { master_.reset(); }
  void KillWorker();
  void KillAll();

  History Read();
  int64_t JournalEnd();  // 0 as long as there is none
  std::string LogFolder() const;
  RunRequest& request() { return request_; }
  Store& store() { return *store_; }

 private:
  void Reopen();
  std::unique_ptr<FileLog> OpenLog();
  // The exit code, where there is nothing to be run.
  std::optional<int> Prepare();
  void StartMaster();
  void StartWorker();

  std::string folder_;
  RunRequest request_;
  OpenStore open_store_;
  std::string name_;
  SharedPages pages_{kSlots};
  TestClock clock_;
  Waker waker_;
  uint64_t ids_ = static_cast<uint64_t>(getpid()) << 20;  // of masters and workers: used once
  Incarnation incarnation_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<PreparedRun> run_;
  std::unique_ptr<FileLog> worker_log_;
  std::unique_ptr<Master> master_;
  std::unique_ptr<SlotPool> slots_;
  std::unique_ptr<Worker> worker_;
};

}  // namespace minke
