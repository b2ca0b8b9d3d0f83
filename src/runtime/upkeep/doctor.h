// Whether log, store and this machine will do for jobs: each is tried in earnest, with a job of its
// own that leaves nothing behind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "port/clock.h"
#include "port/store.h"
#include "runtime/upkeep/rerun.h"

namespace minke {

// What a store says of itself.
struct StoreFacts {
  std::string version;
  uint32_t nodes = 0;
  int64_t unix_ms = 0;  // its clock
};

struct DoctorPorts {
  std::function<Result<StoreFacts>()> look_at_store;
  std::function<Result<std::unique_ptr<Store>>()> open_store;
  JobLogs logs;
  const Clock* clock = nullptr;
  std::string spill_folder = "/tmp";
};

struct Finding {
  enum class Grade : uint8_t { kGood, kWarning, kBad };
  std::string subject;  // "Kafka: topics"
  Grade grade = Grade::kGood;
  std::string text;                       // what was found and, if it is not good, what to do
  ErrorCode code = ErrorCode::kInternal;  // kBad
};

// `on_finding` is called with each as it is made.
void Diagnose(const DoctorPorts& ports, const std::function<void(const Finding&)>& on_finding);

}  // namespace minke
