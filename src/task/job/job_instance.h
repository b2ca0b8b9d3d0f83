// One instance of the user's job, for one attempt: opens it, offers it the host's services, calls
// its functions, and turns their failures into errors. Owned and used by the attempt's thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include <minke/abi.h>

#include "base/result.h"
#include "task/attempt.h"
#include "task/job/emitter.h"
#include "task/slot.h"

#include "proto/minke.pb.h"

namespace minke {

// Counters of one job, at most.
inline constexpr size_t kCountersMax = 1000;

class JobInstance {
 public:
  // Where a declared side output's pairs go; made at its first use.
  using OutputFactory = std::function<Result<Emitter::Sink>(const minke_output& output)>;

  static Result<std::unique_ptr<JobInstance>> Open(const JobContext& context, Slot* slot,
                                                   OutputFactory outputs);
  ~JobInstance();
  JobInstance(const JobInstance&) = delete;
  JobInstance& operator=(const JobInstance&) = delete;

  Status Map(const minke_batch& batch, Emitter& emitter);
  Status MapEnd(Emitter& emitter);
  Status Reduce(minke_groups& groups, Emitter& emitter);
  Status ReduceEnd(Emitter& emitter);
  Status Combine(minke_groups& groups, Emitter& emitter);
  // As an Emitter's, for side outputs and counters: from Hold on, what user code does to them
  // counts at Release, and Discard drops it. Release also hands over what is left in the side
  // outputs.
  void Hold() { is_holding_ = true; }
  Status Release();
  void Discard();

  void* self() const { return self_; }
  void AddCounters(proto::Report& report) const;

 private:
  JobInstance(const JobContext& context, Slot* slot, OutputFactory outputs);
  Status Called(int result, const minke_error& error, const char* function, Emitter& emitter);
  template <typename Function>
  Status Call(const char* function, Emitter& emitter, Function call);
  static uint64_t* Counter(void* context, const char* name, size_t size);
  static minke_emitter* Output(void* context, const char* name, size_t size);
  static minke_bytes SideFile(void* context, const char* name, size_t size);

  struct CounterState {
    uint64_t value = 0;
    uint64_t released = 0;
  };

  const JobContext& context_;
  Slot* slot_;
  OutputFactory outputs_factory_;
  minke_host host_{};
  void* self_ = nullptr;
  bool is_holding_ = false;
  std::map<std::string, CounterState, std::less<>> counters_;
  std::map<std::string, std::unique_ptr<Emitter>, std::less<>> outputs_;
  Status failure_;  // of a service, reported when the call returns
};

}  // namespace minke
