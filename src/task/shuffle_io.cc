#include "task/shuffle_io.h"

#include <numeric>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/logging.h"

namespace minke {
namespace {

constexpr size_t kTrailerBytes = 12;
constexpr size_t kHeaderSample = 64;  // at least the block's header, which holds its own checksum

uint64_t CheckOf(Incarnation incarnation, const ShuffleKey& key, uint32_t last_of, Bytes block) {
  std::string covered;
  for (const uint64_t number : {incarnation.bits, uint64_t{key.map_task}, key.attempt.epoch,
                                key.attempt.n, uint64_t{key.partition}, uint64_t{key.sequence},
                                uint64_t{last_of}, uint64_t{block.size()}}) {
    char bytes[8];
    StoreLe(bytes, number);
    covered.append(bytes, sizeof(bytes));
  }
  covered.append(block.substr(0, kHeaderSample));
  return Hash64(covered);
}

// One winner's run on its way from the store to the scratch file.
class Incoming {
 public:
  Incoming(Incarnation incarnation, SpillSpace* scratch)
      : incarnation_(incarnation), scratch_(scratch) {}

  // False in `sound` from the first block on that is not the next one, or not what was written.
  Status Take(const ShuffleBlock& block) {
    if (!sound_ || whole_) return {};
    sound_ = block.key.sequence == next_ && block.bytes.size() >= kTrailerBytes;
    if (!sound_) return {};
    const size_t size = block.bytes.size() - kTrailerBytes;
    const Bytes content(block.bytes.data(), size);
    const auto last_of = LoadLe<uint32_t>(block.bytes.data() + size);
    const auto check = LoadLe<uint64_t>(block.bytes.data() + size + 4);
    ++next_;
    sound_ = check == CheckOf(incarnation_, block.key, last_of, content) &&
             (last_of == 0 || last_of == next_);
    if (!sound_) return {};
    // Here, where its producer can run again: later it would fail the attempt that reads it.
    if (Status status = CheckBlock(content); !status) {
      sound_ = false;
      return status.error().code == ErrorCode::kCorruption ? Status() : status;
    }
    whole_ = last_of != 0;
    if (sink_ == nullptr) sink_ = MINKE_TRY(scratch_->Begin());
    return sink_->Put(block.key.partition, content, whole_);
  }

  // The run, or nothing where it is not whole.
  Result<std::shared_ptr<const Run>> Finish() {
    std::shared_ptr<const Run> run;
    if (sink_ != nullptr) run = MINKE_TRY(scratch_->Seal());
    if (!whole_ || !sound_) run.reset();
    return run;
  }

 private:
  Incarnation incarnation_;
  SpillSpace* scratch_;
  RunSink* sink_ = nullptr;
  uint32_t next_ = 0;
  bool sound_ = true;
  bool whole_ = false;
};

// One that was found damaged is passed over: its run lacks it then, and counts as missing.
Result<std::optional<ShuffleBlock>> NextSound(ShuffleScan& scan) {
  for (;;) {
    auto block = scan.Next();
    if (block || block.error().code != ErrorCode::kCorruption) return block;
    WriteLog(LogLevel::kWarning, block.error().text);
  }
}

// The winners of one bucket, by their number in `winners`.
struct BucketWinners {
  ShuffleRange range;
  std::vector<size_t> numbers;
};

std::vector<BucketWinners> ByBucket(const JobContext& context, uint32_t partition,
                                    const std::vector<Winner>& winners,
                                    const std::vector<size_t>& numbers) {
  std::vector<BucketWinners> buckets;
  for (const size_t number : numbers) {
    const uint32_t bucket =
        BucketOf(winners[number].map_task, static_cast<uint32_t>(context.plan->splits_size()),
                 context.plan->buckets());
    if (buckets.empty() || buckets.back().range.bucket != bucket) {
      buckets.push_back({{partition, bucket}, {}});
    }
    buckets.back().numbers.push_back(number);
  }
  return buckets;
}

// Blocks come by (map task, attempt), winners by map task: passes over the losers' blocks.
Status FetchBucket(ShuffleScan& scan, Incarnation incarnation, const std::vector<Winner>& winners,
                   const std::vector<size_t>& numbers, SpillSpace* scratch,
                   std::vector<std::shared_ptr<const Run>>* runs) {
  auto block = MINKE_TRY(NextSound(scan));
  for (const size_t number : numbers) {
    const Winner& winner = winners[number];
    Incoming incoming(incarnation, scratch);
    while (block && block->key.map_task <= winner.map_task) {
      if (block->key.map_task == winner.map_task && block->key.attempt == winner.attempt) {
        MINKE_TRY_STATUS(incoming.Take(*block));
      }
      block = MINKE_TRY(NextSound(scan));
    }
    (*runs)[number] = MINKE_TRY(incoming.Finish());
  }
  return {};
}

}  // namespace

uint32_t BucketOf(uint32_t map_task, uint32_t map_tasks, uint32_t buckets) {
  return static_cast<uint32_t>(uint64_t{map_task} * buckets / map_tasks);
}

ShuffleRunSink::ShuffleRunSink(const JobContext& context, const AttemptSpec& spec,
                               ShuffleWriter* writer)
    : incarnation_(context.incarnation), writer_(writer), written_(context.plan->partitions()) {
  key_.map_task = spec.task.index;
  key_.attempt = spec.id;
  key_.bucket = BucketOf(spec.task.index, static_cast<uint32_t>(context.plan->splits_size()),
                         context.plan->buckets());
}

Status ShuffleRunSink::Put(uint32_t partition, Bytes block, bool last) {
  if (partition != key_.partition) key_.sequence = 0;
  key_.partition = partition;
  const uint32_t last_of = last ? key_.sequence + 1 : 0;
  stored_.assign(block);
  stored_.resize(block.size() + kTrailerBytes);
  StoreLe(stored_.data() + block.size(), last_of);
  StoreLe(stored_.data() + block.size() + 4, CheckOf(incarnation_, key_, last_of, block));
  MINKE_TRY_STATUS(writer_->Put(key_, stored_));
  ++key_.sequence;
  written_[partition] = true;
  stored_bytes_ += stored_.size();
  return {};
}

Result<WinnerRuns> FetchWinners(const JobContext& context, const AttemptSpec& spec,
                                const std::vector<Winner>& winners, SpillSpace* scratch) {
  std::vector<std::shared_ptr<const Run>> runs(winners.size());
  std::vector<size_t> wanted(winners.size());
  std::iota(wanted.begin(), wanted.end(), size_t{0});
  // Nothing is called missing before a sure scan has missed it.
  for (const bool is_sure : {false, true}) {
    for (BucketWinners& bucket : ByBucket(context, spec.task.index, winners, wanted)) {
      bucket.range.is_sure = is_sure;
      auto scan = MINKE_TRY(
          context.store->ScanShuffle(context.incarnation, spec.shuffle_table, bucket.range));
      MINKE_TRY_STATUS(
          FetchBucket(*scan, context.incarnation, winners, bucket.numbers, scratch, &runs));
    }
    std::erase_if(wanted, [&](size_t number) { return runs[number] != nullptr; });
  }
  std::erase(runs, nullptr);
  WinnerRuns result{std::move(runs), {}};
  for (const size_t number : wanted) result.missing.push_back(winners[number].map_task);
  return result;
}

}  // namespace minke
