// The simulated store keeps the contract of its port; faults are told as the port says.
#include "sim_store.h"

#include "../contract/store_contract.h"

namespace minke::sim {
namespace {

class SimPlace final : public StorePlace {
 public:
  std::unique_ptr<Store> Open() override { return std::make_unique<SimStore>(&database_, &link_); }

 private:
  StoreLink link_;
  Database database_;
};

}  // namespace
}  // namespace minke::sim

namespace minke {

INSTANTIATE_TEST_SUITE_P(Sim, StoreContract,
                         testing::Values(StoreKind{
                             "sim", true, [] { return std::make_unique<sim::SimPlace>(); }}));

namespace sim {
namespace {

constexpr Incarnation kJob{7};

class SimStoreTest : public testing::Test {
 protected:
  struct Link final : StoreLink {
    StoreFate fate = StoreFate::kDone;
    bool returns = true, misses = false;
    StoreFate FateOf(const std::string&) override { return fate; }
    bool Returns() override { return returns; }
    int64_t late_ms() override { return 90; }
    bool Misses() override { return misses; }
  };
  Link link_;
  Database database_;
  SimStore store_{&database_, &link_};
};

TEST_F(SimStoreTest, FatesOfAWrite) {
  std::vector<std::function<void()>> later;
  database_.schedule = [&](int64_t delay_ms, std::function<void()> event) {
    EXPECT_EQ(delay_ms, 90);
    later.push_back(std::move(event));
  };
  const auto code = [&](const std::string& name) {
    return store_.PutBlock(kJob, name, "bytes").error().code;
  };
  link_.fate = StoreFate::kRefused;
  EXPECT_EQ(code("a"), ErrorCode::kUnavailable);
  link_.fate = StoreFate::kDead;
  EXPECT_EQ(code("a"), ErrorCode::kCancelled);
  EXPECT_FALSE(database_.BlockOf(kJob, "a"));
  link_.fate = StoreFate::kUnanswered;
  EXPECT_EQ(code("b"), ErrorCode::kUnavailable);
  EXPECT_EQ(database_.BlockOf(kJob, "b"), "bytes");
  link_.fate = StoreFate::kLate;
  EXPECT_EQ(code("c"), ErrorCode::kUnavailable);
  EXPECT_FALSE(database_.BlockOf(kJob, "c"));
  ASSERT_EQ(later.size(), 1u);
  later[0]();
  EXPECT_EQ(database_.BlockOf(kJob, "c"), "bytes");
  link_.fate = StoreFate::kDone;
  link_.returns = false;
  EXPECT_EQ(code("d"), ErrorCode::kCancelled);
  EXPECT_EQ(database_.BlockOf(kJob, "d"), "bytes");
}

TEST_F(SimStoreTest, LostAndDamagedBlocks) {
  ASSERT_TRUE(store_.MakeShuffleTable(kJob, "t", {}));
  for (uint32_t sequence = 0; sequence < 4; ++sequence) {
    PutShuffle(store_, kJob, "t", {0, 0, 2, {1, 5}, sequence}, "bytes");
  }
  PutShuffle(store_, kJob, "t", {0, 0, 2, {1, 6}, 0}, "other");
  EXPECT_EQ(database_.ShuffleBlocksOf(kJob, {1, 5}), 4u);
  database_.RemoveShuffleBlock(kJob, {1, 5}, 0);
  database_.DamageShuffleBlock(kJob, {1, 5}, 0, false);
  database_.DamageShuffleBlock(kJob, {1, 5}, 1, true);
  const auto scan = store_.ScanShuffle(kJob, "t", {}).value();
  EXPECT_NE(scan->Next().value()->bytes, "bytes");
  EXPECT_EQ(scan->Next().error().code, ErrorCode::kCorruption);
  EXPECT_EQ(scan->Next().value()->bytes, "bytes");
  EXPECT_EQ(scan->Next().value()->bytes, "other");
  EXPECT_FALSE(scan->Next().value());
}

TEST_F(SimStoreTest, OnlyASureScanFindsAll) {
  ASSERT_TRUE(store_.MakeShuffleTable(kJob, "t", {}));
  PutShuffle(store_, kJob, "t", {0, 0, 2, {1, 5}, 0}, "bytes");
  link_.misses = true;
  EXPECT_FALSE(store_.ScanShuffle(kJob, "t", {}).value()->Next().value());
  EXPECT_TRUE(store_.ScanShuffle(kJob, "t", {.is_sure = true}).value()->Next().value());
}

}  // namespace
}  // namespace sim
}  // namespace minke
