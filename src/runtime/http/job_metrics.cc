#include "runtime/http/job_metrics.h"

#include <string>
#include <utility>

#include "base/machine.h"

namespace minke {
namespace {

using Kind = MetricFamily::Kind;
using Labels = std::vector<std::pair<std::string, std::string>>;

class Families {
 public:
  void Add(const char* name, const char* help, double value, Kind kind = Kind::kGauge) {
    Begin(name, help, kind);
    AddSample({}, value);
  }
  void Begin(const char* name, const char* help, Kind kind = Kind::kGauge) {
    all_.push_back({name, help, kind, {}});
  }
  // Of the family begun last.
  void AddSample(Labels labels, double value) {
    all_.back().samples.push_back({std::move(labels), value});
  }
  std::vector<MetricFamily> Take() { return std::move(all_); }

 private:
  std::vector<MetricFamily> all_;
};

double Number(uint64_t number) { return static_cast<double>(number); }

void AddTasks(Families& families, const JobView& view) {
  families.Begin("minke_tasks", "Tasks by kind and by what became of them.");
  for (const PhaseView& phase : view.phases) {
    const std::string kind = NameOf(phase.kind);
    families.AddSample({{"kind", kind}, {"state", "waiting"}}, phase.waiting);
    families.AddSample({{"kind", kind}, {"state", "running"}}, phase.running);
    families.AddSample({{"kind", kind}, {"state", "done"}}, phase.done);
  }
  families.Add("minke_attempts_total", "Attempts ever assigned.", Number(view.attempts),
               Kind::kCounter);
  families.Add("minke_failed_attempts_total", "Attempts that failed.", Number(view.failures),
               Kind::kCounter);
  families.Add("minke_lost_attempts_total", "Attempts and outputs that were lost.",
               Number(view.losses), Kind::kCounter);
}

void AddWorkers(Families& families, const JobView& view) {
  families.Begin("minke_workers", "Workers by role and by what they are at.");
  for (const auto& [role, counts] : view.workers) {
    const std::string name = RoleName(role);
    families.AddSample({{"role", name}, {"state", "waiting"}}, counts.waiting);
    families.AddSample({{"role", name}, {"state", "working"}}, counts.working);
    families.AddSample({{"role", name}, {"state", "finished"}}, counts.finished);
    families.AddSample({{"role", name}, {"state", "lost"}}, counts.lost);
  }
  families.Add("minke_quarantined_workers", "Workers that get work only where nobody else does.",
               Number(view.workers_quarantined));
}

// All that winners have reported: it may shrink, where an output is lost.
void AddRecords(Families& families, const JobView& view) {
  families.Add("minke_input_bytes", "Size of the whole input.", Number(view.input_bytes));
  families.Add("minke_read_records", "Input records read.", Number(view.records_in));
  families.Add("minke_read_bytes", "Input bytes read.", Number(view.bytes_in));
  families.Add("minke_shuffled_records", "Records that map tasks left for reduce tasks.",
               Number(view.shuffled_records));
  families.Add("minke_shuffled_bytes", "Their bytes.", Number(view.shuffled_bytes));
  families.Add("minke_output_records", "Records put out.", Number(view.output_records));
  families.Add("minke_output_bytes", "Their bytes.", Number(view.output_bytes));
  families.Add("minke_spilled_bytes", "Bytes that tasks spilled to disk.",
               Number(view.spilled_bytes));
  families.Add("minke_skipped_records", "Bad records and groups that were skipped.",
               Number(view.skipped));
  families.Add("minke_task_cpu_seconds", "CPU time of the winning attempts.",
               Number(view.cpu_us) / 1e6);
  families.Begin("minke_job_counter", "Counters of the job and of minke, by name.");
  for (const auto& [name, value] : view.counters) {
    families.AddSample({{"name", name}}, Number(value));
  }
}

void AddMaster(Families& families, const JobView& view, const MasterCounts& counts) {
  families.Add("minke_journal_messages_total", "Messages of the journal that this master has read.",
               Number(counts.journal_messages), Kind::kCounter);
  families.Add("minke_journal_bytes_total", "Their bytes.", Number(counts.journal_bytes),
               Kind::kCounter);
  families.Begin("minke_gate_answers_total", "Answers of the gate, by role and status.",
                 Kind::kCounter);
  for (const auto& [which, value] : counts.gate_answers) {
    families.AddSample({{"role", which.first}, {"status", std::to_string(which.second)}},
                       Number(value));
  }
  families.Add("minke_master_uptime_seconds", "Since this master began.",
               static_cast<double>(view.elapsed_ms) / 1e3);
  const ProcessUse use = ThisProcessUse();
  families.Add("process_cpu_seconds_total", "CPU time of this process.", Number(use.cpu_us) / 1e6,
               Kind::kCounter);
  families.Add("process_resident_memory_max_bytes", "Its largest resident memory.",
               Number(use.peak_bytes));
}

}  // namespace

std::vector<MetricFamily> JobMetrics(const JobView& view, const MasterCounts& counts) {
  Families families;
  families.Begin("minke_job_info", "The job: its name, incarnation, and what it is at.");
  families.AddSample(
      {{"job", view.name}, {"incarnation", view.incarnation.Hex()}, {"state", view.state}}, 1);
  AddTasks(families, view);
  AddWorkers(families, view);
  AddRecords(families, view);
  AddMaster(families, view, counts);
  return families.Take();
}

}  // namespace minke
