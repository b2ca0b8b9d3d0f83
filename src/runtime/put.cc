#include "runtime/put.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <minke/abi.h>

#include "base/hash.h"
#include "runtime/prepare.h"
#include "task/dataset/chunk_stream.h"
#include "task/dataset/dataset.h"
#include "task/input/input_files.h"
#include "task/input/input_source.h"

#include "proto/minke.pb.h"

namespace minke {
namespace {

constexpr uint64_t kStretchBytes = 64 * kChunkBytes;
constexpr size_t kReadBytes = 1 << 20;
constexpr std::chrono::milliseconds kProgressEvery{200};

// What one thread puts at a time.
struct Stretch {
  uint32_t file = 0;
  uint32_t number = 0;  // of its file
};

uint64_t SpecOf(std::span<const proto::InputFile> files, uint32_t record_bytes) {
  std::string all;
  AppendVarint(all, record_bytes);
  for (const proto::InputFile& file : files) {
    const std::string bytes = file.SerializeAsString();
    AppendVarint(all, bytes.size());
    all += bytes;
  }
  return Hash64(all);
}

// The files, stretch by stretch, by as many threads as wanted.
class Putting {
 public:
  Putting(Store& store, Incarnation version, std::span<const proto::InputFile> files,
          const PutOptions& options)
      : store_(store), version_(version), files_(files), options_(options) {
    results_.resize(files_.size());
    for (uint32_t file = 0; file < files_.size(); ++file) {
      const bool is_packed = files_[file].compression() != 0;
      const uint64_t size = files_[file].size();
      const uint64_t count =
          is_packed ? 1 : std::max<uint64_t>(1, (size + kStretchBytes - 1) / kStretchBytes);
      results_[file].resize(static_cast<size_t>(count));
      for (uint32_t i = 0; i < count; ++i) stretches_.push_back({file, i});
      total_ += size;
    }
  }

  Status Run() {
    {
      std::vector<std::jthread> threads;
      const size_t count = std::min<size_t>(std::max(options_.threads, 1u), stretches_.size());
      for (size_t i = 0; i < count; ++i) threads.emplace_back([this] { Work(); });
      Watch(count);
    }
    if (failure_) return *std::move(failure_);
    return {};
  }

  proto::Manifest Manifest() const {
    proto::Manifest manifest;
    for (uint32_t i = 0; i < files_.size(); ++i) {
      proto::ManifestPart* part = manifest.add_parts();
      part->set_index(i);
      part->mutable_attempt()->set_n(AttemptOf(i).n);
      part->set_path(files_[i].path());
      proto::OutputFile* file = part->mutable_file();
      for (const proto::OutputFile& stretch : results_[i]) {
        file->set_bytes(file->bytes() + stretch.bytes());
        file->set_records(file->records() + stretch.records());
      }
      file->set_raw(options_.record_bytes != 0);
      file->set_record_bytes(options_.record_bytes);
    }
    return manifest;
  }

 private:
  bool IsStopped() const { return options_.stop != nullptr && options_.stop->load() != 0; }
  static AttemptId AttemptOf(uint32_t file) { return {0, uint64_t{file} + 1}; }

  void Work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      if (failure_ || next_ == stretches_.size()) break;
      const Stretch stretch = stretches_[next_++];
      lock.unlock();
      auto put = PutOnce(stretch);
      lock.lock();
      if (put) {
        results_[stretch.file][stretch.number] = *std::move(put);
      } else if (!failure_) {
        failure_ = std::move(put).error();
      }
    }
    const std::lock_guard lock(mutex_);
    ++ended_;
    changed_.notify_all();
  }

