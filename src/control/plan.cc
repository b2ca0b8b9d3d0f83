#include "control/plan.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>

#include "base/hash.h"

namespace minke {
namespace {

constexpr uint64_t kPartitionInputBytes = 32u << 20;
constexpr uint32_t kPartitionsByInputMax = 1024;
constexpr uint32_t kBucketMapTasksMax = 256;
constexpr uint64_t kSampleBytes = 64u << 10;
constexpr uint64_t kSplitBytesMin = 1u << 20;  // where the user names none
constexpr uint32_t kSplitsPerThread = 4;
constexpr uint32_t kFilesPerSplitMax = 10'000;

uint64_t TotalBytes(const PlanRequest& request) {
  uint64_t total = 0;
  for (const proto::InputFile& file : request.files) total += file.size();
  return total;
}

uint32_t PartitionsOf(const PlanRequest& request, uint64_t total) {
  if (!request.has_reduce) return 1;
  if (request.partitions != 0) return request.partitions;
  const uint64_t by_size = (total + kPartitionInputBytes - 1) / kPartitionInputBytes;
  return static_cast<uint32_t>(std::clamp<uint64_t>(by_size, 1, kPartitionsByInputMax));
}

// Cuts the files into splits of about `split_bytes`.
class Splitting {
 public:
  Splitting(proto::Plan* plan, uint64_t split_bytes, uint64_t record_bytes)
      : plan_(plan), split_bytes_(split_bytes), record_bytes_(record_bytes) {}

  void Add(uint32_t index, const proto::InputFile& file) {
    if (file.size() == 0) return;
    if (file.compression() != 0) {
      Close();
      proto::SplitPiece* piece = AddPiece(index);
      piece->set_whole(true);
      Close();
    } else if (file.size() > split_bytes_) {
      Close();
      Cut(index, file.size());
    } else {
      if (filled_ + file.size() > split_bytes_ || files_ == kFilesPerSplitMax) Close();
      AddPiece(index)->set_end(file.size());
      filled_ += file.size();
      ++files_;
    }
  }

  void Close() {
    split_ = nullptr;
    filled_ = 0;
    files_ = 0;
  }

 private:
  proto::SplitPiece* AddPiece(uint32_t index) {
    if (split_ == nullptr) split_ = plan_->add_splits();
    proto::SplitPiece* piece = split_->add_pieces();
    piece->set_file(index);
    return piece;
  }

  // Into even parts, between records where their length is fixed.
  void Cut(uint32_t index, uint64_t size) {
    const uint64_t unit = std::max<uint64_t>(1, record_bytes_);
    const uint64_t units = size / unit;
    const uint64_t parts = std::min(units, (size + split_bytes_ - 1) / split_bytes_);
    for (uint64_t part = 0; part < parts; ++part) {
      const auto bound = [&](uint64_t n) {
        return static_cast<uint64_t>(static_cast<unsigned __int128>(units) * n / parts) * unit;
      };
      proto::SplitPiece* piece = AddPiece(index);
      piece->set_begin(bound(part));
      piece->set_end(part + 1 == parts ? size : bound(part + 1));
      Close();
    }
  }

  proto::Plan* plan_;
  uint64_t split_bytes_;
  uint64_t record_bytes_;
  proto::Split* split_ = nullptr;
  uint64_t filled_ = 0;
  uint32_t files_ = 0;
};

Status CheckRecords(const PlanRequest& request) {
  if (request.record_bytes == 0) return {};
  for (const proto::InputFile& file : request.files) {
    if (file.compression() == 0 && file.size() % request.record_bytes != 0) {
      return Error{ErrorCode::kInput,
                   fmt::format("{} has {} bytes, which is no whole number of records of {} bytes: "
                               "it is cut off, or the record length is another one",
                               file.path(), file.size(), request.record_bytes)};
    }
  }
  return {};
}

Status CheckLimits(const PlanRequest& request, const proto::Plan& plan) {
  if (plan.partitions() > kPartitionsMax) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} partitions are more than the limit of {}; give --partitions a "
                             "smaller number",
                             plan.partitions(), kPartitionsMax)};
  }
  const uint64_t runs = static_cast<uint64_t>(plan.splits_size()) * plan.partitions();
  if (request.has_reduce && runs > kRunsMax) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} map tasks × {} partitions are more than the limit of {}; give "
                             "--partitions a smaller or --split-bytes a larger number",
                             plan.splits_size(), plan.partitions(), kRunsMax)};
  }
  return {};
}

