#include "task/map_task.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>
#include <utility>
#include <vector>

#include "control/plan.h"
#include "shuffle/aggregate_table.h"
#include "shuffle/sorter.h"
#include "task/input/input_reader.h"
#include "task/job/emitter.h"
#include "task/job/group_cursor.h"
#include "task/job/job_instance.h"
#include "task/output/part_output.h"
#include "task/partitioner.h"
#include "task/shuffle_io.h"
#include "task/table/table_records.h"

namespace minke {
namespace {

// Where the pairs of a map go.
class Destination {
 public:
  virtual ~Destination() = default;
  virtual Status Take(std::span<const minke_pair> pairs) = 0;
  virtual Status Finish(proto::Report& report) = 0;
};

// The user's combine function, as the sorter calls it.
class JobCombiner final : public Combiner {
 public:
  JobCombiner(JobInstance* instance, const minke_job& job, Slot* slot)
      : instance_(instance), job_(job), slot_(slot) {}

  Status Combine(RecordStream& in, const std::function<Status(const minke_pair&)>& out) override {
    GroupCursor groups(&in, GroupCursor::Mode::kAll, [this](size_t) { slot_->page->Tick(); });
    Emitter emitter(job_.key, job_.value, [&](std::span<const minke_pair> pairs) -> Status {
      for (const minke_pair& pair : pairs) MINKE_TRY_STATUS(out(pair));
      return {};
    });
    MINKE_TRY_STATUS(instance_->Combine(*groups.abi(), emitter));
    MINKE_TRY_STATUS(groups.status());
    return emitter.Flush();
  }

 private:
  JobInstance* instance_;
  const minke_job& job_;
  Slot* slot_;
};

// What both shuffling destinations do with a finished sorter or table: keep it, or store blocks.
class ShuffleDestination : public Destination {
 public:
  ShuffleDestination(const JobContext& context, const AttemptSpec& spec)
      : context_(context),
        spec_(spec),
        grant_(context.memory, context.slot_memory_bytes),
        scratch_(std::make_shared<ScratchSpace>(context.spill)) {}

 protected:
  // `finish(keep)` ends the input and gives a segment; `finish_into(sink)` writes it as one run.
  template <typename Finish, typename FinishInto>
  Status HandOver(proto::Report& report, Finish finish, FinishInto finish_into) {
    if (!context_.store->keeps_segments()) return WriteBlocks(report, finish_into);
    MapOutput output;
    output.scratch = scratch_;
    output.kept = MemoryGrant(context_.kept, context_.kept->budget_bytes());
    const bool keep = output.kept.TryTake(grant_.taken_bytes());
    auto segment = MINKE_TRY(finish(keep));
    report.set_records_out(segment->records());
    report.set_bytes_out(segment->bytes());
    Mark(report, [&](uint32_t partition) { return segment->has_partition(partition); });
    Put(output, std::move(segment));
    return context_.store->PutSegment(context_.incarnation, spec_.id,
                                      std::make_shared<MapOutput>(std::move(output)));
  }

  // All runs on disk: those that were merged into others, and the output if it is one.
  void ReportSpills(proto::Report& report) const {
    report.set_spills(scratch_->runs());
    report.set_spilled_bytes(scratch_->spilled_bytes());
  }

  const JobContext& context_;
  const AttemptSpec& spec_;
  MemoryGrant grant_;
  std::shared_ptr<ScratchSpace> scratch_;

 private:
  static void Put(MapOutput& output, std::shared_ptr<const AggregateSegment> states) {
    output.states = std::move(states);
  }
  static void Put(MapOutput& output, std::shared_ptr<const SortedSegment> records) {
    output.records = std::move(records);
  }

  template <typename Has>
  void Mark(proto::Report& report, Has has) const {
    std::string bitmap((context_.plan->partitions() + 7) / 8, '\0');
    for (uint32_t p = 0; p < context_.plan->partitions(); ++p) {
      if (has(p)) bitmap[p / 8] = static_cast<char>(bitmap[p / 8] | (1 << (p % 8)));
    }
    report.set_partitions(std::move(bitmap));
  }

