// Faults from a seed: which kinds a run meets, and when. After them it is calm, and the run must
// end.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cluster.h"
#include "random.h"

namespace minke::sim {

class Storm {
 public:
  // Draws the kinds of faults; the cluster outlives the storm.
  Storm(Cluster* cluster, Random random);

  // Faults, until the job has ended or that moment.
  void Blow(int64_t until_ms);
  // No fault any more: whoever is stopped goes on, everybody reaches everything.
  void Calm();

 private:
  using Fault = void (Storm::*)();

  void SetWeather(uint64_t density);
  void Kill();
  void StopForAWhile();
  void CutOff();
  void StartMaster();
  void StartWorker();
  void TellToStop();
  void StoreAway();
  void LogAway();
  void Lag();
  void LoseBlock();
  void LoseReport();
  void MakeTopicAnew();
  void TrimHeartbeats();
  void RepeatMessage();
  void PauseAndResume();
  Process* AnyProcess();
  int64_t AWhile();
  void Later(int64_t ms, std::function<void()> end);
  bool MayHarm() const;

  Cluster& cluster_;
  Random random_;
  std::vector<Fault> faults_;
  int64_t pause_ms_max_ = 1;  // between two faults
  uint64_t requests_ = 0;
  bool is_calm_ = false;
};

// One run from a seed, start to end. What broke a law, one line each.
struct RunResult {
  std::vector<std::string> violations;
  int64_t ended_ms = 0;  // virtual
  uint64_t commits = 0, outputs_lost = 0, masters = 0, workers = 0;
};
struct RunTrace {
  std::function<void(const std::string& line)> sink;  // none: nobody reads it
  bool has_calls = false;                             // with calls to the store
};
RunResult RunSeed(uint64_t seed, const RunTrace& trace);

}  // namespace minke::sim
