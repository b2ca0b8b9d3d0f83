// What every Store must do, as one suite over all adapters: store_contract.cc holds the tests, an
// adapter's test file names its kind with INSTANTIATE_TEST_SUITE_P.
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "port/store.h"

namespace minke {

// Where the rows and blocks of a store lie: for the length of a test.
class StorePlace {
 public:
  virtual ~StorePlace() = default;
  // A store as one process opens it; what the stores opened before have written is there.
  virtual std::unique_ptr<Store> Open() = 0;
};

struct StoreKind {
  std::string name;
  // Whether rows and blocks outlive the store, and several stores may be open at once.
  bool is_shared = false;
  std::function<std::unique_ptr<StorePlace>()> make;
};

inline void PrintTo(const StoreKind& kind, std::ostream* out) { *out << kind.name; }

class StoreContract : public testing::TestWithParam<StoreKind> {
 protected:
  void SetUp() override {
    place_ = GetParam().make();
    store_ = place_->Open();
  }
  // A store that did not write what is read from it, where there may be one; else the same.
  Store& Other() {
    if (!GetParam().is_shared) return *store_;
    other_ = place_->Open();
    return *other_;
  }

  std::unique_ptr<StorePlace> place_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Store> other_;
};

// "map/epoch-n/sequence:bytes" of every block, in the scan's order.
std::vector<std::string> Scanned(Store& store, Incarnation job, const std::string& table,
                                 uint32_t partition, uint32_t bucket);
// Puts one block, and finishes.
void PutShuffle(Store& store, Incarnation job, const std::string& table, const ShuffleKey& key,
                Bytes block);

}  // namespace minke