  template <typename FinishInto>
  Status WriteBlocks(proto::Report& report, FinishInto finish_into) {
    auto writer =
        MINKE_TRY(context_.store->WriteShuffle(context_.incarnation, spec_.shuffle_table));
    ShuffleRunSink sink(context_, spec_, writer.get());
    report.set_records_out(MINKE_TRY(finish_into(&sink)));
    MINKE_TRY_STATUS(writer->Finish());
    report.set_bytes_out(sink.stored_bytes());
    Mark(report, [&](uint32_t partition) { return sink.has_partition(partition); });
    return {};
  }
};

class AggregateDestination final : public ShuffleDestination {
 public:
  AggregateDestination(const JobContext& context, const AttemptSpec& spec, JobInstance* instance,
                       Slot* slot)
      : ShuffleDestination(context, spec),
        slot_(slot),
        partitioner_(MakePartitioner(*context.job, instance->self(), context.plan->partitions(),
                                     spec.splitters)),
        table_(Options(instance), &grant_, scratch_.get()) {}

  Status Take(std::span<const minke_pair> pairs) override {
    const UserCode watched(slot_->page);
    return table_.Fold(pairs);
  }

  Status Finish(proto::Report& report) override {
    const UserCode watched(slot_->page);
    MINKE_TRY_STATUS(HandOver(
        report, [this](bool keep) { return table_.Finish(keep); },
        [this](RunSink* sink) { return table_.FinishInto(sink); }));
    ReportSpills(report);
    return {};
  }

 private:
  AggregateOptions Options(JobInstance* instance) const {
    AggregateOptions options;
    options.aggregate = *context_.job->aggregate;
    options.self = instance->self();
    options.value_type = context_.job->value;
    options.partitions = context_.plan->partitions();
    if (context_.job->partitioner != MINKE_PARTITION_HASH) {
      options.partitioner = partitioner_.get();
    }
    options.block = context_.block;
    options.hash_seed = context_.incarnation.bits;
    return options;
  }

  Slot* slot_;
  std::unique_ptr<KeyPartitioner> partitioner_;
  AggregateTable table_;
};

class SortDestination final : public ShuffleDestination {
 public:
  SortDestination(const JobContext& context, const AttemptSpec& spec, JobInstance* instance,
                  Slot* slot)
      : ShuffleDestination(context, spec),
        partitioner_(MakePartitioner(*context.job, instance->self(), context.plan->partitions(),
                                     spec.splitters)),
        slot_(slot),
        combiner_(instance, *context.job, slot),
        sorter_(Options(), &grant_, scratch_.get()) {}

  Status Take(std::span<const minke_pair> pairs) override {
    const UserCode watched(slot_->page);
    partitions_.resize(pairs.size());
    MINKE_TRY_STATUS(partitioner_->Partition(pairs, partitions_));
    return sorter_.Add(pairs, partitions_);
  }

  Status Finish(proto::Report& report) override {
    MINKE_TRY_STATUS(HandOver(
        report, [this](bool keep) { return sorter_.Finish(keep); },
        [this](RunSink* sink) { return sorter_.FinishInto(sink); }));
    ReportSpills(report);
    return {};
  }

 private:
  SorterOptions Options() {
    SorterOptions options;
    options.partitions = context_.plan->partitions();
    options.value_type = context_.job->value;
    options.sort_values = context_.job->sort_values != 0;
    if (context_.job->combine != nullptr) options.combiner = &combiner_;
    options.block = context_.block;
    return options;
  }

  std::unique_ptr<KeyPartitioner> partitioner_;
  Slot* slot_;
  JobCombiner combiner_;
  Sorter sorter_;
  std::vector<uint32_t> partitions_;
};

class PartDestination final : public Destination {
 public:
  explicit PartDestination(std::unique_ptr<PartOutput> part) : part_(std::move(part)) {}
  Status Take(std::span<const minke_pair> pairs) override { return part_->Write(pairs); }
  Status Finish(proto::Report& report) override {
    proto::OutputFile file = MINKE_TRY(part_->Finish());
    report.set_records_out(file.records());
    report.set_bytes_out(file.bytes());
    *report.add_outputs() = std::move(file);
    return {};
  }

 private:
  std::unique_ptr<PartOutput> part_;
};

// Only the keys, as many as they are.
class SampleDestination final : public Destination {
 public:
  Status Take(std::span<const minke_pair> pairs) override {
    for (const minke_pair& pair : pairs) keys_.emplace_back(pair.key, pair.key_size);
    return {};
  }
  Status Finish(proto::Report& report) override {
    for (std::string& key : keys_) report.add_samples(std::move(key));
    return {};
  }

