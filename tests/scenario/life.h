// One incarnation's life: its journal, inbox and heartbeats, and the rows of its attempts.
//
// It tells what lands (Teller), folds the journal as it lands, and judges it: what breaks a law
// that holds in every history is a violation.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "control/job.h"
#include "control/journal.h"

#include "proto/minke.pb.h"

namespace minke {

enum class Topic : uint8_t { kJournal, kInbox };

// Where lines go, and who is who in them.
struct Teller {
  std::function<void(const std::string&)> trace;
  std::map<WorkerId, std::string> workers;
  std::map<uint64_t, std::string> masters;  // by uuid
  int64_t now_ms = 0, told_ms = 0;
  size_t violations = 0;

  void Say(const std::string& text);
  void Violation(const std::string& text);  // "!! …"
  std::string NameOf(WorkerId id) const;
};

class Life {
 public:
  Life(Teller* teller, size_t message_bytes_max)
      : teller_(teller), message_bytes_max_(message_bytes_max) {}

  void Put(Topic topic, const std::string& bytes);
  const std::vector<std::string>& messages(Topic topic) const {
    return topic == Topic::kJournal ? journal_ : inbox_;
  }
  void Erase(Topic topic);  // deleted, and there again, empty
  const Job& truth() const { return job_; }
  std::string TaskName(uint32_t step, uint32_t index) const;

  std::vector<std::string> heartbeats;
  // Rows.
  std::map<AttemptId, proto::Report> reports;
  std::map<AttemptId, proto::Report> preset;                     // what attempts will report
  std::map<std::pair<uint32_t, uint32_t>, std::string> winners;  // number, partition
  std::set<uint64_t> manifests;                                  // checksums
  std::set<AttemptId> ended_well, dropped, lost_outputs;

 private:
  void TellMessage();
  void TellFacts();
  void Judge(const proto::JournalRecord& record, int64_t offset);
  std::string Describe(const proto::JournalRecord& record, uint64_t epoch);
  std::string DescribeAssigned(const proto::AttemptAssigned& to, uint64_t epoch);
  std::string DescribeWhole(const proto::JournalRecord& record) const;
  std::string Describe(const proto::Fact& fact) const;

  Teller* teller_;
  size_t message_bytes_max_;
  std::vector<std::string> journal_, inbox_;
  JournalReader reader_;
  Job job_;
  bool is_broken_ = false;
  std::map<std::pair<uint64_t, uint32_t>, WorkerId> numbered_;  // epoch, short number
  std::set<AttemptId> assigned_;
};

}  // namespace minke
