// The laws of a run, checked apart from it while it goes on: the judge sees what lands in the log
// and in the store, which attempts begin and what is published, and keeps its own account of all
// that.
//
// Laws: every record that counts can follow those before it, and is what any replay reads; an
// attempt id is assigned and begun once; one winner per task, whose report is stored; a committed
// task runs again only if its rows were lost; a row goes from open to accepted to finished, each
// once the journal says so; what is stored under a name does not change; output is published only
// when that was decided, out of winners, with their counters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ids.h"
#include "control/job.h"
#include "control/job_view.h"
#include "control/journal.h"
#include "loop.h"
#include "port/log.h"
#include "port/store.h"

#include "proto/minke.pb.h"

namespace minke::sim {

class Judge {
 public:
  // The trace outlives the judge. `counters`: what the job's must be at its end.
  Judge(Trace* trace, std::map<std::string, uint64_t> counters);

  // ---- what happens
  void OnLanded(Incarnation job, Topic topic, const LogMessage& message);
  void OnBlock(Incarnation job, const std::string& name, Bytes block, const std::string* before);
  void OnRow(const JobRow& row);
  void OnBegun(Incarnation job, AttemptId attempt, TaskId task);
  void OnHarmed(Incarnation job, AttemptId attempt);  // rows of it are lost
  void OnReportLost(Incarnation job, AttemptId attempt);
  void OnPublish(const JobView& view);
  void OnPublished(Incarnation job);
  // As a master sees the job whose journal it has read so far.
  void OnMaster(Incarnation job, int64_t read_to, const Job& seen);
  void Violation(const std::string& text);

  // The journal read anew gives the same.
  void CheckReplay(Incarnation job, const std::vector<std::string>& journal);

  const std::vector<std::string>& violations() const { return violations_; }
  // The job as the journal says; nullptr before anything has landed.
  const Job* JobOf(Incarnation job) const;
  bool HasBegun(Incarnation job, AttemptId attempt) const;
  std::vector<AttemptId> WinnersOf(Incarnation job) const;
  uint64_t commits() const { return commits_; }
  uint64_t outputs_lost() const { return outputs_lost_; }
  uint64_t losses() const { return losses_; }  // of attempts

 private:
  // One incarnation.
  struct Life {
    // Our own reading of the laws of epochs, beside the one of minke.
    int64_t end = 0;
    std::set<uint64_t> claims;
    std::optional<uint64_t> epoch;
    uint64_t sequence = 0;
    JournalReader reader;
    Job job;
    bool is_broken = false;  // and the job of no use
    std::map<AttemptId, TaskId> assigned;
    std::map<TaskId, AttemptId> winners;
    std::map<uint32_t, uint32_t> open;  // step → its kind
    std::set<AttemptId> over;           // failed or cancelled
    std::set<AttemptId> begun;
    std::set<AttemptId> reported;
    std::set<AttemptId> harmed, reports_lost;
    std::vector<uint32_t> steps;  // tasks of each
    std::set<std::string> tables;
    bool is_decided = false, is_published = false, is_finished = false;
  };

  bool Counts(Life& life, int64_t offset, const proto::JournalMessage& message);
  void CheckDone(const Life& life, const std::string& bytes);
  void TakeRecord(Life& life, const proto::JournalRecord& record);
  void TakeAssigned(Life& life, const proto::AttemptAssigned& assigned);
  void TakeCommitted(Life& life, AttemptId attempt);
  void TakeLostOutput(Life& life, const proto::OutputLost& lost);
  void TakePhase(Life& life, const proto::PhaseOpened& opened);
  bool IsComplete(const Life& life, uint32_t step) const;
  void CheckCounters(const Life& life, const JobView& view);

  Trace* trace_;
  std::map<std::string, uint64_t> counters_;
  std::map<Incarnation, std::unique_ptr<Life>> lives_;
  std::optional<JobRow> row_;
  std::vector<std::string> violations_;
  uint64_t commits_ = 0;
  uint64_t outputs_lost_ = 0;
  uint64_t losses_ = 0;
};

}  // namespace minke::sim
