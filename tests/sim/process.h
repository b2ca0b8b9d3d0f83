// A simulated process: what runs in it runs on fibers, lets virtual time pass by Sleep, and can be
// killed, stopped and continued at any of its calls to the world.
//
// A dead process is run to the end of its calls at once, and none of them does anything: its links
// answer that it is dead. So everything it holds is destroyed as usual.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fiber.h"
#include "loop.h"
#include "random.h"
#include "sim_log.h"
#include "sim_store.h"

namespace minke::sim {

// What the services and machines are like at present; chances per mille and call.
struct Weather {
  uint32_t append_lost = 0, append_twice = 0, append_late = 0, append_refused = 0;
  int64_t append_ms_max = 0;       // what an append takes
  int64_t append_late_ms_max = 1;  // … when it is late
  uint32_t store_refused = 0, store_unanswered = 0, store_late = 0;
  uint32_t scan_misses = 0;  // a block
  int64_t store_ms_max = 0;
  int64_t store_late_ms_max = 1;
  uint32_t dies = 0;           // per million: a process is killed just before or behind the call
  uint32_t user_code = 0;      // an attempt fails by user code
  uint32_t publish_fails = 0;  // is carried out, and not answered
  bool is_log_away = false, is_store_away = false;
};

// What the processes of one simulation share.
struct Machinery {
  Loop loop;
  Trace trace{&loop};
  Weather weather;
  bool has_calls = false;  // the trace shows calls to the store
};

class Process : public LogLink, public StoreLink {
 public:
  Process(Machinery* machinery, std::string name, Random random);
  ~Process() override = default;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // ---- from outside
  void Start();
  void Kill();
  void SetStopped(bool is_stopped);  // SIGSTOP, SIGCONT
  bool is_stopped() const { return is_stopped_; }
  bool is_alive() const { return is_alive_; }
  // Nothing of it runs any more.
  bool is_gone() const { return is_gone_; }
  std::optional<int> exit_code() const { return exit_code_; }  // nothing: it was killed
  const std::string& name() const { return name_; }
  bool is_cut_from_log = false;
  bool is_cut_from_store = false;
  int64_t lag = 0;        // after which it sees messages, ms
  uint32_t slowness = 1;  // of its attempts

  // ---- from within
  // Lets time pass; a dead process comes back at once.
  void Sleep(int64_t ms);
  // The same, until then or until Ready was called since the last time.
  void WaitUntil(int64_t loop_ms);
  void Ready();
  // The process whose fiber runs.
  static Process* current();
  Random& random() { return random_; }
  Machinery& machinery() { return *machinery_; }
  const MachineClock& clock() const { return clock_; }
  void Say(const std::string& what) { machinery_->trace.Say(name_, what); }

  // ---- its links
  bool Reaches() override;
  AppendFate FateOf(Topic topic) override;
  int64_t lag_ms() override { return lag; }
  StoreFate FateOf(const std::string& call) override;
  bool Returns() override;
  int64_t late_ms() override;
  bool Misses() override { return random_.Chance(machinery_->weather.scan_misses); }

 protected:
  // The control thread; returns the exit code.
  virtual int Main() = 0;
  // Everything has ended: gives back what it holds.
  virtual void Bury() {}
  void Spawn(std::function<void()> body);

 private:
  struct Strand {
    std::unique_ptr<Fiber> fiber;
    uint64_t ticket = 0;  // of its present wait
  };
  using Wait = std::pair<uint64_t, uint64_t>;  // strand, ticket

  void Resume(Wait wait);
  Wait Suspended() const;
  void Reap();
  StoreFate DrawFate();
  bool Lives();  // false: it is dead, perhaps just now

  Machinery* machinery_;
  std::string name_;
  Random random_;
  MachineClock clock_;
  std::map<uint64_t, Strand> strands_;
  uint64_t strand_count_ = 0;
  uint64_t running_ = 0;  // strand
  std::vector<Wait> deferred_;
  std::optional<Wait> waiting_;  // in WaitUntil
  bool is_ready_ = false;
  bool is_alive_ = true;
  bool is_stopped_ = false;
  bool is_gone_ = false;
  bool is_reaping_ = false;
  std::optional<int> exit_code_;
  uint64_t calls_when_dead_ = 0;
};

}  // namespace minke::sim
