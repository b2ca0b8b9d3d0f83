#include "task/job/job_instance.h"

#include <fmt/format.h>

#include "base/logging.h"
#include "task/input/text_split.h"

namespace minke {
JobInstance::JobInstance(const JobContext& context, Slot* slot, OutputFactory outputs)
    : context_(context), slot_(slot), outputs_factory_(std::move(outputs)) {
  host_.struct_size = sizeof(minke_host);
  host_.abi_version = MINKE_ABI_VERSION;
  host_.context = this;
  host_.cancelled = [](void* self) {
    return static_cast<JobInstance*>(self)->slot_->cancelled.load(std::memory_order_relaxed) ? 1
                                                                                             : 0;
  };
  host_.progress = [](void* self) { static_cast<JobInstance*>(self)->slot_->page->Tick(); };
  host_.log = [](void*, int level, const char* text, size_t size) {
    LogUserText(level, Bytes(text, size));
  };
  host_.counter = &Counter;
  host_.output = &Output;
  host_.file = &SideFile;
  const TextSplit split = TextSplitFor(ThisProcessor());
  host_.split_words = split.split_words;
  host_.split_lines = split.split_lines;
}

Result<std::unique_ptr<JobInstance>> JobInstance::Open(const JobContext& context, Slot* slot,
                                                       OutputFactory outputs) {
  std::unique_ptr<JobInstance> instance(new JobInstance(context, slot, std::move(outputs)));
  minke_error error{};
  {
    const UserCode watched(slot->page);
    instance->self_ = context.job->open(context.job->user, &instance->host_, &error);
  }
  if (instance->self_ == nullptr) {
    return Error{ErrorCode::kUserCode,
                 fmt::format("the job {} cannot start a task: {}", context.job_name, error.text)};
  }
  return instance;
}

JobInstance::~JobInstance() {
  if (self_ == nullptr) return;
  const UserCode watched(slot_->page);
  context_.job->close(self_);
}

template <typename Function>
Status JobInstance::Call(const char* function, Emitter& emitter, Function call) {
  minke_error error{};
  int result = 0;
  {
    const UserCode watched(slot_->page);
    result = call(&error);
  }
  return Called(result, error, function, emitter);
}

// What the engine refused comes first: user code that stops because a hand-over failed did not fail
// itself.
Status JobInstance::Called(int result, const minke_error& error, const char* function,
                           Emitter& emitter) {
  if (!failure_) return failure_;
  if (emitter.abi()->failed != 0) return emitter.Flush();
  if (slot_->cancelled.load(std::memory_order_relaxed)) {
    return Error{ErrorCode::kCancelled, "the attempt was told to stop"};
  }
  if (result == 0) return {};
  return Error{ErrorCode::kUserCode,
               fmt::format("the job's {} function failed: {}", function,
                           error.text[0] != 0 ? error.text : "no reason given")};
}

Status JobInstance::Map(const minke_batch& batch, Emitter& emitter) {
  return Call("map", emitter, [&](minke_error* error) {
    return context_.job->map(self_, &batch, emitter.abi(), error);
  });
}

Status JobInstance::MapEnd(Emitter& emitter) {
  if (context_.job->map_end == nullptr) return {};
  return Call("map end", emitter, [&](minke_error* error) {
    return context_.job->map_end(self_, emitter.abi(), error);
  });
}

Status JobInstance::Reduce(minke_groups& groups, Emitter& emitter) {
  return Call("reduce", emitter, [&](minke_error* error) {
    return context_.job->reduce(self_, &groups, emitter.abi(), error);
  });
}

Status JobInstance::ReduceEnd(Emitter& emitter) {
  if (context_.job->reduce_end == nullptr) return {};
  return Call("reduce end", emitter, [&](minke_error* error) {
    return context_.job->reduce_end(self_, emitter.abi(), error);
  });
}

Status JobInstance::Combine(minke_groups& groups, Emitter& emitter) {
  return Call("combine", emitter, [&](minke_error* error) {
    return context_.job->combine(self_, &groups, emitter.abi(), error);
  });
}

Status JobInstance::Release() {
  for (auto& [name, emitter] : outputs_) MINKE_TRY_STATUS(emitter->Release());
  for (auto& [name, counter] : counters_) counter.released = counter.value;
  return failure_;
}

void JobInstance::Discard() {
  for (auto& [name, emitter] : outputs_) emitter->Discard();
  for (auto& [name, counter] : counters_) counter.value = counter.released;
  if (is_holding_) failure_ = {};
}

void JobInstance::AddCounters(proto::Report& report) const {
  for (const auto& [name, counter] : counters_) {
    proto::Counter* added = report.add_counters();
    added->set_name(name);
    added->set_value(counter.value);
  }
}

uint64_t* JobInstance::Counter(void* context, const char* name, size_t size) {
  auto* self = static_cast<JobInstance*>(context);
  const std::string_view wanted(name, size);
  if (auto found = self->counters_.find(wanted); found != self->counters_.end()) {
    return &found->second.value;
  }
  if (self->counters_.size() >= kCountersMax) {
    if (self->failure_) {
      self->failure_ = Error{
          ErrorCode::kUserCode,
          fmt::format("the job uses more than the limit of {} counters (the next one is '{}'); "
                      "count fewer things, or emit them as records",
                      kCountersMax, wanted)};
    }
    return nullptr;
  }
  return &self->counters_[std::string(wanted)].value;
}

minke_emitter* JobInstance::Output(void* context, const char* name, size_t size) {
  auto* self = static_cast<JobInstance*>(context);
  const std::string_view wanted(name, size);
  if (auto found = self->outputs_.find(wanted); found != self->outputs_.end()) {
    return found->second->abi();
  }
  const minke_job& job = *self->context_.job;
  for (size_t i = 0; i < job.output_count; ++i) {
    const minke_output& output = job.outputs[i];
    if (wanted != output.name) continue;
    auto sink = self->outputs_factory_(output);
    if (!sink) {
      self->failure_ = std::move(sink).error();
      return nullptr;
    }
    auto emitter = std::make_unique<Emitter>(output.key, output.value, *std::move(sink));
    if (self->is_holding_) emitter->Hold();
    return self->outputs_.emplace(wanted, std::move(emitter)).first->second->abi();
  }
  return nullptr;
}

minke_bytes JobInstance::SideFile(void* context, const char* name, size_t size) {
  auto* self = static_cast<JobInstance*>(context);
  const auto found = self->context_.side_files.find(std::string_view(name, size));
  if (found == self->context_.side_files.end()) return {nullptr, 0};
  return {found->second.data(), found->second.size()};
}

}  // namespace minke
