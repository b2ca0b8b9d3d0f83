// The simulated log keeps the contract of its port; and what a test does to a topic is seen as the
// port says.
#include "sim_log.h"

#include "../contract/log_contract.h"
#include "adapter/system_clock.h"

namespace minke::sim {
namespace {

constexpr Incarnation kJob{7};

class SimPlace final : public LogPlace {
 public:
  std::unique_ptr<Log> Open() override { return std::make_unique<SimLog>(&broker_, kJob, &link_); }

 private:
  SystemClock clock_;
  LogLink link_;
  Broker broker_{&clock_};
};

}  // namespace
}  // namespace minke::sim

namespace minke {

INSTANTIATE_TEST_SUITE_P(Sim, LogContract,
                         testing::Values(LogKind{
                             "sim", true, [] { return std::make_unique<sim::SimPlace>(); }}));

namespace sim {
namespace {

class SimLogTest : public testing::Test {
 protected:
  SystemClock clock_;
  LogLink link_;
  Broker broker_{&clock_};
  SimLog log_{&broker_, kJob, &link_};
};

TEST_F(SimLogTest, AReaderOfATopicMadeAnewIsTold) {
  ASSERT_TRUE(log_.Create());
  const auto before = log_.Read(Topic::kInbox, 0).value();
  ASSERT_TRUE(log_.Append(Topic::kInbox, "x"));
  broker_.Recreate(kJob, Topic::kInbox);
  EXPECT_EQ(before->Poll(1000).error().code, ErrorCode::kCorruption);
  EXPECT_TRUE(log_.Read(Topic::kInbox, 0).value()->Poll(1000).value().empty());
  EXPECT_TRUE(log_.Read(Topic::kJournal, 0).value()->Poll(1000).value().empty());
}

TEST_F(SimLogTest, AReaderBehindWhatWasTrimmedIsTold) {
  ASSERT_TRUE(log_.Create());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(log_.Append(Topic::kHeartbeat, std::to_string(i)));
  broker_.Trim(kJob, Topic::kHeartbeat, 2);
  EXPECT_EQ(log_.Range(Topic::kHeartbeat).value(), (std::pair<int64_t, int64_t>(2, 3)));
  EXPECT_EQ(log_.Read(Topic::kHeartbeat, 1).value()->Poll(1000).error().code,
            ErrorCode::kCorruption);
  EXPECT_EQ(log_.Read(Topic::kHeartbeat, 2).value()->Poll(1000).value().at(0).bytes, "2");
}

// Appends of one process land in the order of their fates, and are seen after the lag.
TEST_F(SimLogTest, FatesAndLag) {
  struct Clock final : minke::Clock {
    int64_t ms = 0;
    int64_t NowMs() const override { return ms; }
    int64_t UnixMs() const override { return ms; }
  } clock;
  struct Link final : LogLink {
    AppendFate fate;
    int64_t lag = 0;
    bool reaches = true;
    bool Reaches() override { return reaches; }
    AppendFate FateOf(Topic) override { return fate; }
    int64_t lag_ms() override { return lag; }
  } link;
  std::vector<std::pair<int64_t, std::function<void()>>> later;
  Broker broker(&clock);
  broker.schedule = [&](int64_t delay_ms, std::function<void()> event) {
    later.emplace_back(delay_ms, std::move(event));
  };
  SimLog log(&broker, kJob, &link);
  ASSERT_TRUE(log.Create());
  link.fate = {true, {}};
  EXPECT_EQ(log.Append(Topic::kInbox, "refused").error().code, ErrorCode::kUnavailable);
  link.fate = {false, {}};
  EXPECT_TRUE(log.Append(Topic::kInbox, "lost"));
  link.fate = {false, {50, 0}};
  EXPECT_TRUE(log.Append(Topic::kInbox, "twice"));
  link.fate = {};
  EXPECT_TRUE(log.Append(Topic::kInbox, "once"));
  ASSERT_EQ(later.size(), 1u);
  EXPECT_EQ(later[0].first, 50);
  later[0].second();
  EXPECT_EQ(broker.MessagesOf(kJob, Topic::kInbox),
            (std::vector<std::string>{"twice", "once", "twice"}));
  const auto reader = log.Read(Topic::kInbox, 0).value();
  link.lag = 10;
  EXPECT_TRUE(reader->Poll(1000).value().empty());
  clock.ms = 10;
  EXPECT_EQ(reader->Poll(1000).value().size(), 3u);
  link.reaches = false;
  EXPECT_EQ(reader->Poll(1000).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace sim
}  // namespace minke
