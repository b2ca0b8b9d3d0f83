#include "task/job/group_cursor.h"

#include <gtest/gtest.h>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace minke {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// Gives `pairs` in batches of `batch` records; every batch lies in memory of its own, as a stream
// may do.
class BatchedStream final : public RecordStream {
 public:
  BatchedStream(Pairs pairs, size_t batch) : pairs_(std::move(pairs)), batch_(batch) {}

  Result<std::span<const minke_record>> Next() override {
    records_.clear();
    copies_.clear();
    for (; at_ < pairs_.size() && copies_.size() < batch_; ++at_) copies_.push_back(pairs_[at_]);
    for (const auto& [key, value] : copies_) {
      records_.push_back({key.data(), value.data(), static_cast<uint32_t>(key.size()),
                          static_cast<uint32_t>(value.size())});
    }
    if (fails_at_end && copies_.empty()) return Error{ErrorCode::kCorruption, "torn"};
    return std::span<const minke_record>(records_);
  }

  bool fails_at_end = false;

 private:
  Pairs pairs_;
  size_t batch_;
  size_t at_ = 0;
  Pairs copies_;
  std::vector<minke_record> records_;
};

void Take(minke_groups* groups, std::vector<Pairs>& seen) {
  do {
    for (; groups->next < groups->count; ++groups->next) {
      const minke_record& record = groups->records[groups->next];
      if (groups->first[groups->next] != 0) seen.emplace_back();
      seen.back().emplace_back(std::string(record.key, record.key_size),
                               std::string(record.value, record.value_size));
    }
  } while (groups->refill(groups) == 1);
}

const Pairs kPairs = {{"a", "1"}, {"a", "2"}, {"a", "3"}, {"b", "4"}, {"c", "5"}, {"c", "6"}};
const std::vector<Pairs> kGroups = {
    {{"a", "1"}, {"a", "2"}, {"a", "3"}}, {{"b", "4"}}, {{"c", "5"}, {"c", "6"}}};

TEST(GroupCursor, ShowsEveryGroupWhateverTheBatches) {
  for (size_t batch = 1; batch <= kPairs.size() + 1; ++batch) {
    BatchedStream stream(kPairs, batch);
    size_t counted = 0;
    GroupCursor groups(&stream, GroupCursor::Mode::kAll, [&](size_t n) { counted += n; });
    std::vector<Pairs> seen;
    Take(groups.abi(), seen);
    EXPECT_EQ(seen, kGroups) << batch;
    EXPECT_EQ(counted, kPairs.size());
  }
}

TEST(GroupCursor, OneByOneShowsOneGroupToEachCall) {
  for (size_t batch = 1; batch <= kPairs.size() + 1; ++batch) {
    BatchedStream stream(kPairs, batch);
    GroupCursor groups(&stream, GroupCursor::Mode::kOneByOne, [](size_t) {});
    std::vector<Pairs> seen;
    std::vector<std::string> keys;
    while (groups.NextGroup()) {
      keys.emplace_back(groups.key());
      std::vector<Pairs> one;
      Take(groups.abi(), one);
      ASSERT_EQ(one.size(), 1u);
      seen.push_back(one[0]);
    }
    EXPECT_EQ(seen, kGroups) << batch;
    EXPECT_EQ(keys, (std::vector<std::string>{"a", "b", "c"}));
  }
}

TEST(GroupCursor, OneByOnePassesOverWhatACallLeftUnread) {
  for (size_t batch = 1; batch <= kPairs.size() + 1; ++batch) {
    BatchedStream stream(kPairs, batch);
    GroupCursor groups(&stream, GroupCursor::Mode::kOneByOne, [](size_t) {});
    std::string keys;
    while (groups.NextGroup()) keys += groups.key();
    EXPECT_EQ(keys, "abc") << batch;
  }
}

TEST(GroupCursor, NoRecordsAreNoGroups) {
  BatchedStream stream({}, 4);
  GroupCursor groups(&stream, GroupCursor::Mode::kAll, [](size_t) {});
  EXPECT_EQ(groups.abi()->refill(groups.abi()), 0);
  BatchedStream again({}, 4);
  GroupCursor one(&again, GroupCursor::Mode::kOneByOne, [](size_t) {});
  EXPECT_FALSE(one.NextGroup());
}

TEST(GroupCursor, TellsTheFailureOfTheStream) {
  BatchedStream stream(kPairs, 2);
  stream.fails_at_end = true;
  GroupCursor groups(&stream, GroupCursor::Mode::kAll, [](size_t) {});
  std::vector<Pairs> seen;
  Take(groups.abi(), seen);
  ASSERT_FALSE(groups.status());
  EXPECT_EQ(groups.status().error().code, ErrorCode::kCorruption);
}

}  // namespace
}  // namespace minke
