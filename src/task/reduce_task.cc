#include "task/reduce_task.h"

#include <fmt/format.h>
#include <memory>
#include <utility>
#include <vector>

#include "shuffle/aggregate_table.h"
#include "shuffle/merge.h"
#include "shuffle/sorter.h"
#include "task/job/emitter.h"
#include "task/job/group_cursor.h"
#include "task/job/job_instance.h"
#include "task/map_task.h"
#include "task/output/part_output.h"
#include "task/shuffle_io.h"

namespace minke {
namespace {

// One partition's records in key order, from whatever the winners left.
class PartitionInput {
 public:
  PartitionInput(const JobContext& context, const AttemptSpec& spec, Slot& slot, void* instance)
      : context_(context),
        spec_(spec),
        slot_(slot),
        instance_(instance),
        partition_(spec.task.index),
        grant_(context.memory, context.slot_memory_bytes),
        scratch_(context.spill) {}

  Result<std::unique_ptr<RecordStream>> Open() {
    MINKE_TRY_STATUS(ReadWinners());
    if (context_.store->keeps_segments()) {
      MINKE_TRY_STATUS(TakeSegments());
    } else {
      auto fetched = MINKE_TRY(FetchWinners(context_, spec_, winners_, &scratch_));
      slot_.missing_map_tasks = std::move(fetched.missing);
      runs_ = std::move(fetched.runs);
    }
    if (!slot_.missing_map_tasks.empty()) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("the outputs of {} map tasks are missing for partition {}",
                               slot_.missing_map_tasks.size(), partition_)};
    }
    return context_.job->aggregate != nullptr ? OpenAggregated() : OpenSorted();
  }

  uint64_t spills() const { return scratch_.runs(); }
  uint64_t spilled_bytes() const { return scratch_.spilled_bytes(); }

 private:
  Status ReadWinners() {
    const std::string block = MINKE_TRY(
        context_.store->GetBlock(context_.incarnation, WinnersName(spec_.winners, partition_)));
    proto::Winners winners;
    if (!winners.ParseFromString(block) || winners.attempts_size() != winners.map_tasks_size()) {
      return Error{ErrorCode::kCorruption, fmt::format("the winners block {} cannot be read",
                                                       WinnersName(spec_.winners, partition_))};
    }
    for (int i = 0; i < winners.map_tasks_size(); ++i) {
      const proto::AttemptId& attempt = winners.attempts(i);
      winners_.push_back({winners.map_tasks(i), {attempt.epoch(), attempt.n()}});
    }
    return {};
  }

  Status TakeSegments() {
    for (const Winner& winner : winners_) {
      auto kept = context_.store->GetSegment(context_.incarnation, winner.attempt);
      if (kept) {
        outputs_.push_back(std::static_pointer_cast<const MapOutput>(*std::move(kept)));
      } else if (kept.error().code == ErrorCode::kNotFound) {
        slot_.missing_map_tasks.push_back(winner.map_task);
      } else {
        return std::move(kept).error();
      }
    }
    return {};
  }

  Result<std::unique_ptr<RecordStream>> OpenAggregated() {
    AggregateOptions options;
    options.aggregate = *context_.job->aggregate;
    options.self = instance_;
    options.value_type = context_.job->value;
    options.block = context_.block;
    options.hash_seed = context_.incarnation.bits;
    table_ = std::make_unique<AggregateTable>(options, &grant_, &scratch_);
    const UserCode watched(slot_.page);
    for (const auto& output : outputs_) {
      MINKE_TRY_STATUS(table_->FoldSegment(*output->states, partition_));
      MINKE_TRY_STATUS(GoOn());
    }
    for (const auto& run : runs_) {
      auto states = ReadRun(run, partition_);
      MINKE_TRY_STATUS(table_->FoldStates(*states));
      MINKE_TRY_STATUS(GoOn());
    }
    return table_->Sorted();
  }

  Result<std::unique_ptr<RecordStream>> OpenSorted() {
    if (!runs_.empty() || outputs_.empty()) {
      return MergeRuns(std::move(runs_), partition_, &scratch_, context_.block,
                       MergeOptions{.sort_values = context_.job->sort_values != 0});
    }
    SorterOptions options;
    options.partitions = context_.plan->partitions();
    options.value_type = context_.job->value;
    options.sort_values = context_.job->sort_values != 0;
    options.block = context_.block;
    std::vector<std::shared_ptr<const SortedSegment>> segments;
    for (const auto& output : outputs_) segments.push_back(output->records);
    return OpenPartition(std::move(segments), partition_, options, &grant_, &scratch_);
  }

  Status GoOn() {
    slot_.page->Tick();
    if (!slot_.cancelled.load(std::memory_order_relaxed)) return {};
    return Error{ErrorCode::kCancelled, "the attempt was told to stop"};
  }

  const JobContext& context_;
  const AttemptSpec& spec_;
  Slot& slot_;
  void* instance_;
  uint32_t partition_;
  MemoryGrant grant_;
  ScratchSpace scratch_;
  std::vector<Winner> winners_;
  std::vector<std::shared_ptr<const MapOutput>> outputs_;
  std::vector<std::shared_ptr<const Run>> runs_;
  std::unique_ptr<AggregateTable> table_;
};

