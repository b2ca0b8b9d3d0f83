#include "task/partitioner.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "shuffle/key_sort.h"

namespace minke {
namespace {

Bytes KeyOf(const minke_pair& pair) { return {pair.key, pair.key_size}; }

class HashPartitioner final : public KeyPartitioner {
 public:
  explicit HashPartitioner(uint32_t partitions) : partitions_(partitions) {}
  Status Partition(std::span<const minke_pair> keys, std::span<uint32_t> partitions) override {
    for (size_t i = 0; i < keys.size(); ++i) {
      partitions[i] = PartitionOf(KeyOf(keys[i]), partitions_);
    }
    return {};
  }

 private:
  uint32_t partitions_;
};

class RangePartitioner final : public KeyPartitioner {
 public:
  explicit RangePartitioner(std::vector<std::string> splitters) : splitters_(std::move(splitters)) {
    for (std::string& splitter : splitters_) {
      const size_t size = splitter.size();
      splitter.resize(size + MINKE_READABLE_BEYOND);
      prefixes_.push_back(KeyPrefix(Bytes(splitter.data(), size), 0));
      splitter.resize(size);
    }
    prefixes_.resize(std::bit_ceil(prefixes_.size() + 1) - 1, UINT64_MAX);
  }

  Status Partition(std::span<const minke_pair> keys, std::span<uint32_t> partitions) override {
    for (size_t i = 0; i < keys.size(); ++i) partitions[i] = Find(KeyOf(keys[i]));
    return {};
  }

 private:
  uint32_t Find(Bytes key) const {
    const uint64_t prefix = KeyPrefix(key, 0);
    // How many prefixes are below the key's. Arithmetic, and as many steps for every key: where a
    // key belongs cannot be predicted.
    size_t at = 0;
    for (size_t step = (prefixes_.size() + 1) / 2; step > 0; step /= 2) {
      at += step & (size_t{0} - static_cast<size_t>(prefixes_[at + step - 1] < prefix));
    }
    while (at < splitters_.size() && prefixes_[at] == prefix && Bytes(splitters_[at]) <= key) ++at;
    return static_cast<uint32_t>(at);
  }

  std::vector<std::string> splitters_;
  std::vector<uint64_t> prefixes_;  // filled up with ones to 2^n - 1
};

class JobPartitioner final : public KeyPartitioner {
 public:
  JobPartitioner(const minke_job& job, void* instance, uint32_t partitions)
      : job_(job), instance_(instance), partitions_(partitions) {}

  Status Partition(std::span<const minke_pair> keys, std::span<uint32_t> partitions) override {
    minke_error error{};
    if (job_.partition(instance_, keys.data(), keys.size(), partitions_, partitions.data(),
                       &error) != 0) {
      return Error{ErrorCode::kUserCode,
                   fmt::format("the job's partitioner failed: {}", error.text)};
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      if (partitions[i] >= partitions_) {
        return Error{ErrorCode::kUserCode,
                     fmt::format("the job's partitioner answers {} for a key, but there are {} "
                                 "partitions; answer 0 to {}",
                                 partitions[i], partitions_, partitions_ - 1)};
      }
    }
    return {};
  }

 private:
  const minke_job& job_;
  void* instance_;
  uint32_t partitions_;
};

}  // namespace

std::unique_ptr<KeyPartitioner> MakePartitioner(const minke_job& job, void* instance,
                                                uint32_t partitions,
                                                std::vector<std::string> splitters) {
  switch (job.partitioner) {
    case MINKE_PARTITION_RANGE:
      return std::make_unique<RangePartitioner>(std::move(splitters));
    case MINKE_PARTITION_CUSTOM:
      return std::make_unique<JobPartitioner>(job, instance, partitions);
    default:
      return std::make_unique<HashPartitioner>(partitions);
  }
}

std::vector<std::string> PickSplitters(std::vector<std::string> sample, uint32_t partitions) {
  std::sort(sample.begin(), sample.end());
  std::vector<std::string> splitters;
  for (uint64_t part = 1; part < partitions && !sample.empty(); ++part) {
    const std::string& key = sample[sample.size() * part / partitions];
    if (splitters.empty() || splitters.back() != key) splitters.push_back(key);
  }
  return splitters;
}

}  // namespace minke
