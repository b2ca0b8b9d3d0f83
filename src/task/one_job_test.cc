#include "task/one_job_test.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "adapter/memory_store.h"
#include "base/file.h"
#include "control/plan.h"

namespace minke {
namespace {

namespace fs = std::filesystem;

std::string NewFolder() {
  std::string name = fs::temp_directory_path() / "one-job-test-XXXXXX";
  return mkdtemp(name.data());
}

// A store in memory that keeps no segments, as those that lie elsewhere.
class BlockStore final : public MemoryStore {
 public:
  // But those of reduce tasks: their lines, until they are published.
  bool keeps_segments() const override { return false; }
};

}  // namespace

OneJob::OneJob(const std::string& job, const OneJobOptions& options)
    : folder_(NewFolder()),
      declared_(JobFile::Find(job).value().Declare({}).value()),
      memory_(4 * options.memory_bytes),
      kept_(options.kept_bytes),
      spill_(folder_ + "/spill", uint64_t{1} << 40) {
  fs::create_directory(folder_ + "/spill");
  for (size_t i = 0; i < options.files.size(); ++i) {
    EXPECT_TRUE(WriteFileAtomically(InputPath(i), options.files[i], false));
  }
  MakePlan(options);
  if (options.keeps_segments) {
    store_ = std::make_unique<MemoryStore>();
  } else {
    store_ = std::make_unique<BlockStore>();
  }
  EXPECT_TRUE(store_->MakeShuffleTable(kIncarnation, kTable, {}));
  output_ = OutputFolder::Open(folder_ + "/out", kIncarnation, {}).value();
  slot.page = &page;
  context.incarnation = kIncarnation;
  context.job_name = job;
  context.job = &declared_.job();
  context.plan = &plan;
  context.store = store_.get();
  context.memory = &memory_;
  context.kept = &kept_;
  context.slot_memory_bytes = options.memory_bytes;
  context.block = {.target_bytes = options.block_bytes, .cap_bytes = 2 * options.block_bytes};
  context.spill = &spill_;
  context.output = output_.get();
}

OneJob::~OneJob() { fs::remove_all(folder_); }

void OneJob::MakePlan(const OneJobOptions& options) {
  std::vector<std::string> paths;
  paths.reserve(options.files.size());
  for (size_t i = 0; i < options.files.size(); ++i) paths.push_back(InputPath(i));
  PlanRequest request;
  request.files = FindInputFiles(paths, {.kind = declared_->input_kind}).value().files;
  request.has_reduce = declared_->map_only == 0;
  request.range_partitioned = declared_->partitioner == MINKE_PARTITION_RANGE;
  request.partitions = options.partitions;
  request.split_bytes = options.split_bytes;
  plan = ComputePlan(request).value();
  if (options.split_bytes != 0) return;
  plan.clear_splits();  // one for each file, however small
  for (const proto::InputFile& file : plan.files()) {
    proto::SplitPiece* piece = plan.add_splits()->add_pieces();
    piece->set_file(static_cast<uint32_t>(plan.splits_size()) - 1);
    piece->set_end(file.size());
  }
}

uint32_t OneJob::StepOf(proto::PhaseKind kind) const {
  int step = 0;
  while (step < plan.steps_size() && plan.steps(step).kind() != kind) ++step;
  return static_cast<uint32_t>(step);
}

Result<proto::Report> OneJob::Run(proto::PhaseKind kind, uint32_t index, bool careful) {
  AttemptSpec spec;
  ++last.n;
  spec.id = last;
  spec.kind = kind;
  spec.task = {StepOf(kind), index};
  spec.careful = careful;
  spec.shuffle_table = kTable;
  spec.winners = winners;
  spec.splitters = splitters;
  auto report = RunAttempt(context, spec, slot);
  if (report) tally.Add(spec.task, kind, spec.id, *report);
  return report;
}

Result<proto::Report> OneJob::Map(uint32_t index, bool careful) {
  return Run(proto::PHASE_MAP, index, careful);
}

void OneJob::MapAll(bool careful) {
  for (uint32_t i = 0; i < map_tasks(); ++i) {
    const auto report = Map(i, careful);
    ASSERT_TRUE(report) << report.error().text;
  }
}

Result<proto::Report> OneJob::Reduce(uint32_t partition, bool careful) {
  EXPECT_TRUE(context.store->PutBlock(kIncarnation, WinnersName(++winners, partition),
                                      tally.WinnersBlock(StepOf(proto::PHASE_MAP), partition)));
  return Run(proto::PHASE_REDUCE, partition, careful);
}

std::string OneJob::Reduced(uint32_t partition, bool careful) {
  const auto report = Reduce(partition, careful);
  return report ? Part(partition) : "error: " + report.error().text;
}

std::string OneJob::Part(uint32_t index, const std::string& name) const {
  return ReadFile(output_->AttemptPath(name, index, last)).value_or("no such part");
}

std::string OneJob::Left() const {
  std::string left;
  for (const auto& entry : fs::recursive_directory_iterator(folder_ + "/out")) {
    const std::string name = entry.path().filename();
    if (name.ends_with(fmt::format(".{}", last.Text()))) left += name + " ";
  }
  if (context.store->GetBlock(kIncarnation, ReportName(last))) left += "report ";
  if (context.store->GetSegment(kIncarnation, last)) left += "segment ";
  if (memory_.reserved_bytes() + kept_.reserved_bytes() > 0) left += "memory ";
  return left + (spill_.used_bytes() > 0 ? "spills " : "");
}

std::string OneJob::InputPath(size_t file) const { return fmt::format("{}/in-{}", folder_, file); }

}  // namespace minke