  // Until all threads have ended; says how far they are.
  void Watch(size_t threads) {
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, kProgressEvery, [&] { return ended_ == threads; })) {
      if (!options_.on_progress) continue;
      lock.unlock();
      options_.on_progress({done_.load(), total_});
      lock.lock();
    }
  }

  // Its bytes and records; from its mark, if it was put before.
  Result<proto::OutputFile> PutOnce(const Stretch& stretch) {
    const std::string mark = fmt::format("put-{}-{}", stretch.file, stretch.number);
    const auto before = store_.GetBlock(version_, mark);
    proto::OutputFile result;
    if (before && result.ParseFromString(*before)) {
      done_ += StoredBytes(stretch);
      return result;
    }
    if (!before && before.error().code != ErrorCode::kNotFound) return before.error();
    result = MINKE_TRY(Put(stretch));
    MINKE_TRY_STATUS(store_.PutBlock(version_, mark, result.SerializeAsString()));
    return result;
  }

  uint64_t StoredBytes(const Stretch& stretch) const {
    const proto::InputFile& file = files_[stretch.file];
    if (file.compression() != 0) return file.size();
    return std::min(kStretchBytes, file.size() - stretch.number * kStretchBytes);
  }

  Result<proto::OutputFile> Put(const Stretch& stretch) {
    const proto::InputFile& file = files_[stretch.file];
    const bool is_packed = file.compression() != 0;
    const uint64_t begin = stretch.number * kStretchBytes;
    auto source = MINKE_TRY(InputSource::Open(file, begin, nullptr));
    ChunkOptions chunks;
    chunks.codec = options_.codec;
    chunks.first = static_cast<uint32_t>(begin / kChunkBytes);
    auto output =
        MINKE_TRY(ChunkOutput::Open(store_, {version_, AttemptOf(stretch.file), ""}, chunks));
    std::string buffer(kReadBytes, '\0');
    uint64_t left = is_packed ? UINT64_MAX : StoredBytes(stretch);
    uint64_t told = 0;
    proto::OutputFile result;
    char last = '\n';
    while (left > 0 && !IsStopped()) {
      const size_t wanted = static_cast<size_t>(std::min<uint64_t>(left, buffer.size()));
      const size_t n = MINKE_TRY(source->Read(buffer.data(), wanted));
      MINKE_TRY_STATUS(output->Write(Bytes(buffer.data(), n)));
      result.set_bytes(result.bytes() + n);
      result.set_records(result.records() +
                         static_cast<uint64_t>(std::count(buffer.data(), buffer.data() + n, '\n')));
      if (n > 0) last = buffer[n - 1];
      done_ += source->stored_bytes_read() - told;
      told = source->stored_bytes_read();
      left -= n;
      if (n < wanted) break;
    }
    MINKE_TRY_STATUS(source->CheckUnchanged());
    if (IsStopped()) return Error{ErrorCode::kCancelled, "interrupted"};
    MINKE_TRY_STATUS(output->Finish());
    const bool is_last = is_packed || begin + result.bytes() == file.size();
    if (is_last && last != '\n') result.set_records(result.records() + 1);
    if (options_.record_bytes != 0) MINKE_TRY_STATUS(CountFixed(file, is_packed, result));
    return result;
  }

  // Fixed-length records: a file holds whole ones; they are counted where its last stretch is.
  Status CountFixed(const proto::InputFile& file, bool is_packed, proto::OutputFile& result) const {
    const uint64_t size = is_packed ? result.bytes() : file.size();
    if (size % options_.record_bytes != 0) {
      return Error{ErrorCode::kInput,
                   fmt::format("{}: its size, {} bytes, is not a multiple of the record size, {}",
                               file.path(), size, options_.record_bytes)};
    }
    result.set_records(result.bytes() / options_.record_bytes);
    return {};
  }

  Store& store_;
  Incarnation version_;
  std::span<const proto::InputFile> files_;
  const PutOptions& options_;
  std::vector<Stretch> stretches_;
  uint64_t total_ = 0;
  std::atomic<uint64_t> done_{0};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  size_t next_ = 0;
  size_t ended_ = 0;
  std::optional<Error> failure_;
  std::vector<std::vector<proto::OutputFile>> results_;  // by file and stretch
};

constexpr std::string_view kRowPrefix = "put ";

// The row of what puts into the dataset.
std::string RowName(const std::string& dataset) { return std::string(kRowPrefix) + dataset; }

Error TakenOver(const std::string& dataset) {
  return Error{ErrorCode::kUnavailable,
               fmt::format("other files are being put into the dataset {}: try again when that is "
                           "over",
                           dataset)};
}

