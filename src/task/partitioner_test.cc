#include "task/partitioner.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace minke {
namespace {

// Keys as an emitter hands them over: 64 readable bytes behind each.
class Keys {
 public:
  explicit Keys(std::vector<std::string> keys) : keys_(std::move(keys)) {
    for (std::string& key : keys_) {
      const size_t size = key.size();
      key.append(MINKE_READABLE_BEYOND, '\xee');
      minke_pair pair{};
      pair.key = key.data();
      pair.key_size = static_cast<uint32_t>(size);
      pairs_.push_back(pair);
    }
  }
  std::vector<uint32_t> Through(KeyPartitioner& partitioner) const {
    std::vector<uint32_t> partitions(pairs_.size(), 99);
    EXPECT_TRUE(partitioner.Partition(pairs_, partitions));
    return partitions;
  }

 private:
  std::vector<std::string> keys_;
  std::vector<minke_pair> pairs_;
};

minke_job JobWith(uint32_t partitioner) {
  minke_job job{};
  job.partitioner = partitioner;
  return job;
}

TEST(Partitioner, RangeSendsAKeyBehindTheSplittersThatAreNotGreater) {
  const minke_job job = JobWith(MINKE_PARTITION_RANGE);
  auto range = MakePartitioner(job, nullptr, 4, {"b", "longer than eight bytes", "z"});
  const Keys keys({"", "a", "b", std::string("b\0", 2), "longer than eight",
                   "longer than eight bytes", "longer than eight bytes!", "y", "z", "zz"});
  EXPECT_EQ(keys.Through(*range), (std::vector<uint32_t>{0, 0, 1, 1, 1, 2, 2, 2, 3, 3}));
}

TEST(Partitioner, RangeAgreesWithAPlainSearchOnRandomKeys) {
  std::mt19937 random(7);
  const auto random_key = [&] {
    std::string key(random() % 12, '\0');
    for (char& byte : key) byte = static_cast<char>(random() % 3);  // many equal prefixes
    return key;
  };
  for (int round = 0; round < 50; ++round) {
    std::vector<std::string> splitters(random() % 20);
    std::generate(splitters.begin(), splitters.end(), random_key);
    std::sort(splitters.begin(), splitters.end());
    splitters.erase(std::unique(splitters.begin(), splitters.end()), splitters.end());
    std::vector<std::string> texts(100);
    std::generate(texts.begin(), texts.end(), random_key);
    std::vector<uint32_t> expected;
    for (const std::string& text : texts) {
      expected.push_back(static_cast<uint32_t>(
          std::upper_bound(splitters.begin(), splitters.end(), text) - splitters.begin()));
    }
    const minke_job job = JobWith(MINKE_PARTITION_RANGE);
    auto range = MakePartitioner(job, nullptr, 21, splitters);
    EXPECT_EQ(Keys(texts).Through(*range), expected);
  }
}

TEST(Partitioner, AJobsAnswerOutOfRangeIsItsFault) {
  minke_job job = JobWith(MINKE_PARTITION_CUSTOM);
  job.partition = [](void*, const minke_pair*, size_t count, uint32_t partitions, uint32_t* answer,
                     minke_error*) {
    std::fill(answer, answer + count, partitions);
    return 0;
  };
  auto custom = MakePartitioner(job, nullptr, 3, {});
  minke_pair pair{};
  uint32_t partition = 0;
  const Status status = custom->Partition({&pair, 1}, {&partition, 1});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUserCode);
  EXPECT_NE(status.error().text.find("answer 0 to 2"), std::string::npos);
}

TEST(PickSplitters, CutsASampleIntoEqualParts) {
  std::vector<std::string> sample;
  for (char c = 'a'; c <= 'z'; ++c) sample.emplace_back(1, c);
  std::shuffle(sample.begin(), sample.end(), std::mt19937(3));
  EXPECT_EQ(PickSplitters(sample, 2), (std::vector<std::string>{"n"}));
  EXPECT_EQ(PickSplitters(sample, 26).size(), 25u);
}

TEST(PickSplitters, DropsEqualOnesAndWorksWithoutASample) {
  EXPECT_EQ(PickSplitters({"k", "k", "k", "k"}, 4), (std::vector<std::string>{"k"}));
  EXPECT_TRUE(PickSplitters({}, 8).empty());
}

}  // namespace
}  // namespace minke
