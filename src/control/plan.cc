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
// Splits where the user names no size, see SplitSize.
constexpr uint64_t kSplitBytesMin = 1u << 20;
constexpr uint64_t kSplitBytesMax = 256u << 20;
constexpr uint64_t kSmallestPerThread = 6;  // as many of the shortest splits make a thread's share
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

// How long the next split should be. Where the user names no size, each takes two thirds of what a
// thread would have of the bytes that are left (guided self-scheduling, Polychronopoulos and Kuck
// 1987): few long map tasks, whose tables hold a key once for many records, then shorter ones, so
// that the threads end together.
class SplitSize {
 public:
  SplitSize(const PlanRequest& request, uint64_t total)
      : named_(request.split_bytes), left_(total), threads_(std::max(1u, request.threads)) {
    smallest_ = std::clamp(total / (kSmallestPerThread * threads_), kSplitBytesMin, kSplitBytesMax);
  }

  uint64_t bytes() const {
    if (named_ != 0) return named_;
    return std::clamp(left_ * 2 / 3 / threads_, smallest_, kSplitBytesMax);
  }
  void Take(uint64_t bytes) { left_ -= bytes; }

 private:
  uint64_t named_;
  uint64_t left_;
  uint64_t threads_;
  uint64_t smallest_;
};

// Cuts the files into splits.
class Splitting {
 public:
  Splitting(proto::Plan* plan, SplitSize size, uint64_t record_bytes)
      : plan_(plan), size_(size), record_bytes_(record_bytes) {}

  void Add(uint32_t index, const proto::InputFile& file) {
    if (file.size() == 0) return;
    if (file.compression() != 0) {
      Close();
      AddPiece(index, file.size())->set_whole(true);
      Close();
    } else if (file.size() > size_.bytes()) {
      Close();
      Cut(index, file);
    } else {
      if (filled_ + file.size() > split_bytes_ || files_ == kFilesPerSplitMax) Close();
      SetRange(file, 0, file.size(), AddPiece(index, file.size()));
    }
  }

 private:
  void Close() {
    split_ = nullptr;
    filled_ = 0;
    files_ = 0;
  }

  proto::SplitPiece* AddPiece(uint32_t index, uint64_t bytes) {
    if (split_ == nullptr) {
      split_ = plan_->add_splits();
      split_bytes_ = size_.bytes();
    }
    size_.Take(bytes);
    filled_ += bytes;
    ++files_;
    proto::SplitPiece* piece = split_->add_pieces();
    piece->set_file(index);
    return piece;
  }

  // Into splits of its own, evenly where they are to be of one size; between records where their
  // length is fixed.
  void Cut(uint32_t index, const proto::InputFile& file) {
    const uint64_t size = file.size();
    const uint64_t unit = std::max<uint64_t>(1, record_bytes_);
    for (uint64_t begin = 0; begin < size;) {
      const uint64_t parts = (size - begin + size_.bytes() - 1) / size_.bytes();
      const uint64_t units = std::max<uint64_t>(1, (size - begin) / parts / unit);
      const uint64_t end = parts == 1 ? size : std::min(size, begin + units * unit);
      SetRange(file, begin, end, AddPiece(index, end - begin));
      Close();
      begin = end;
    }
  }

  proto::Plan* plan_;
  SplitSize size_;
  uint64_t record_bytes_;
  proto::Split* split_ = nullptr;
  // Of the open split: what it may hold, and holds.
  uint64_t split_bytes_ = 0;
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
  Splitting splitting(&plan, SplitSize(request, total), request.record_bytes);
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
  if (request.exports) {
    AddStep(plan, proto::PHASE_EXPORT, request.has_reduce ? plan.partitions() : maps);
  }
  MINKE_TRY_STATUS(CheckLimits(request, plan));
  return plan;
}

void SetRange(const proto::InputFile& file, uint64_t begin, uint64_t end,
              proto::SplitPiece* piece) {
  // A share of 2^64; all of them are 0 again.
  const auto tokens_before = [&](uint64_t byte) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(byte) << 64) / file.size());
  };
  piece->set_whole(file.is_table());
  piece->set_begin(file.is_table() ? tokens_before(begin) : begin);
  piece->set_end(file.is_table() ? tokens_before(end) : end);
}

uint64_t PlanChecksum(Bytes block) { return Hash64(block); }

std::string PlanName(uint64_t checksum) { return fmt::format("plan-{:016x}", checksum); }

std::string SplittersName(uint64_t checksum) { return fmt::format("splitters-{:016x}", checksum); }

std::string ManifestName(uint64_t checksum) { return fmt::format("manifest-{:016x}", checksum); }

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