// The row under which these files are put: one that was begun, or a new one.
Result<JobRow> TakeRow(Store& store, const std::string& dataset, uint64_t spec) {
  const std::string name = RowName(dataset);
  const auto before = MINKE_TRY(store.GetJob(name));
  const auto dataset_row = MINKE_TRY(store.GetDataset(dataset));
  const bool stands = before && dataset_row && dataset_row->version == before->incarnation;
  const bool is_same = before && before->spec_hash == spec;
  if (is_same && (stands || before->state != JobState::kFinished)) return *before;
  const JobRow mine{FreshIncarnation(), spec, JobState::kOpen, 0};
  const JobRow standing = MINKE_TRY(store.CompareAndSetJob(name, before, mine));
  if (standing.spec_hash != spec) return TakenOver(dataset);
  // Whoever was at it will not publish any more.
  if (before && before->state == JobState::kOpen && standing == mine) {
    MINKE_TRY_STATUS(RemoveVersion(store, before->incarnation));
  }
  return standing;
}

// From open to accepted: from then on nobody takes away what is about to be published.
Status Accept(Store& store, const std::string& dataset, const JobRow& row) {
  if (row.state != JobState::kOpen) return {};
  JobRow accepted = row;
  accepted.state = JobState::kAccepted;
  const JobRow standing = MINKE_TRY(store.CompareAndSetJob(RowName(dataset), row, accepted));
  if (standing.incarnation != row.incarnation) return TakenOver(dataset);
  return {};
}

PutDone Summary(const proto::Manifest& manifest, Incarnation version) {
  const DatasetTotals totals = TotalsOf(manifest);
  return {version, totals.parts, totals.records, totals.bytes};
}

// The version is not being put any more, whoever was at it.
Status FinishPut(Store& store, const std::string& dataset, Incarnation version) {
  const std::optional<JobRow> row = MINKE_TRY(store.GetJob(RowName(dataset)));
  if (!row || row->incarnation != version || row->state == JobState::kFinished) return {};
  JobRow finished = *row;
  finished.state = JobState::kFinished;
  MINKE_TRY(store.CompareAndSetJob(RowName(dataset), row, finished));
  return {};
}

}  // namespace

bool IsPutRow(const std::string& job_name) { return job_name.starts_with(kRowPrefix); }

Status RetireVersion(Store& store, const std::string& dataset, Incarnation version) {
  if (MINKE_TRY(PublishDataset(store, dataset, version, DatasetRow{})) != Incarnation{}) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("the dataset {} was given another version meanwhile: look at it, "
                             "and remove it again if it is to go",
                             dataset)};
  }
  return FinishPut(store, dataset, version);
}

Result<PutDone> PutFiles(Store& store, const std::string& dataset,
                         std::span<const std::string> inputs, const PutOptions& options) {
  MINKE_TRY_STATUS(CheckDatasetName(dataset));
  InputFileOptions finding;
  finding.kind = options.record_bytes != 0 ? MINKE_FIXED : MINKE_TEXT;
  finding.spill_folder = options.spill_folder;
  const InputFiles found = MINKE_TRY(FindInputFiles(inputs, finding));
  return PutFiles(store, dataset, found.files, options);
}

Result<PutDone> PutFiles(Store& store, const std::string& dataset,
                         std::span<const proto::InputFile> files, const PutOptions& options) {
  MINKE_TRY_STATUS(CheckDatasetName(dataset));
  const auto before = MINKE_TRY(store.GetDataset(dataset));
  const JobRow row = MINKE_TRY(TakeRow(store, dataset, SpecOf(files, options.record_bytes)));
  if (before && before->version == row.incarnation) {
    MINKE_TRY_STATUS(FinishPut(store, dataset, row.incarnation));
    PutDone done =
        Summary(MINKE_TRY(LoadManifest(store, before->version, before->manifest)), before->version);
    done.was_there = true;
    return done;
  }
  Putting putting(store, row.incarnation, files, options);
  MINKE_TRY_STATUS(putting.Run());
  MINKE_TRY_STATUS(Accept(store, dataset, row));
  const proto::Manifest manifest = putting.Manifest();
  const DatasetRow mine{row.incarnation,
                        MINKE_TRY(StoreManifest(store, row.incarnation, manifest))};
  const Incarnation expected = before ? before->version : Incarnation{};
  if (MINKE_TRY(PublishDataset(store, dataset, expected, mine)) != mine.version) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("the dataset {} was given another version meanwhile: look at it, and "
                             "put again if yours is to stand",
                             dataset)};
  }
  MINKE_TRY_STATUS(FinishPut(store, dataset, row.incarnation));
  return Summary(manifest, row.incarnation);
}

}  // namespace minke
