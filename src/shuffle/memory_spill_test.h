// For tests: runs in memory, random records, addresses in use. Not part of the library.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "shuffle/run.h"

namespace minke {

// A SpillSpace whose runs are vectors of blocks; checks that one run is written at a time.
class MemorySpill final : public SpillSpace {
 public:
  using Blocks = std::map<uint32_t, std::vector<std::string>>;

  Result<RunSink*> Begin() override {
    if (sink_.run != nullptr) return Error{ErrorCode::kInternal, "a run is being written"};
    sink_.run = std::make_shared<MemoryRun>();
    return &sink_;
  }
  Result<std::shared_ptr<const Run>> Seal() override {
    ++runs;
    return std::shared_ptr<const Run>(std::exchange(sink_.run, nullptr));
  }

  size_t runs = 0;

 private:
  struct MemoryRun final : Run {
    Blocks blocks;
    std::unique_ptr<RunSource> Open(uint32_t partition) const override {
      struct Source final : RunSource {
        const std::vector<std::string>* blocks;
        size_t next = 0;
        Result<Bytes> Next() override {
          return blocks == nullptr || next == blocks->size() ? Bytes() : Bytes((*blocks)[next++]);
        }
      };
      auto source = std::make_unique<Source>();
      const auto found = blocks.find(partition);
      source->blocks = found == blocks.end() ? nullptr : &found->second;
      return source;
    }
    uint64_t stored_bytes() const override {
      uint64_t bytes = 0;
      for (const auto& [partition, list] : blocks) {
        for (const std::string& block : list) bytes += block.size();
      }
      return bytes;
    }
  };
  struct Sink final : RunSink {
    std::shared_ptr<MemoryRun> run;
    Status Put(uint32_t partition, Bytes block, bool) override {
      run->blocks[partition].emplace_back(block);
      return {};
    }
  };
  Sink sink_;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Everything a stream gives.
inline Pairs ReadAll(RecordStream& stream) {
  Pairs pairs;
  for (;;) {
    auto batch = stream.Next();
    if (!batch) {
      pairs.emplace_back("error", batch.error().text);
      return pairs;
    }
    if (batch->empty()) return pairs;
    for (const minke_record& record : *batch) {
      pairs.emplace_back(std::string(record.key, record.key_size),
                         std::string(record.value, record.value_size));
    }
  }
}

// Keys that are hard to sort: few letters, zeros, shared beginnings, all lengths, now and then
// long.
inline std::string RandomKey(std::mt19937& random) {
  std::string key(random() % 4 == 0 ? 0 : random() % 20, 'p');
  const size_t tail = random() % 100 == 0 ? 300 : random() % 6;
  for (size_t i = 0; i < tail; ++i) key += static_cast<char>(random() % 3);
  return key;
}

// Owns bytes with room to read beyond, as an emitter's keys have.
class PairBatch {
 public:
  void Add(std::string key, std::string value) {
    keys_.push_back(std::move(key));
    values_.push_back(std::move(value));
  }
  const std::vector<minke_pair>& pairs() {
    pairs_.clear();
    for (size_t i = 0; i < keys_.size(); ++i) {
      const size_t key_size = keys_[i].size();
      const size_t value_size = values_[i].size();
      keys_[i].reserve(key_size + MINKE_READABLE_BEYOND);
      values_[i].reserve(value_size + MINKE_READABLE_BEYOND);
      minke_pair pair{};
      pair.key = keys_[i].data();
      pair.key_size = static_cast<uint32_t>(key_size);
      pair.value.bytes = values_[i].data();
      pair.value_size = static_cast<uint32_t>(value_size);
      pairs_.push_back(pair);
    }
    return pairs_;
  }

 private:
  std::vector<std::string> keys_;
  std::vector<std::string> values_;
  std::vector<minke_pair> pairs_;
};

// Bytes of address space that this process holds, resident or not.
inline uint64_t AddressBytes() {
  uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * 4096;
}

}  // namespace minke
