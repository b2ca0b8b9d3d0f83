// The task that user code runs in: counters, log, progress, side outputs, side files, arguments.
// Part of <minke/job.h>. One per attempt; used by the attempt's thread.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include <minke/arguments.h>
#include <minke/emit.h>

namespace minke {

// Adds to a counter of the job. Counters are summed over the attempts that won, so a retry never
// counts twice. Valid as long as the task.
class Counter {
 public:
  Counter() = default;  // assign before use, from task.counter(name)
  explicit Counter(uint64_t* value) : value_(value) {}
  void Add(uint64_t amount) { *value_ += amount; }
  void operator++() { ++*value_; }

 private:
  uint64_t* value_ = nullptr;
};

// Emits into a side output that the job declared. Valid as long as the task.
template <class K, class V = None>
class SideOutput {
 public:
  explicit SideOutput(minke_emitter* emitter) : emitter_(emitter) {}
  void operator()(const K& key)
    requires std::is_same_v<V, None>
  {
    Emit<K, V>{emitter_}(key);
  }
  void operator()(const K& key, const V& value) { Emit<K, V>{emitter_}(key, value); }

 private:
  minke_emitter* emitter_;
};

class Task {
 public:
  Task(const minke_host* host, const minke_job* job, const Arguments* arguments)
      : host_(host), job_(job), arguments_(arguments) {}

  const Arguments& arguments() const { return *arguments_; }

  // Look a counter up once (in Begin), not per record. Throws past 1,000 names.
  Counter counter(std::string_view name) {
    uint64_t* value = host_->counter(host_->context, name.data(), name.size());
    if (value != nullptr) return Counter(value);
    throw std::runtime_error("no counter '" + std::string(name) +
                             "' can be added: a job has at most 1000");
  }

  // The side output declared with .Output<K, V>(name); throws if there is none of that name and
  // types.
  template <class K, class V = None>
  SideOutput<K, V> output(std::string_view name) {
    internal::CheckPairTypes<K, V>();
    for (size_t i = 0; i < job_->output_count; ++i) {
      const minke_output& output = job_->outputs[i];
      if (name != output.name) continue;
      if (output.key != internal::TypeOf<K>::kType || output.value != internal::TypeOf<V>::kType) {
        throw std::invalid_argument("the side output '" + std::string(name) +
                                    "' was declared with other types; use the same K and V in "
                                    ".Output<K, V>() and in task.output<K, V>()");
      }
      if (minke_emitter* emitter = host_->output(host_->context, name.data(), name.size())) {
        return SideOutput<K, V>(emitter);
      }
      throw std::runtime_error("the side output '" + std::string(name) + "' cannot be opened");
    }
    throw std::invalid_argument("the job declares no side output '" + std::string(name) +
                                "'; add .Output<K, V>(\"" + std::string(name) + "\") to the job");
  }

  // The local path of the side file given with --file NAME=PATH; throws if none was given.
  std::string file(std::string_view name) const {
    const minke_bytes path = host_->file(host_->context, name.data(), name.size());
    if (path.data != nullptr) return std::string(path.data, path.size);
    throw std::invalid_argument("the side file '" + std::string(name) +
                                "' was not given; add --file " + std::string(name) + "=PATH");
  }

  // Whether the attempt should end soon. Cheap: ask every few thousand records of a long loop.
  bool cancelled() const { return host_->cancelled(host_->context) != 0; }
  // Says that user code is alive, where one batch takes longer than the task time-out.
  void Progress() { host_->progress(host_->context); }

  void Debug(std::string_view text) { Log(MINKE_LOG_DEBUG, text); }
  void Info(std::string_view text) { Log(MINKE_LOG_INFO, text); }
  void Warning(std::string_view text) { Log(MINKE_LOG_WARNING, text); }
  void Error(std::string_view text) { Log(MINKE_LOG_ERROR, text); }

  const minke_host* host() const { return host_; }

 private:
  void Log(int level, std::string_view text) {
    host_->log(host_->context, level, text.data(), text.size());
  }

  const minke_host* host_;
  const minke_job* job_;
  const Arguments* arguments_;
};

}  // namespace minke
