#include "adapter/memory_store.h"

#include "store_contract.h"

namespace minke {
namespace {

class MemoryPlace final : public StorePlace {
 public:
  std::unique_ptr<Store> Open() override { return std::make_unique<MemoryStore>(); }
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreContract,
                         testing::Values(StoreKind{
                             "memory", false, [] { return std::make_unique<MemoryPlace>(); }}));

}  // namespace
}  // namespace minke
