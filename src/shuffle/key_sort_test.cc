#include "shuffle/key_sort.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <minke/abi.h>

namespace minke {
namespace {

class Strings final : public KeySource {
 public:
  explicit Strings(std::vector<std::string> keys) : keys_(std::move(keys)) {
    for (std::string& key : keys_) {
      sizes_.push_back(key.size());
      key.append(MINKE_READABLE_BEYOND, '\xff');  // what lies behind a key means nothing
    }
  }
  Bytes KeyAt(uint64_t place) const override { return {keys_[place].data(), sizes_[place]}; }
  void Prefetch(uint64_t, size_t) const override {}
  size_t size() const { return sizes_.size(); }

 private:
  std::vector<std::string> keys_;
  std::vector<size_t> sizes_;
};

std::vector<uint64_t> Sorted(const Strings& keys) {
  std::vector<KeyEntry> entries;
  for (uint64_t place = 0; place < keys.size(); ++place) {
    entries.push_back({KeyPrefix(keys.KeyAt(place), 0), place});
  }
  std::vector<KeyEntry> buffer(entries.size());
  SortKeys(entries, buffer, keys);
  std::vector<uint64_t> places;
  for (const KeyEntry& entry : entries) places.push_back(entry.place);
  return places;
}

std::vector<uint64_t> Expected(const Strings& keys) {
  std::vector<uint64_t> places(keys.size());
  std::iota(places.begin(), places.end(), 0);
  std::ranges::stable_sort(places,
                           [&](uint64_t a, uint64_t b) { return keys.KeyAt(a) < keys.KeyAt(b); });
  return places;
}

// Keys of `letters` different letters, behind `common` equal ones.
Strings RandomKeys(uint64_t seed, size_t count, size_t common, size_t size_max, int letters) {
  std::mt19937_64 random(seed);
  std::vector<std::string> keys;
  for (size_t i = 0; i < count; ++i) {
    std::string key(common, 'p');
    for (size_t size = random() % (size_max + 1); size > 0; --size) {
      key += static_cast<char>(random() % static_cast<uint64_t>(letters));
    }
    keys.push_back(std::move(key));
  }
  return Strings(std::move(keys));
}

TEST(KeySort, OrdersAsUnsignedBytesAndKeepsTheOrderOfEqualKeys) {
  for (const size_t count : {0, 1, 2, 47, 48, 49, 300, 20'000}) {
    for (const size_t common : {0, 3, 8, 23}) {
      for (const int letters : {1, 2, 256}) {
        for (const size_t size_max : {0, 1, 9, 40}) {
          SCOPED_TRACE(testing::Message() << count << " keys, " << common << " bytes in common, "
                                          << letters << " letters, up to " << size_max);
          const Strings keys = RandomKeys(count + common, count, common, size_max, letters);
          ASSERT_EQ(Sorted(keys), Expected(keys));
        }
      }
    }
  }
}

TEST(KeySort, ZerosAtTheEndOfAKeyCount) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < 200; ++i) keys.emplace_back((i * 7) % 23, '\0');
  const Strings strings(std::move(keys));
  EXPECT_EQ(Sorted(strings), Expected(strings));
}

TEST(KeySort, KeysThatAgreeInAMegabyteNeedNoStackForIt) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < 100; ++i) {
    keys.push_back(std::string(1 << 20, 'x') + std::to_string((i * 37) % 100));
  }
  const Strings strings(std::move(keys));
  EXPECT_EQ(Sorted(strings), Expected(strings));
}

}  // namespace
}  // namespace minke
