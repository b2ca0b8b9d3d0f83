#include "runtime/prepare.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fmt/format.h>
#include <set>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "adapter/system_clock.h"
#include "base/machine.h"
#include "base/version.h"
#include "control/master_brain.h"
#include "control/plan.h"
#include "runtime/master.h"
#include "runtime/publish.h"
#include "task/dataset/dataset.h"
#include "task/output/part_output.h"
#include "task/table/row_mapping.h"
#include "task/table/table.h"

namespace minke {
namespace {

constexpr uint64_t kMemoryMin = 4 << 10;

Error Usage(std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; }

std::string Listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// Inputs must carry just the tags that the job declares.
Status CheckTags(const minke_job& job, const InputFiles& inputs) {
  std::set<std::string> wanted;
  for (size_t i = 0; i < job.tag_count; ++i) wanted.emplace(job.tags[i].data, job.tags[i].size);
  std::set<std::string> missing = wanted;
  for (const proto::InputFile& file : inputs.files) {
    if (!file.tag().empty() && wanted.empty()) {
      return Usage(
          fmt::format("the job takes no tags, but '{}={}' has one; to read a file of that "
                      "name write ./{}={}",
                      file.tag(), file.path(), file.tag(), file.path()));
    }
    if (!wanted.empty() && !wanted.contains(file.tag())) {
      return Usage(fmt::format("the job reads inputs with the tags {}: write, for example, {}={}",
                               Listed(wanted), *wanted.begin(), file.path()));
    }
    missing.erase(file.tag());
  }
  if (!missing.empty()) {
    return Usage(fmt::format("the job needs an input with the tag {}: write {}=PATH",
                             Listed(missing), *missing.begin()));
  }
  return {};
}

Status CheckSideFiles(const RunRequest& request) {
  for (const auto& [name, path] : request.side_files) {
    if (access(path.c_str(), R_OK) != 0) {
      return Error{ErrorCode::kInput, fmt::format("cannot read the side file {} ({}): {}", path,
                                                  name, std::strerror(errno))};
    }
  }
  return {};
}

Status CheckOutputs(const RunRequest& request, const minke_job& job) {
  if (request.alone) return {};
  if (!request.output.empty()) return {};
  if (job.output_count > 0) {
    return Usage(fmt::format("the job writes the side output '{}': name an output folder with -o",
                             job.outputs[0].name));
  }
  if (request.goes_on_later) {
    return Usage(
        "a run that can go on later leaves its output where the next process finds it: name an "
        "output folder with -o");
  }
  if (request.skip_bad > 0) {
    return Usage(
        "--skip-bad writes what fails to the outputs bad-records and bad-groups: name an output "
        "folder with -o");
  }
  struct stat info{};
  if (!request.single_file.empty() && !request.overwrite &&
      stat(request.single_file.c_str(), &info) == 0) {
    return Error{
        ErrorCode::kAlreadyExists,
        fmt::format("{} exists: name another file, or give --overwrite", request.single_file)};
  }
  return {};
}

// Divides the budget: half of it for attempts at work, half for finished map tasks to keep.
Status DivideMemory(const RunRequest& request, uint32_t slots, PreparedRun& run) {
  const uint64_t budget =
      request.memory_bytes != 0 ? request.memory_bytes : UsableMemoryBytes() / 2;
  if (budget < kMemoryMin) {
    return Usage(
        fmt::format("--memory: {} bytes are too few, give {} or more", budget, kMemoryMin));
  }
  run.memory = std::make_unique<MemoryAccountant>(budget);
  run.kept = std::make_unique<MemoryAccountant>(budget / 2);
  run.context.memory = run.memory.get();
  run.context.kept = run.kept.get();
  run.context.slot_memory_bytes = budget / 2 / slots;
  return {};
}

Status PrepareSpill(const RunRequest& request, PreparedRun& run) {
  const std::string folder = MINKE_TRY(SpillFolder(request.spill_folder, std::getenv("TMPDIR")));
  const uint64_t free_bytes = MINKE_TRY(FreeBytes(folder));
  run.spill = std::make_unique<ScratchFolder>(
      folder, request.spill_bytes != 0 ? request.spill_bytes : free_bytes);
  run.context.spill = run.spill.get();
  return {};
}

Result<InputFiles> FindInputs(const RunRequest& request, const DeclaredRun& declared, Store* store,
                              const ScratchFolder* spill) {
  InputFileOptions options;
  options.kind = declared.job->input_kind;
  options.key = declared.job->input_key;
  options.value = declared.job->input_value;
  if (spill != nullptr) {
    options.spill_folder = spill->path();
    options.spill_bytes_max = spill->bytes_max();
  }
  options.store = store;
  InputFiles inputs = MINKE_TRY(FindInputFiles(request.inputs, options));
  MINKE_TRY_STATUS(CheckTags(declared.job.job(), inputs));
  if (request.alone) return inputs;
  for (const std::string& output : {request.output, request.single_file}) {
    if (!IsPath(output)) continue;
    MINKE_TRY_STATUS(CheckOutputApart(output, inputs));
  }
  return inputs;
}

// Whether the job's records fit the table, as far as their types tell.
Status CheckTableOutput(const RunRequest& request, const minke_job& job, const std::string& named,
                        Store* store) {
  if (job.output_count > 0 || request.skip_bad > 0) {
    return Usage(
        fmt::format("a table takes the main output only, and the job also writes '{}': "
                    "name a dataset or an output folder with -o",
                    job.output_count > 0 ? job.outputs[0].name : kBadRecords));
  }
  Table table = MINKE_TRY(OpenTable(store, named));
  const auto mapping = RowMapping::Make(std::move(table), job.output_key, job.output_value);
  return mapping ? Status() : Status(mapping.error());
}

uint64_t SpecHashOf(const RunRequest& request, const JobFile& file, const DeclaredJob& job) {
  JobSpec spec;
  spec.job_hash = file.hash();
  spec.job = file.spec();
  for (const JobArgument& argument : job.arguments()) {
    spec.arguments.emplace_back(argument.name, argument.value);
  }
  spec.side_files = request.side_files;
  spec.inputs = request.inputs;
  spec.output = request.single_file.empty() ? request.output : request.single_file;
  spec.format = request.json_records ? "json" : "text";
  spec.partitions = request.partitions;
  return SpecHash(spec);
}

PlanRequest PlanRequestOf(const RunRequest& request, const DeclaredRun& declared, uint32_t slots) {
  const minke_job& job = declared.job.job();
  PlanRequest plan;
  plan.spec_hash = declared.spec_hash;
  plan.job_hash = declared.file.hash();
  plan.has_reduce = job.map_only == 0;
  plan.record_bytes = job.input_kind == MINKE_FIXED ? job.record_size : 0;
  plan.threads = slots;
  plan.split_bytes = request.split_bytes;
  plan.partitions = request.partitions;
  if (job.partitions != 0) plan.partitions = job.partitions;  // the job needs just so many
  plan.attempts_max = request.attempts;
  plan.backups = request.backups;
  if (request.max_age_s != 0) plan.max_age_ms = request.max_age_s * 1000;
  plan.skip_bad = request.skip_bad;
  plan.range_partitioned = job.partitioner == MINKE_PARTITION_RANGE && plan.has_reduce;
  return plan;
}

// For those who run its tasks elsewhere.
Status AddJob(const RunRequest& request, Store* store, proto::JobSpec& job) {
  job.set_job(request.job);
  for (const auto& [name, value] : request.arguments) {
    proto::Argument* argument = job.add_arguments();
    argument->set_name(name);
    argument->set_value(value);
  }
  for (const auto& [name, path] : request.side_files) {
    proto::SideFile* file = job.add_side_files();
    file->set_name(name);
    file->set_path(path);
    const auto dataset = DatasetNameIn(path);
    if (!dataset || store == nullptr) continue;
    const DatasetRow row = MINKE_TRY(OpenDataset(*store, *dataset)).row;
    file->set_version(row.version.bits);
    file->set_manifest(row.manifest);
  }
  job.set_output(request.output);
  job.set_json(request.json_records);
  return {};
}

// Where the parts go: a folder, a dataset, into the store to become rows, or nowhere yet.
Status OpenOutput(const RunRequest& request, const RunPlace& place, PreparedRun& run) {
  const Incarnation incarnation = place.incarnation;
  if (request.alone) {
    run.output = MINKE_TRY(
        OutputFolder::Open(OutputOfTask(run.context.spill->path(), incarnation), incarnation, {}));
    return {};
  }
  if (request.output.empty()) return {};
  if (const auto name = DatasetNameIn(request.output)) {
    MINKE_TRY_STATUS(CheckDatasetName(*name));
    if (place.store == nullptr) return NoStoreFor(*name);
    run.context.output_dataset = *name;
    return {};
  }
  if (const auto table = TableIn(request.output)) {
    run.context.output_table = *table;
    return {};
  }
  OutputFolderOptions options;
  options.overwrite = request.overwrite;
  options.sync = request.sync;
  options.stays = request.goes_on_later;
  run.output = MINKE_TRY(OutputFolder::Open(request.output, incarnation, options));
  return {};
}

void FillContext(const RunRequest& request, const RunPlace& place, PreparedRun& run) {
  JobContext& context = run.context;
  const minke_job& job = run.declared.job.job();
  context.incarnation = place.incarnation;
  context.store = place.store;
  context.job_name = run.declared.file.name();
  context.job = &job;
  context.plan = &run.plan;
  if (request.block_bytes != 0) {
    context.block.target_bytes = request.block_bytes;
    context.block.cap_bytes = 2 * request.block_bytes;
  }
  for (const auto& [name, path] : request.side_files) context.side_files.emplace(name, path);
  context.output = run.output.get();
  context.merge_by_key = job.map_only == 0 && job.partitioner != MINKE_PARTITION_RANGE;
  const bool is_json = request.json_records || !context.output_table.empty();
  context.format = is_json ? OutputFormat::kJson : OutputFormat::kText;
  context.sync_output = request.sync;
  context.skip_bad = request.skip_bad;
}

}  // namespace

MasterOptions FreshMasterOptions(const DeclaredRun& declared, const std::string& job_name) {
  MasterOptions options;
  options.job_name = job_name;
  options.version = kVersion;
  options.uuid = RandomBits();
  options.fresh_incarnation = FreshIncarnation();
  options.spec_hash = declared.spec_hash;
  return options;
}

uint32_t ThreadsOf(const RunRequest& request) {
  return request.threads != 0 ? request.threads : static_cast<uint32_t>(UsableCpus());
}

std::string OutputOfTask(const std::string& spill_folder, Incarnation incarnation) {
  return fmt::format("{}/minke-task-{}", spill_folder, incarnation.Hex());
}

Result<DeclaredRun> DeclareRun(const RunRequest& request, SlotPage* page) {
  const UserCode watched(page);
  JobFile file = MINKE_TRY(JobFile::Find(request.job));
  std::vector<JobArgument> arguments;
  for (const auto& [name, value] : request.arguments) arguments.push_back({name, value});
  DeclaredJob job = MINKE_TRY(file.Declare(arguments));
  const uint64_t spec_hash = SpecHashOf(request, file, job);
  return DeclaredRun{std::move(file), std::move(job), spec_hash};
}

Result<std::optional<Exit>> AnswerOfJob(const RunRequest& request, const DeclaredRun& declared,
                                        Store& store, const std::string& job_name) {
  std::optional<Exit> answer;
  const auto row = MINKE_TRY(ReadRow(store, job_name));
  if (row) answer = AnswerOfRow(*row, job_name, declared.spec_hash);
  if (answer && row->spec_hash == declared.spec_hash && IsPath(request.output)) {
    MINKE_TRY_STATUS(OutputFolder::CleanUp(request.output, row->incarnation));
  }
  return answer;
}

Result<PlannedInputs> PlanRun(const RunRequest& request, const DeclaredRun& declared,
                              const RunPlace& place, const ScratchFolder* spill) {
  PlannedInputs planned;
  planned.inputs = MINKE_TRY(FindInputs(request, declared, place.store, spill));
  PlanRequest wanted = PlanRequestOf(request, declared, place.slots);
  wanted.files = planned.inputs.files;
  const auto table = request.alone ? std::nullopt : TableIn(request.output);
  if (table) MINKE_TRY_STATUS(CheckTableOutput(request, declared.job.job(), *table, place.store));
  wanted.exports = table.has_value();
  planned.plan = MINKE_TRY(ComputePlan(wanted));
  if (table) planned.plan.set_export_unix_ms(SystemClock().UnixMs());
  MINKE_TRY_STATUS(AddJob(request, place.store, *planned.plan.mutable_job()));
  return planned;
}

RunRequest RequestOf(const proto::Plan& plan, const RunRequest& machine) {
  RunRequest request = machine;
  const proto::JobSpec& job = plan.job();
  request.job = job.job();
  request.arguments.clear();
  for (const proto::Argument& argument : job.arguments()) {
    request.arguments.emplace_back(argument.name(), argument.value());
  }
  request.side_files.clear();
  request.output = job.output();
  request.json_records = job.json();
  request.skip_bad = plan.skip_bad();
  request.attempts = plan.attempts_max();
  return request;
}

Result<std::unique_ptr<PreparedRun>> PrepareRun(const RunRequest& request, DeclaredRun declared,
                                                const RunPlace& place) {
  auto run = std::make_unique<PreparedRun>(std::move(declared));
  MINKE_TRY_STATUS(CheckSideFiles(request));
  MINKE_TRY_STATUS(CheckOutputs(request, run->declared.job.job()));
  MINKE_TRY_STATUS(DivideMemory(request, place.slots, *run));
  MINKE_TRY_STATUS(PrepareSpill(request, *run));
  PlannedInputs planned = MINKE_TRY(PlanRun(request, run->declared, place, run->spill.get()));
  run->inputs = std::move(planned.inputs);
  run->plan = std::move(planned.plan);
  MINKE_TRY_STATUS(OpenOutput(request, place, *run));
  FillContext(request, place, *run);
  return run;
}

Result<std::unique_ptr<PreparedRun>> JoinRun(const RunRequest& request, DeclaredRun declared,
                                             proto::Plan plan, const RunPlace& place) {
  auto run = std::make_unique<PreparedRun>(std::move(declared));
  MINKE_TRY_STATUS(DivideMemory(request, place.slots, *run));
  MINKE_TRY_STATUS(PrepareSpill(request, *run));
  run->plan = std::move(plan);
  MINKE_TRY_STATUS(OpenOutput(request, place, *run));
  FillContext(request, place, *run);
  return run;
}

}  // namespace minke