 private:
  std::vector<std::string> keys_;
};

// The loop: batches from the reader through the user's map.
class Mapping {
 public:
  Mapping(const JobContext& context, const AttemptSpec& spec, Slot& slot)
      : context_(context), spec_(spec), slot_(slot), outputs_(context, spec) {}

  Status Open() {
    instance_ = MINKE_TRY(JobInstance::Open(
        context_, &slot_, [this](const minke_output& output) -> Result<Emitter::Sink> {
          if (!is_sampling()) return outputs_.Sink(output);
          return Emitter::Sink([](std::span<const minke_pair>) { return Status(); });
        }));
    if (spec_.careful) instance_->Hold();
    return {};
  }

  void SetDestination(std::unique_ptr<Destination> destination) {
    destination_ = std::move(destination);
    emitter_ = std::make_unique<Emitter>(
        context_.job->key, context_.job->value,
        [this](std::span<const minke_pair> pairs) { return destination_->Take(pairs); });
    if (spec_.careful) emitter_->Hold();
  }

  // Maps all records of `split`, or about the first `bytes_max` of them.
  Status Read(const proto::Split& split, uint64_t bytes_max) {
    if (context_.job->input_kind == MINKE_RECORDS) {
      RecordOptions options;
      options.key = context_.job->input_key;
      options.value = context_.job->input_value;
      options.careful = spec_.careful;
      options.store = context_.store;
      TableRecords reader(context_.plan, &split, options);
      return ReadAll(reader, bytes_max);
    }
    MemoryGrant buffers(context_.memory, context_.slot_memory_bytes);
    ReaderOptions options;
    options.kind = context_.job->input_kind;
    options.record_size = context_.job->record_size;
    options.key_size = context_.job->record_key_size;
    options.careful = spec_.careful;
    options.memory = &buffers;
    options.store = context_.store;
    InputReader reader(context_.plan, &split, options);
    return ReadAll(reader, bytes_max);
  }

  Result<proto::Report> Finish() {
    MINKE_TRY_STATUS(instance_->MapEnd(*emitter_));
    MINKE_TRY_STATUS(emitter_->Release());
    MINKE_TRY_STATUS(instance_->Release());
    MINKE_TRY_STATUS(destination_->Finish(report_));
    MINKE_TRY_STATUS(outputs_.Finish(report_));
    instance_->AddCounters(report_);
    return std::move(report_);
  }

  JobInstance* instance() { return instance_.get(); }

 private:
  template <typename Reader>
  Status ReadAll(Reader& reader, uint64_t bytes_max) {
    while (const minke_batch* batch = MINKE_TRY(reader.Next())) {
      slot_.page->SetFile(Bytes(batch->path.data, batch->path.size));
      slot_.page->record.store(static_cast<int64_t>(batch->offset), std::memory_order_relaxed);
      MINKE_TRY_STATUS(MapBatch(*batch));
      slot_.page->bytes_done.store(reader.stored_bytes_done(), std::memory_order_relaxed);
      slot_.page->records_done.store(reader.records_done(), std::memory_order_relaxed);
      if (reader.bytes_done() >= bytes_max) break;
    }
    slot_.page->record.store(-1, std::memory_order_relaxed);
    report_.set_records_in(report_.records_in() + reader.records_done());
    report_.set_bytes_in(report_.bytes_in() + reader.bytes_done());
    return {};
  }

  Status MapBatch(const minke_batch& batch) {
    MINKE_TRY_STATUS(emitter_->SetWindow(Bytes(batch.data, batch.size)));
    if (IsKnownBad()) return SkipBad(batch);
    Status status = instance_->Map(batch, *emitter_);
    const bool is_mapped = status.has_value();
    if (is_mapped) status = spec_.careful ? emitter_->Release() : emitter_->Flush();
    if (status && spec_.careful) status = instance_->Release();
    if (status || status.error().code != ErrorCode::kUserCode) return status;
    // A record that was mapped may have been folded in part: there is no way back.
    if (!is_mapped && spec_.careful && report_.skipped() < context_.skip_bad) return SkipBad(batch);
    const char* where = spec_.careful ? "the record" : "the batch";
    return std::move(status).error().Within(fmt::format("{} at byte {} of {}", where, batch.offset,
                                                        Bytes(batch.path.data, batch.path.size)));
  }