void AddStep(proto::Plan& plan, proto::PhaseKind kind, uint32_t tasks) {
  proto::Step* step = plan.add_steps();
  step->set_kind(kind);
  step->set_tasks(tasks);
}

// One string of many, none of which can be taken for another.
void AppendField(std::string& all, Bytes field) {
  AppendVarint(all, field.size());
  all.append(field);
}

}  // namespace

Result<proto::Plan> ComputePlan(const PlanRequest& request) {
  MINKE_TRY_STATUS(CheckRecords(request));
  const uint64_t total = TotalBytes(request);
  proto::Plan plan;
  plan.set_version(1);
  plan.set_spec_hash(request.spec_hash);
  plan.set_job_hash(request.job_hash);
  plan.set_partitions(PartitionsOf(request, total));
  plan.set_attempts_max(request.attempts_max);
  plan.set_backups(request.backups);
  plan.set_max_age_ms(request.max_age_ms);
  plan.set_skip_bad(request.skip_bad);
  plan.set_sample_bytes(kSampleBytes);
  const uint64_t wanted = uint64_t{kSplitsPerThread} * std::max(1u, request.threads);
  const uint64_t split_bytes = request.split_bytes != 0
                                   ? request.split_bytes
                                   : std::max(kSplitBytesMin, (total + wanted - 1) / wanted);
  Splitting splitting(&plan, split_bytes, request.record_bytes);
  for (size_t i = 0; i < request.files.size(); ++i) {
    *plan.add_files() = request.files[i];
    splitting.Add(static_cast<uint32_t>(i), request.files[i]);
  }
  if (plan.splits_size() == 0) plan.add_splits();  // no records: one map task all the same
  const auto maps = static_cast<uint32_t>(plan.splits_size());
  plan.set_buckets(std::max(1u, (maps + kBucketMapTasksMax - 1) / kBucketMapTasksMax));
  plan.set_span(std::max(1u, kBucketMapTasksMax * plan.buckets() / std::max(1u, maps)));
  if (request.range_partitioned && plan.partitions() > 1) AddStep(plan, proto::PHASE_SAMPLE, 1);
  AddStep(plan, proto::PHASE_MAP, maps);
  if (request.has_reduce) AddStep(plan, proto::PHASE_REDUCE, plan.partitions());
  MINKE_TRY_STATUS(CheckLimits(request, plan));
  return plan;
}

uint64_t PlanChecksum(Bytes block) { return Hash64(block); }

std::string PlanName(uint64_t checksum) { return fmt::format("plan-{:016x}", checksum); }

std::string SplittersName(uint64_t checksum) { return fmt::format("splitters-{:016x}", checksum); }

uint64_t SpecHash(const JobSpec& spec) {
  std::string all;
  AppendVarint(all, spec.job_hash);
  AppendField(all, spec.job);
  const auto append_pairs = [&](const std::vector<std::pair<std::string, std::string>>& pairs) {
    AppendVarint(all, pairs.size());
    for (const auto& [name, value] : pairs) {
      AppendField(all, name);
      AppendField(all, value);
    }
  };
  append_pairs(spec.arguments);
  append_pairs(spec.side_files);
  AppendVarint(all, spec.inputs.size());
  for (const std::string& input : spec.inputs) AppendField(all, input);
  AppendField(all, spec.output);
  AppendField(all, spec.format);
  AppendVarint(all, spec.partitions);
  return Hash64(all);
}

}  // namespace minke
