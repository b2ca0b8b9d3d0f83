#include "runtime/upkeep/doctor.h"

#include <cstdlib>
#include <fmt/format.h>
#include <sys/resource.h>
#include <utility>

#include "adapter/http/http.h"
#include "base/machine.h"
#include "runtime/journal/journal_fold.h"

namespace minke {
namespace {

constexpr int64_t kSkewMs = 2'000;
constexpr int64_t kReadBackMs = 30'000;
constexpr uint64_t kFilesWanted = 4'096;
constexpr uint64_t kMemoryWanted = uint64_t{512} << 20;
constexpr uint64_t kSpillWanted = uint64_t{1} << 30;

class Doctor {
 public:
  Doctor(const DoctorPorts& ports, const std::function<void(const Finding&)>& on_finding)
      : ports_(ports), on_finding_(on_finding) {}

  void Run() {
    LookAtMachine();
    LookAtStore();
    Tell("Kafka", TryLog());
  }

 private:
  void Good(const char* subject, const std::string& text) {
    on_finding_({subject, Finding::Grade::kGood, text});
  }
  void Warn(const char* subject, const std::string& text) {
    on_finding_({subject, Finding::Grade::kWarning, text});
  }
  void Bad(const char* subject, const Error& error) {
    on_finding_({subject, Finding::Grade::kBad, error.text, error.code});
  }
  void Tell(const char* subject, const Result<std::string>& found) {
    if (found) {
      Good(subject, *found);
    } else {
      Bad(subject, found.error());
    }
  }
  // Whether so much is there; else what to do about it.
  void Measure(const char* subject, uint64_t there, uint64_t wanted, const std::string& advice) {
    if (there >= wanted) return Good(subject, SizeText(there));
    Warn(subject,
         fmt::format("{}, and {} are better: {}", SizeText(there), SizeText(wanted), advice));
  }

  void LookAtMachine() {
    const auto http = LoadHttpLibrary();
    Tell("HTTP", http ? Result<std::string>("can be used") : Result<std::string>(http.error()));
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    Measure("open files", files.rlim_cur, kFilesWanted, "raise it, as with ulimit -n");
    Measure("memory", UsableMemoryBytes(), kMemoryWanted,
            "raise the limit of the container, or lower --memory");
    const auto spill = FreeBytes(ports_.spill_folder);
    if (!spill) return Bad("spill folder", spill.error());
    Measure("spill folder", *spill, kSpillWanted, "name a larger one with --spill");
  }

  void LookAtStore() {
    const auto facts = ports_.look_at_store();
    if (!facts) return Bad("Cassandra", facts.error());
    Good("Cassandra", fmt::format("{} on {} {}", facts->version, facts->nodes,
                                  facts->nodes == 1 ? "node" : "nodes"));
    LookAtClock("Cassandra's clock", facts->unix_ms);
    auto store = ports_.open_store();
    if (!store) return Bad("Cassandra's tables", store.error());
    Tell("Cassandra's tables", TryStore(**store));
  }

  void LookAtClock(const char* subject, int64_t unix_ms) {
    const int64_t skew_ms = unix_ms - ports_.clock->UnixMs();
    if (std::abs(skew_ms) <= kSkewMs) return Good(subject, "as here");
    Warn(subject, fmt::format("{:.1f} s off ours: let NTP set both; ages of jobs and times shown "
                              "depend on it",
                              static_cast<double>(skew_ms) / 1e3));
  }

  // Every kind of statement that a job needs.
  Result<std::string> TryStore(Store& store) const {
    const Incarnation probe = FreshIncarnation();
    const std::string name = fmt::format("probe {}", probe.Hex());
    // Never matches, so that nothing is set.
    const JobRow none{probe, 1, JobState::kOpen, 0};
    MINKE_TRY(store.CompareAndSetJob(name, none, none));
    MINKE_TRY_STATUS(store.MakeShuffleTable(probe, "probe", {.max_age_ms = 3'600'000}));
    MINKE_TRY_STATUS(store.PutBlock(probe, "probe", "probe"));
    const std::string back = MINKE_TRY(store.GetBlock(probe, "probe"));
    MINKE_TRY_STATUS(store.DropShuffleTable(probe, "probe"));
    MINKE_TRY_STATUS(store.DropJob(probe));
    if (back == "probe") return std::string("can be read, written, made and dropped");
    return Error{ErrorCode::kCorruption, "a block came back other than it was written"};
  }

  // Topics are made, written, read back, and removed.
  Result<std::string> TryLog() {
    const Incarnation probe = FreshIncarnation();
    const auto log = MINKE_TRY(ports_.logs.open(probe));
    auto found = TryLog(*log);
    const Status removed = ports_.logs.remove(probe);
    if (found && !removed) return removed.error();
    return found;
  }

  Result<std::string> TryLog(Log& log) {
    MINKE_TRY_STATUS(log.Create());
    const auto tail = MINKE_TRY(JournalTail::Open(&log, 0));
    const int64_t begin_ms = ports_.clock->NowMs();
    const int64_t until_ms = begin_ms + kReadBackMs;
    MINKE_TRY_STATUS(log.Append(Topic::kJournal, "probe"));
    // It may be woken before the message is there.
    for (int64_t now_ms = begin_ms; now_ms <= until_ms; now_ms = ports_.clock->NowMs()) {
      const auto messages = MINKE_TRY(tail->Next(until_ms - now_ms + 1));
      if (messages.empty()) continue;
      LookAtClock("Kafka's clock", messages.front().append_unix_ms);
      return fmt::format(
          "topics can be made, written, read and removed; a message comes back "
          "within {} ms",
          ports_.clock->NowMs() - begin_ms);
    }
    return Error{ErrorCode::kUnavailable, "a message that was written does not come back"};
  }

  const DoctorPorts& ports_;
  const std::function<void(const Finding&)>& on_finding_;
};

}  // namespace

void Diagnose(const DoctorPorts& ports, const std::function<void(const Finding&)>& on_finding) {
  Doctor(ports, on_finding).Run();
}

}  // namespace minke
