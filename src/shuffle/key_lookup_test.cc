#include "shuffle/key_lookup.h"

#include <gtest/gtest.h>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace minke {
namespace {

std::vector<Processor> RunnableHere() {
  std::vector<Processor> processors = {Processor::kX86V2};
  if (ThisProcessor() == Processor::kX86V3) processors.push_back(Processor::kX86V3);
  return processors;
}

// Looks over an index of one empty group.
class KeyLookupTest : public testing::TestWithParam<Processor> {
 protected:
  KeyLook LookAt(const std::string& key, uint64_t seed = 1) {
    const std::string room = key + std::string(MINKE_READABLE_BEYOND, '#');
    minke_pair pair{};
    pair.key = room.data();
    pair.key_size = static_cast<uint32_t>(key.size());
    KeyLook look;
    KeyLookup(GetParam(), seed)
        .Find(std::span<const minke_pair>(&pair, 1), {group_, 31}, room.data(), &look);
    return look;
  }

  SlotGroup group_[2]{};
};

TEST_P(KeyLookupTest, HeadIsHowTheKeyIsStored) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyzABCDEF";
  for (uint32_t size = 0; size <= letters.size(); ++size) {
    std::string stored(sizeof(uint32_t) + letters.size(), '\0');
    std::memcpy(stored.data(), &size, sizeof(size));
    stored.replace(sizeof(uint32_t), size, letters, 0, size);
    const KeyLook look = LookAt(letters.substr(0, size));
    EXPECT_TRUE(SameKey(stored.data(), letters.data(), size, look.head)) << size;
    std::string head(sizeof(look.head), '\0');
    _mm_storeu_si128(reinterpret_cast<__m128i*>(head.data()), look.head);
    EXPECT_EQ(head, stored.substr(0, head.size())) << size;
  }
}

TEST_P(KeyLookupTest, EachBitOfAKeyChangesItsHash) {
  std::mt19937 random(7);
  for (size_t size = 1; size <= 64; ++size) {
    std::string key(size, '\0');
    for (char& c : key) c = static_cast<char>(random());
    const uint32_t hash = LookAt(key).hash;
    EXPECT_EQ(LookAt(key).hash, hash);
    EXPECT_NE(LookAt(key, 2).hash, hash) << "another seed, size " << size;
    for (size_t bit = 0; bit < 8 * size; ++bit) {
      std::string other = key;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_NE(LookAt(other).hash, hash) << "size " << size << ", bit " << bit;
    }
  }
}

TEST_P(KeyLookupTest, KeysOfZerosHashByTheirSize) {
  std::set<uint32_t> hashes;
  for (size_t size = 0; size <= 64; ++size) hashes.insert(LookAt(std::string(size, '\0')).hash);
  EXPECT_EQ(hashes.size(), 65u);
}

// Numbers in sequence, as keys often are: as even over home groups as chance would have it.
TEST_P(KeyLookupTest, SequencesSpreadOverAllGroups) {
  constexpr size_t kGroups = 1 << 10;
  constexpr size_t kKeys = 64 * kGroups;
  for (const std::string prefix : {"", "host", "user-00000", "a prefix as long as that: "}) {
    std::vector<size_t> counts(kGroups, 0);
    for (size_t i = 0; i < kKeys; ++i) ++counts[LookAt(prefix + std::to_string(i)).hash >> 22];
    double chi_square = 0;
    for (const size_t count : counts) {
      const double off = static_cast<double>(count) - 64;
      chi_square += off * off / 64;
    }
    // Mean 1023, standard deviation 45.
    EXPECT_LT(chi_square, 1023 + 6 * 45) << "prefix '" << prefix << "'";
  }
}

TEST_P(KeyLookupTest, CandidateIsThePlaceBesideAnEqualHash) {
  const uint32_t hash = LookAt("key").hash;
  for (size_t slot = 0; slot < SlotGroup::kSlots; ++slot) {
    for (SlotGroup& group : group_) {
      group = {};
      group.hashes[slot] = hash;
      group.places[slot] = 7;
    }
    EXPECT_EQ(LookAt("key").candidate, 7u) << slot;
    EXPECT_EQ(LookAt("kez").candidate, 0u) << slot;
  }
}

INSTANTIATE_TEST_SUITE_P(Processors, KeyLookupTest, testing::ValuesIn(RunnableHere()),
                         [](const auto& tested) {
                           return tested.param == Processor::kX86V2 ? "V2" : "V3";
                         });

}  // namespace
}  // namespace minke
