#include "shuffle/merge.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "shuffle/key_sort.h"

namespace minke {
namespace {

constexpr size_t kBatch = 256;

Bytes KeyOf(const minke_record& record) { return {record.key, record.key_size}; }
Bytes ValueOf(const minke_record& record) { return {record.value, record.value_size}; }

// A tree of losers (Knuth, The Art of Computer Programming, volume 3, 5.4.1): each inner node holds
// the stream that lost there, so that the next winner is found on one path from leaf to root.
class LoserTree final : public RecordStream {
 public:
  LoserTree(std::vector<std::unique_ptr<RecordStream>> streams, bool sort_values)
      : streams_(std::move(streams)), heads_(streams_.size()), sort_values_(sort_values) {}

  Result<std::span<const minke_record>> Next() override {
    if (!is_built_) {
      for (size_t i = 0; i < heads_.size(); ++i) MINKE_TRY_STATUS(Pull(i));
      Build();
    } else if (dry_ != kNone) {
      MINKE_TRY_STATUS(Pull(dry_));
      Replay(std::exchange(dry_, kNone));
    }
    size_t count = 0;
    while (count < kBatch && !heads_[winner_].is_at_end) {
      Head& head = heads_[winner_];
      out_[count++] = head.batch[head.at++];
      if (head.at == head.batch.size()) {
        dry_ = winner_;  // what was taken points into its batch: it is refilled at the next call
        break;
      }
      head.prefix = KeyPrefix(KeyOf(head.batch[head.at]), 0);
      Replay(winner_);
    }
    return std::span<const minke_record>(out_.data(), count);
  }

 private:
  struct Head {
    uint64_t prefix = 0;
    std::span<const minke_record> batch;
    size_t at = 0;
    bool is_at_end = false;
  };
  static constexpr size_t kNone = SIZE_MAX;

  Status Pull(size_t index) {
    Head& head = heads_[index];
    head.batch = MINKE_TRY(streams_[index]->Next());
    head.at = 0;
    head.is_at_end = head.batch.empty();
    if (!head.is_at_end) head.prefix = KeyPrefix(KeyOf(head.batch[0]), 0);
    return {};
  }

  bool Before(size_t a, size_t b) const {
    const Head& left = heads_[a];
    const Head& right = heads_[b];
    if (left.is_at_end || right.is_at_end) {
      return left.is_at_end == right.is_at_end ? a < b : right.is_at_end;
    }
    if (left.prefix != right.prefix) return left.prefix < right.prefix;
    const minke_record& x = left.batch[left.at];
    const minke_record& y = right.batch[right.at];
    int order = KeyOf(x).compare(KeyOf(y));
    if (order == 0 && sort_values_) order = ValueOf(x).compare(ValueOf(y));
    return order != 0 ? order < 0 : a < b;
  }

  // Leaf i is node heads + i; node n's children are 2n and 2n + 1; node 1 is the root.
  void Build() {
    const size_t leaves = heads_.size();
    losers_.assign(leaves, 0);
    std::vector<size_t> winners(2 * leaves);
    for (size_t i = 0; i < leaves; ++i) winners[leaves + i] = i;
    for (size_t node = leaves - 1; node > 0; --node) {
      const size_t a = winners[2 * node];
      const size_t b = winners[2 * node + 1];
      const bool a_wins = Before(a, b);
      winners[node] = a_wins ? a : b;
      losers_[node] = a_wins ? b : a;
    }
    winner_ = leaves == 1 ? 0 : winners[1];
    is_built_ = true;
  }

  // The head of `index`, the last winner, has changed.
  void Replay(size_t index) {
    size_t best = index;
    for (size_t node = (heads_.size() + index) / 2; node > 0; node /= 2) {
      if (Before(losers_[node], best)) std::swap(losers_[node], best);
    }
    winner_ = best;
  }

  std::vector<std::unique_ptr<RecordStream>> streams_;
  std::vector<Head> heads_;
  std::vector<size_t> losers_;
  std::array<minke_record, kBatch> out_{};
  size_t winner_ = 0;
  size_t dry_ = kNone;
  bool sort_values_;
  bool is_built_ = false;
};

class Nothing final : public RecordStream {
 public:
  Result<std::span<const minke_record>> Next() override { return std::span<const minke_record>(); }
};

std::unique_ptr<RecordStream> Open(std::span<const std::shared_ptr<const Run>> runs,
                                   uint32_t partition, const MergeOptions& options) {
  std::vector<std::unique_ptr<RecordStream>> streams;
  for (const auto& run : runs) streams.push_back(ReadRun(run, partition));
  return Merge(std::move(streams), options);
}

}  // namespace

std::unique_ptr<RecordStream> Merge(std::vector<std::unique_ptr<RecordStream>> streams,
                                    const MergeOptions& options) {
  if (streams.empty()) return std::make_unique<Nothing>();
  if (streams.size() == 1) return std::move(streams[0]);
  return std::make_unique<LoserTree>(std::move(streams), options.sort_values);
}

Status MergeDown(std::vector<std::shared_ptr<const Run>>& runs, uint32_t first, uint32_t last,
                 SpillSpace* scratch, const BlockOptions& block, const MergeOptions& options) {
  const size_t fan_in = std::max<size_t>(2, options.fan_in);
  while (runs.size() > fan_in) {
    std::vector<std::shared_ptr<const Run>> merged;
    for (size_t begin = 0; begin < runs.size(); begin += fan_in) {
      const auto group = std::span(runs).subspan(begin, std::min(fan_in, runs.size() - begin));
      RunWriter writer(block, MINKE_TRY(scratch->Begin()));
      for (uint32_t partition = first; partition <= last; ++partition) {
        MINKE_TRY_STATUS(writer.AddAll(partition, *Open(group, partition, options)));
      }
      MINKE_TRY_STATUS(writer.Finish());
      merged.push_back(MINKE_TRY(scratch->Seal()));
    }
    runs = std::move(merged);
  }
  return {};
}

Result<std::unique_ptr<RecordStream>> MergeRuns(std::vector<std::shared_ptr<const Run>> runs,
                                                uint32_t partition, SpillSpace* scratch,
                                                const BlockOptions& block,
                                                const MergeOptions& options) {
  MINKE_TRY_STATUS(MergeDown(runs, partition, partition, scratch, block, options));
  return Open(runs, partition, options);
}

}  // namespace minke