class Reducing {
 public:
  Reducing(const JobContext& context, const AttemptSpec& spec, Slot& slot)
      : context_(context), spec_(spec), slot_(slot), outputs_(context, spec) {}

  Result<proto::Report> Run() {
    const minke_job& job = *context_.job;
    instance_ = MINKE_TRY(JobInstance::Open(
        context_, &slot_, [this](const minke_output& output) { return outputs_.Sink(output); }));
    if (spec_.careful) instance_->Hold();
    PartitionInput input(context_, spec_, slot_, instance_->self());
    auto records = MINKE_TRY(input.Open());
    part_ = MINKE_TRY(PartOutput::Open(context_, spec_, "", job.output_key, job.output_value));
    MINKE_TRY_STATUS(job.reduce != nullptr ? Reduce(*records) : Copy(*records));
    MINKE_TRY_STATUS(instance_->Release());
    return Finish(input);
  }

 private:
  // Without a reduce function the sorted records are the output.
  Status Copy(RecordStream& records) {
    for (;;) {
      const auto batch = MINKE_TRY(NextOf(records));
      if (batch.empty()) return {};
      MINKE_TRY_STATUS(part_->Write(batch));
      MINKE_TRY_STATUS(CountRecords(batch.size()));
    }
  }

  // Aggregates are finished, and states that were spilled are merged, as they are read.
  Result<std::span<const minke_record>> NextOf(RecordStream& records) {
    const UserCode watched(slot_.page);
    return records.Next();
  }

  Status Reduce(RecordStream& records) {
    const bool one_by_one = spec_.careful || (context_.output == nullptr && context_.merge_by_key);
    GroupCursor groups(&records,
                       one_by_one ? GroupCursor::Mode::kOneByOne : GroupCursor::Mode::kAll,
                       [this](size_t count) { (void)CountRecords(count); });
    Emitter emitter(context_.job->output_key, context_.job->output_value,
                    [this](std::span<const minke_pair> pairs) { return part_->Write(pairs); });
    if (one_by_one) {
      MINKE_TRY_STATUS(ReduceOneByOne(groups, emitter));
    } else {
      MINKE_TRY_STATUS(instance_->Reduce(*groups.abi(), emitter));
    }
    MINKE_TRY_STATUS(groups.status());
    MINKE_TRY_STATUS(instance_->ReduceEnd(emitter));
    return emitter.Flush();
  }

  Status ReduceOneByOne(GroupCursor& groups, Emitter& emitter) {
    if (spec_.careful) emitter.Hold();
    while (groups.NextGroup()) {
      const std::string key(groups.key());
      part_->SetGroup(key);
      slot_.page->SetKey(key);
      MINKE_TRY_STATUS(ReduceGroup(key, groups, emitter));
      slot_.page->key_size.store(-1, std::memory_order_relaxed);  // between groups it is no one's
    }
    if (spec_.careful) emitter.StopHolding();
    return {};
  }

  Status ReduceGroup(const std::string& key, GroupCursor& groups, Emitter& emitter) {
    if (spec_.careful && context_.crashes.groups.contains(key)) return SkipBad(key, emitter);
    Status status = instance_->Reduce(*groups.abi(), emitter);
    // What ended the group's values early is not the fault of who reads them.
    MINKE_TRY_STATUS(groups.status());
    const bool is_reduced = status.has_value();
    if (is_reduced) status = spec_.careful ? emitter.Release() : emitter.Flush();
    if (status && spec_.careful) status = instance_->Release();
    if (status || status.error().code != ErrorCode::kUserCode) return status;
    if (!is_reduced && spec_.careful && report_.skipped() < context_.skip_bad) {
      return SkipBad(key, emitter);
    }
    return std::move(status).error().Within(fmt::format("the group of key '{}'", key));
  }

  Status SkipBad(const std::string& key, Emitter& emitter) {
    emitter.Discard();
    instance_->Discard();
    report_.set_skipped(report_.skipped() + 1);
    return outputs_.WriteKey(kBadGroups, context_.job->key, key);
  }

  Status CountRecords(size_t count) {
    slot_.page->Tick();
    report_.set_records_in(report_.records_in() + count);
    slot_.page->records_done.store(report_.records_in(), std::memory_order_relaxed);
    if (!slot_.cancelled.load(std::memory_order_relaxed)) return {};
    return Error{ErrorCode::kCancelled, "the attempt was told to stop"};
  }

  Result<proto::Report> Finish(const PartitionInput& input) {
    proto::OutputFile file = MINKE_TRY(part_->Finish());
    report_.set_records_out(file.records());
    report_.set_bytes_out(file.bytes());
    report_.set_spills(input.spills());
    report_.set_spilled_bytes(input.spilled_bytes());
    *report_.add_outputs() = std::move(file);
    MINKE_TRY_STATUS(outputs_.Finish(report_));
    instance_->AddCounters(report_);
    return std::move(report_);
  }

  const JobContext& context_;
  const AttemptSpec& spec_;
  Slot& slot_;
  SideOutputs outputs_;
  std::unique_ptr<JobInstance> instance_;
  std::unique_ptr<PartOutput> part_;
  proto::Report report_;
};

}  // namespace

Result<proto::Report> RunReduceTask(const JobContext& context, const AttemptSpec& spec,
                                    Slot& slot) {
  return Reducing(context, spec, slot).Run();
}

}  // namespace minke