  // The page names the record as it stood there when the process went down.
  bool IsKnownBad() const {
    const auto& bad = context_.crashes.records;
    if (!spec_.careful || bad.empty()) return false;
    return bad.contains({slot_.page->path, slot_.page->record.load(std::memory_order_relaxed)});
  }

  Status SkipBad(const minke_batch& batch) {
    emitter_->Discard();
    instance_->Discard();
    report_.set_skipped(report_.skipped() + 1);
    if (is_sampling()) return {};
    Bytes record(batch.data, batch.size);
    if (context_.job->input_kind == MINKE_TEXT) {
      while (record.ends_with('\n') || record.ends_with('\r')) record.remove_suffix(1);
    }
    return outputs_.WriteKey(kBadRecords, MINKE_BYTES, record);
  }

  bool is_sampling() const { return spec_.kind == proto::PHASE_SAMPLE; }

  const JobContext& context_;
  const AttemptSpec& spec_;
  Slot& slot_;
  SideOutputs outputs_;
  std::unique_ptr<JobInstance> instance_;
  std::unique_ptr<Destination> destination_;
  std::unique_ptr<Emitter> emitter_;
  proto::Report report_;
};

Result<std::unique_ptr<Destination>> MakeDestination(const JobContext& context,
                                                     const AttemptSpec& spec, Slot& slot,
                                                     JobInstance* instance) {
  const minke_job& job = *context.job;
  std::unique_ptr<Destination> made;
  if (job.map_only != 0) {
    made = std::make_unique<PartDestination>(
        MINKE_TRY(PartOutput::Open(context, spec, "", job.output_key, job.output_value)));
  } else if (job.aggregate != nullptr) {
    made = std::make_unique<AggregateDestination>(context, spec, instance, &slot);
  } else {
    made = std::make_unique<SortDestination>(context, spec, instance, &slot);
  }
  return made;
}

// Sample points: fixed offsets of the whole input, whatever the splits.
std::vector<proto::Split> SamplePieces(const proto::Plan& plan, uint32_t sample) {
  uint64_t total = 0;
  for (const proto::InputFile& file : plan.files()) total += file.size();
  std::vector<proto::Split> pieces;
  uint32_t samples = 1;
  for (const proto::Step& step : plan.steps()) {
    if (step.kind() == proto::PHASE_SAMPLE) samples = step.tasks();
  }
  for (uint32_t point = sample; point < kSamplePointsMax; point += samples) {
    uint64_t offset = total / kSamplePointsMax * point;
    for (int index = 0; index < plan.files_size(); ++index) {
      const proto::InputFile& file = plan.files(index);
      if (offset >= file.size()) {
        offset -= file.size();
        continue;
      }
      proto::SplitPiece* piece = pieces.emplace_back().add_pieces();
      piece->set_file(static_cast<uint32_t>(index));
      if (file.compression() != 0) {
        piece->set_whole(true);
      } else {
        // A table's size is a guess: how much is read of it is up to the reader.
        const uint64_t end = file.is_table() ? file.size() : offset + plan.sample_bytes();
        SetRange(file, offset, std::min(file.size(), end), piece);
      }
      break;
    }
  }
  return pieces;
}

}  // namespace

Result<proto::Report> RunMapTask(const JobContext& context, const AttemptSpec& spec, Slot& slot) {
  Mapping mapping(context, spec, slot);
  MINKE_TRY_STATUS(mapping.Open());
  mapping.SetDestination(MINKE_TRY(MakeDestination(context, spec, slot, mapping.instance())));
  const proto::Split& split = context.plan->splits(static_cast<int>(spec.task.index));
  MINKE_TRY_STATUS(mapping.Read(split, UINT64_MAX));
  return mapping.Finish();
}

Result<proto::Report> RunSampleTask(const JobContext& context, const AttemptSpec& spec,
                                    Slot& slot) {
  Mapping mapping(context, spec, slot);
  MINKE_TRY_STATUS(mapping.Open());
  mapping.SetDestination(std::make_unique<SampleDestination>());
  for (const proto::Split& piece : SamplePieces(*context.plan, spec.task.index)) {
    MINKE_TRY_STATUS(mapping.Read(piece, context.plan->sample_bytes()));
  }
  return mapping.Finish();
}

}  // namespace minke
