#include "runtime/get.h"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/hash.h"
#include "control/fleet.h"
#include "runtime/prepare.h"
#include "task/dataset/chunk_stream.h"
#include "task/dataset/dataset.h"
#include "task/output/output_folder.h"

#include "proto/minke.pb.h"

namespace minke {
namespace {

// The fingerprint of a part while its bytes go by: the sum of XXH3 of its records.
class Fingerprint {
 public:
  explicit Fingerprint(const proto::OutputFile& file)
      : record_bytes_(file.record_bytes()), is_known_(!file.raw() || file.record_bytes() != 0) {}

  void Add(Bytes bytes) {
    if (!is_known_) return;
    if (!carry_.empty()) {
      const size_t taken = std::min(bytes.size(), EndIn(bytes, carry_.size()));
      carry_.append(bytes.substr(0, taken));
      bytes.remove_prefix(taken);
      if (!IsWhole(carry_)) return;
      AddRecord(carry_);
      carry_.clear();
    }
    while (!bytes.empty()) {
      const Bytes record = bytes.substr(0, EndIn(bytes, 0));
      bytes.remove_prefix(record.size());
      if (IsWhole(record)) {
        AddRecord(record);
      } else {
        carry_.assign(record);
      }
    }
  }

  // Nothing: raw records of several sizes cannot be told apart.
  std::optional<uint64_t> Finish() {
    if (!carry_.empty()) AddRecord(std::exchange(carry_, {}));
    return is_known_ ? std::optional(sum_) : std::nullopt;
  }

 private:
  // How much of `bytes` belongs to the record of which so much has gone by.
  size_t EndIn(Bytes bytes, size_t before) const {
    if (record_bytes_ != 0) return std::min<size_t>(bytes.size(), record_bytes_ - before);
    const size_t end = bytes.find('\n');
    return end == Bytes::npos ? bytes.size() : end + 1;
  }
  bool IsWhole(Bytes record) const {
    return record_bytes_ != 0 ? record.size() == record_bytes_ : record.ends_with('\n');
  }
  void AddRecord(Bytes record) {
    if (record_bytes_ == 0 && record.ends_with('\n')) record.remove_suffix(1);
    sum_ += Hash64(record);
  }

  uint64_t record_bytes_;
  bool is_known_;
  std::string carry_;
  uint64_t sum_ = 0;
};

// One part to `write`. Returns its fingerprint, which is held against the manifest's where that has
// one: not of files that were put.
Result<uint64_t> GetPart(Store& store, Incarnation version, const proto::ManifestPart& part,
                         const std::function<Status(Bytes)>& write) {
  const proto::OutputFile& file = part.file();
  ChunkInput input(&store, FileOfPart(version, part), file.bytes(), 0);
  Fingerprint fingerprint(file);
  std::string buffer(kChunkBytes, '\0');
  for (;;) {
    const size_t n = MINKE_TRY(input.Read(buffer.data(), buffer.size()));
    const Bytes bytes(buffer.data(), n);
    fingerprint.Add(bytes);
    MINKE_TRY_STATUS(write(bytes));
    if (n < buffer.size()) break;
  }
  const uint64_t sum = fingerprint.Finish().value_or(file.fingerprint());
  if (part.path().empty() && file.fingerprint() != sum) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("part {} of the dataset is not what its manifest says: fingerprint "
                             "{:016x}, not {:016x}; run again what made it",
                             part.index(), sum, file.fingerprint())};
  }
  return sum;
}

// Parts into files aside, by several threads.
class Fetching {
 public:
  Fetching(Store& store, Dataset* dataset, const OutputFolder& folder, bool sync)
      : store_(store), dataset_(*dataset), folder_(folder), sync_(sync) {}

  Status Run(uint32_t threads) {
    {
      std::vector<std::jthread> all;
      for (uint32_t i = 0; i < std::max(threads, 1u); ++i) all.emplace_back([this] { Work(); });
    }
    if (failure_) return *std::move(failure_);
    return {};
  }

 private:
  void Work() {
    for (;;) {
      const int part = next_++;
      if (part >= dataset_.manifest.parts_size() || has_failed_) return;
      Status got = Get(*dataset_.manifest.mutable_parts(part));
      if (got) continue;
      has_failed_ = true;
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::move(got).error();
    }
  }

  Status Get(proto::ManifestPart& part) {
    const std::string path =
        folder_.AttemptPath(part.file().name(), part.index(), FromProto(part.attempt()));
    File file = MINKE_TRY(File::Open(path, File::Mode::kCreate));
    part.mutable_file()->set_fingerprint(MINKE_TRY(GetPart(
        store_, dataset_.row.version, part, [&](Bytes bytes) { return file.Write(bytes); })));
    if (sync_) MINKE_TRY_STATUS(file.Sync());
    return file.Close();
  }

  Store& store_;
  Dataset& dataset_;
  const OutputFolder& folder_;
  bool sync_;
  std::atomic<int> next_{0};
  std::atomic<bool> has_failed_{false};
  std::mutex mutex_;  // guards failure_
  std::optional<Error> failure_;
};

}  // namespace

Result<DatasetTotals> GetIntoFolder(Store& store, const std::string& dataset,
                                    const std::string& folder, const GetOptions& options) {
  MINKE_TRY(OpenDataset(store, dataset));  // before anything is made
  OutputFolderOptions output;
  output.overwrite = options.overwrite;
  output.sync = options.sync;
  const auto to = MINKE_TRY(OutputFolder::Open(folder, FreshIncarnation(), output));
  auto done = GetIntoFolder(store, dataset, *to, options);
  if (!done) (void)to->Abandon();
  return done;
}

Result<DatasetTotals> GetIntoFolder(Store& store, const std::string& dataset, OutputFolder& folder,
                                    const GetOptions& options) {
  Dataset opened = MINKE_TRY(OpenDataset(store, dataset));
  MINKE_TRY_STATUS(Fetching(store, &opened, folder, options.sync).Run(options.threads));
  MINKE_TRY_STATUS(folder.Publish(WinningParts(opened.manifest)));
  return TotalsOf(opened.manifest);
}

Result<DatasetTotals> GetInOrder(Store& store, const std::string& dataset,
                                 const std::function<Status(Bytes)>& write) {
  return GetInOrder(store, MINKE_TRY(OpenDataset(store, dataset)), write);
}

Result<DatasetTotals> GetInOrder(Store& store, const Dataset& dataset,
                                 const std::function<Status(Bytes)>& write) {
  for (const proto::ManifestPart* part : MainParts(dataset.manifest)) {
    MINKE_TRY(GetPart(store, dataset.row.version, *part, write));
  }
  return TotalsOf(dataset.manifest);
}

}  // namespace minke
