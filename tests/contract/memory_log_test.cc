#include "adapter/memory_log.h"

#include "adapter/system_clock.h"
#include "log_contract.h"

namespace minke {
namespace {

class MemoryPlace final : public LogPlace {
 public:
  std::unique_ptr<Log> Open() override { return std::make_unique<MemoryLog>(&clock_); }

 private:
  SystemClock clock_;
};

INSTANTIATE_TEST_SUITE_P(Memory, LogContract,
                         testing::Values(LogKind{"memory", false,
                                                 [] { return std::make_unique<MemoryPlace>(); }}));

TEST(MemoryLog, KeepsOnlyTheNewestHeartbeats) {
  const SystemClock clock;
  MemoryLog log(&clock, {.heartbeats_kept = 3});
  ASSERT_TRUE(log.Create());
  const auto late = log.Read(Topic::kHeartbeat, 0).value();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(log.Append(Topic::kHeartbeat, std::to_string(i)));
  EXPECT_EQ(log.Range(Topic::kHeartbeat).value(), (std::pair<int64_t, int64_t>(2, 5)));
  EXPECT_EQ(late->Poll(1000).error().code, ErrorCode::kCorruption) << "trimmed past it";
  EXPECT_EQ(log.Read(Topic::kHeartbeat, 2).value()->Poll(1000).value().size(), 3u);
}

}  // namespace
}  // namespace minke
