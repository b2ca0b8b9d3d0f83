#include "log_contract.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <fmt/format.h>
#include <map>
#include <random>
#include <thread>

namespace minke {

std::unique_ptr<Log> LogContract::Created() {
  std::unique_ptr<Log> log = place_->Open();
  const Status created = log->Create();
  EXPECT_TRUE(created) << created.error().text;
  return log;
}

void LogContract::Append(Log& log, Topic topic, const std::string& bytes) {
  for (;;) {
    const Status sent = log.Append(topic, bytes);
    if (sent) return;
    ASSERT_EQ(sent.error().code, ErrorCode::kUnavailable) << sent.error().text;
    std::this_thread::yield();
  }
}

std::vector<LogMessage> LogContract::ReadOn(Log& log, LogReader& reader, size_t count) {
  ReadyCount ready(log);
  std::vector<LogMessage> all;
  EXPECT_TRUE(ready.WaitUntil([&] {
    while (all.size() < count) {
      auto batch = reader.Poll(1 << 20);
      EXPECT_TRUE(batch) << batch.error().text;
      if (!batch) return true;
      if (batch->empty()) return false;
      for (LogMessage& message : *batch) all.push_back(std::move(message));
    }
    return true;
  }));
  log.OnReady(nullptr);
  EXPECT_EQ(all.size(), count);
  return all;
}

std::vector<std::string> LogContract::Texts(const std::vector<LogMessage>& messages) {
  std::vector<std::string> texts;
  texts.reserve(messages.size());
  for (const LogMessage& message : messages) texts.push_back(message.bytes);
  return texts;
}

namespace {

constexpr std::array<Topic, kTopics> kAll = {Topic::kJournal, Topic::kInbox, Topic::kHeartbeat};

TEST_P(LogContract, NothingIsThereUntilItIsCreated) {
  const auto log = place_->Open();
  for (const Topic topic : kAll) {
    EXPECT_EQ(log->Append(topic, "x").error().code, ErrorCode::kNotFound);
    EXPECT_EQ(log->Range(topic).error().code, ErrorCode::kNotFound);
    EXPECT_EQ(log->Read(topic, 0).error().code, ErrorCode::kNotFound);
  }
  EXPECT_EQ(log->Close().error().code, ErrorCode::kNotFound);
}

TEST_P(LogContract, ANewTopicIsEmpty) {
  const auto log = Created();
  for (const Topic topic : kAll) {
    const auto range = log->Range(topic).value();
    EXPECT_EQ(range.first, range.second);
    const auto reader = log->Read(topic, range.first).value();
    EXPECT_TRUE(reader->Poll(1000).value().empty());
    EXPECT_EQ(reader->position(), range.first);
  }
}

TEST_P(LogContract, MessagesComeBackInOrderEachAtTheNextOffset) {
  const auto log = Created();
  for (const Topic topic : kAll) {
    const int64_t first = log->Range(topic).value().second;
    const std::vector<std::string> sent = {"one", "", std::string("\0two\n", 5), "three"};
    for (const std::string& bytes : sent) Append(*log, topic, bytes);
    const auto reader = log->Read(topic, first).value();
    const auto got = ReadOn(*log, *reader, sent.size());
    EXPECT_EQ(Texts(got), sent);
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_EQ(got[i].offset, first + static_cast<int64_t>(i));
    }
    EXPECT_EQ(reader->position(), first + 4);
    EXPECT_EQ(log->Range(topic).value().second, first + 4);
    EXPECT_TRUE(reader->Poll(1000).value().empty());
  }
}

TEST_P(LogContract, TopicsAreApart) {
  const auto log = Created();
  std::map<Topic, int64_t> begin;
  for (const Topic topic : kAll) begin[topic] = log->Range(topic).value().second;
  Append(*log, Topic::kInbox, "a fact");
  Append(*log, Topic::kJournal, "a decision");
  Append(*log, Topic::kHeartbeat, "a heartbeat");
  const auto text = [&](Topic topic) {
    return ReadOn(*log, *log->Read(topic, begin[topic]).value(), 1).at(0).bytes;
  };
  EXPECT_EQ(text(Topic::kJournal), "a decision");
  EXPECT_EQ(text(Topic::kInbox), "a fact");
  EXPECT_EQ(text(Topic::kHeartbeat), "a heartbeat");
}

TEST_P(LogContract, AMessageCarriesWhenItWasAppended) {
  const auto log = Created();
  const int64_t before_ms = int64_t{std::time(nullptr)} * 1000 - 1000;
  Append(*log, Topic::kJournal, "x");
  const int64_t first = log->Range(Topic::kJournal).value().first;
  const auto got = ReadOn(*log, *log->Read(Topic::kJournal, first).value(), 1);
  EXPECT_GE(got.at(0).append_unix_ms, before_ms);
  EXPECT_LE(got.at(0).append_unix_ms, before_ms + 120'000);
}

TEST_P(LogContract, AMessageOfTheLimitGoesAndALongerOneIsRefused) {
  const auto log = Created();
  const std::string most(kMessageBytesMax, 'm');
  const auto refused = log->Append(Topic::kJournal, most + "x");
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(refused.error().text.find("1048577"), std::string::npos) << refused.error().text;
  Append(*log, Topic::kJournal, most);
  const int64_t first = log->Range(Topic::kJournal).value().first;
  const auto got = ReadOn(*log, *log->Read(Topic::kJournal, first).value(), 1);
  EXPECT_EQ(got.at(0).bytes, most);
}

TEST_P(LogContract, AReaderBeginsAtAnyOffset) {
  const auto log = Created();
  const int64_t first = log->Range(Topic::kInbox).value().second;
  for (int i = 0; i < 10; ++i) Append(*log, Topic::kInbox, std::to_string(i));
  ReadOn(*log, *log->Read(Topic::kInbox, first).value(), 10);
  for (int64_t from = 0; from <= 10; ++from) {
    const auto reader = log->Read(Topic::kInbox, first + from).value();
    EXPECT_EQ(reader->position(), first + from);
    std::vector<std::string> want;
    for (int64_t i = from; i < 10; ++i) want.push_back(std::to_string(i));
    EXPECT_EQ(Texts(reader->Poll(1000).value()), want);
  }
}

TEST_P(LogContract, PollGivesAboutWhatItMayAndOneMessageAtLeast) {
  const auto log = Created();
  const int64_t first = log->Range(Topic::kJournal).value().second;
  for (int i = 0; i < 4; ++i) Append(*log, Topic::kJournal, std::string(100, 'x'));
  ReadOn(*log, *log->Read(Topic::kJournal, first).value(), 4);
  const auto reader = log->Read(Topic::kJournal, first).value();
  EXPECT_EQ(reader->Poll(1).value().size(), 1u);
  EXPECT_EQ(reader->position(), first + 1);
  EXPECT_EQ(reader->Poll(250).value().size(), 2u);
  EXPECT_EQ(reader->position(), first + 3);
  EXPECT_EQ(reader->Poll(0).value().size(), 1u);
  EXPECT_EQ(reader->Poll(0).value().size(), 0u);
}

TEST_P(LogContract, AReaderSeesWhatComesLater) {
  const auto log = Created();
  const auto reader =
      log->Read(Topic::kJournal, log->Range(Topic::kJournal).value().second).value();
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(reader->Poll(1000).value().empty());
    Append(*log, Topic::kJournal, std::to_string(i));
    EXPECT_EQ(ReadOn(*log, *reader, 1).at(0).bytes, std::to_string(i));
  }
}

TEST_P(LogContract, ReadersDoNotDisturbEachOther) {
  const auto log = Created();
  const int64_t first = log->Range(Topic::kJournal).value().second;
  for (int i = 0; i < 6; ++i) Append(*log, Topic::kJournal, std::to_string(i));
  const auto a = log->Read(Topic::kJournal, first).value();
  const auto b = log->Read(Topic::kJournal, first + 3).value();
  ReadOn(*log, *a, 6);
  EXPECT_EQ(b->position(), first + 3);
  EXPECT_EQ(ReadOn(*log, *b, 3).at(0).bytes, "3");
  EXPECT_EQ(a->position(), first + 6);
}

TEST_P(LogContract, APositionBeyondTheEndIsCorruptionAndStays) {
  const auto log = Created();
  Append(*log, Topic::kJournal, "x");
  const int64_t first = log->Range(Topic::kJournal).value().first;
  ReadOn(*log, *log->Read(Topic::kJournal, first).value(), 1);
  const auto reader = log->Read(Topic::kJournal, first + 7).value();
  for (int i = 0; i < 2; ++i) {
    const auto batch = reader->Poll(1000);
    ASSERT_FALSE(batch);
    EXPECT_EQ(batch.error().code, ErrorCode::kCorruption);
    EXPECT_NE(batch.error().text.find(std::to_string(first + 7)), std::string::npos)
        << batch.error().text;
    EXPECT_EQ(reader->position(), first + 7);
  }
}

TEST_P(LogContract, CreatingAgainKeepsWhatIsThere) {
  const auto log = Created();
  Append(*log, Topic::kJournal, "kept");
  const int64_t first = log->Range(Topic::kJournal).value().first;
  const auto reader = log->Read(Topic::kJournal, first).value();
  ReadOn(*log, *reader, 1);
  ASSERT_TRUE(log->Create());
  EXPECT_EQ(log->Range(Topic::kJournal).value(), std::pair(first, first + 1));
  EXPECT_TRUE(reader->Poll(1000).value().empty());
  Append(*log, Topic::kJournal, "more");
  EXPECT_EQ(ReadOn(*log, *reader, 1).at(0).offset, first + 1);
}

TEST_P(LogContract, ReadyIsCalledAfterAnAppendAndNoMoreOnceReplaced) {
  const auto log = Created();
  ReadyCount first(*log);
  const auto reader = log->Read(Topic::kInbox, log->Range(Topic::kInbox).value().second).value();
  Append(*log, Topic::kInbox, "x");
  EXPECT_TRUE(first.WaitUntil([&] { return !reader->Poll(1000).value().empty(); }));
  EXPECT_GT(first.calls(), 0);
  ReadyCount second(*log);
  for (int i = 0; i < 3; ++i) {
    const int calls_before = first.calls();
    Append(*log, Topic::kInbox, "y");
    EXPECT_TRUE(second.WaitUntil([&] { return !reader->Poll(1000).value().empty(); }));
    // A call that was under way may still have come once.
    EXPECT_LE(first.calls(), calls_before + (i == 0 ? 1 : 0));
  }
  log->OnReady(nullptr);
}

TEST_P(LogContract, CloseRemovesInboxAndHeartbeatsAndLeavesTheJournal) {
  const auto log = Created();
  std::map<Topic, std::unique_ptr<LogReader>> readers;
  for (const Topic topic : kAll) {
    readers[topic] = log->Read(topic, log->Range(topic).value().second).value();
    Append(*log, topic, "before");
    ReadOn(*log, *readers[topic], 1);
  }
  ASSERT_TRUE(log->Close());
  for (const Topic topic : {Topic::kInbox, Topic::kHeartbeat}) {
    EXPECT_TRUE(log->Append(topic, "dropped"));
    EXPECT_TRUE(readers[topic]->Poll(1000).value().empty());
    const auto range = log->Range(topic).value();
    EXPECT_EQ(range.first, range.second);
  }
  const int64_t first = log->Range(Topic::kJournal).value().first;
  EXPECT_EQ(Texts(log->Read(Topic::kJournal, first).value()->Poll(1000).value()),
            std::vector<std::string>{"before"});
  EXPECT_TRUE(readers[Topic::kJournal]->Poll(1000).value().empty());
}

TEST_P(LogContract, ManyMessagesKeepTheirOrder) {
  constexpr size_t kMessages = 20'000;
  const auto text = [](size_t i) { return std::to_string(i) + std::string(i % 50, ' '); };
  const auto log = Created();
  const auto reader = log->Read(Topic::kInbox, log->Range(Topic::kInbox).value().second).value();
  for (size_t i = 0; i < kMessages; ++i) Append(*log, Topic::kInbox, text(i));
  const auto got = ReadOn(*log, *reader, kMessages);
  ASSERT_EQ(got.size(), kMessages);
  for (size_t i = 0; i < kMessages; ++i) ASSERT_EQ(got[i].bytes, text(i));
}

TEST_P(LogContract, MessagesOfSeveralThreadsKeepTheOrderOfEach) {
  constexpr size_t kThreads = 3;
  constexpr size_t kEach = 200;
  const auto log = Created();
  const auto reader = log->Read(Topic::kInbox, log->Range(Topic::kInbox).value().second).value();
  {
    std::vector<std::jthread> threads(kThreads);
    for (size_t t = 0; t < kThreads; ++t) {
      threads[t] = std::jthread([&log, t] {
        for (size_t i = 0; i < kEach; ++i) {
          Append(*log, Topic::kInbox, fmt::format("{} {}", t, i));
        }
      });
    }
  }
  std::array<int, kThreads> next{};
  for (const LogMessage& message : ReadOn(*log, *reader, kThreads * kEach)) {
    const auto thread = static_cast<size_t>(message.bytes.at(0) - '0');
    EXPECT_EQ(message.bytes.substr(2), std::to_string(next.at(thread)++));
  }
}

TEST_P(LogContract, ALogOpenedLaterGoesOnBehindTheOneBefore) {
  if (!GetParam().is_shared) return;
  int64_t first = 0;
  for (int life = 0; life < 3; ++life) {
    const auto log = Created();
    if (life == 0) first = log->Range(Topic::kJournal).value().first;
    const auto reader = log->Read(Topic::kJournal, first).value();
    const auto got = ReadOn(*log, *reader, static_cast<size_t>(life) * 2);
    for (int i = 0; i < life * 2; ++i) {
      EXPECT_EQ(got.at(static_cast<size_t>(i)).bytes, std::to_string(i));
    }
    Append(*log, Topic::kJournal, std::to_string(life * 2));
    Append(*log, Topic::kJournal, std::to_string(life * 2 + 1));
    if (life == 1) ReadOn(*log, *reader, 2);  // the others leave it to the log to get them there
  }
}

TEST_P(LogContract, TwoLogsOverTheSameMessagesSeeOneOrder) {
  if (!GetParam().is_shared) return;
  constexpr size_t kEach = 1000;
  const auto a = Created();
  const auto b = Created();
  const int64_t first = a->Range(Topic::kInbox).value().second;
  {
    const std::jthread other([&] {
      for (size_t i = 0; i < kEach; ++i) Append(*b, Topic::kInbox, fmt::format("b{}", i));
    });
    for (size_t i = 0; i < kEach; ++i) Append(*a, Topic::kInbox, fmt::format("a{}", i));
  }
  const auto seen_by_a = ReadOn(*a, *a->Read(Topic::kInbox, first).value(), 2 * kEach);
  const auto seen_by_b = ReadOn(*b, *b->Read(Topic::kInbox, first).value(), 2 * kEach);
  EXPECT_EQ(Texts(seen_by_a), Texts(seen_by_b));
  std::vector<std::string> of_a;
  for (const LogMessage& message : seen_by_a) {
    if (message.bytes[0] == 'a') of_a.push_back(message.bytes);
  }
  ASSERT_EQ(of_a.size(), kEach);
  for (size_t i = 0; i < kEach; ++i) EXPECT_EQ(of_a[i], fmt::format("a{}", i));
}

TEST_P(LogContract, ReadyIsCalledForWhatAnotherLogAppends) {
  if (!GetParam().is_shared) return;
  const auto writer = Created();
  const auto log = place_->Open();
  for (const Topic topic : kAll) {
    const auto reader = log->Read(topic, log->Range(topic).value().second).value();
    for (int i = 0; i < 3; ++i) {
      Append(*writer, topic, std::to_string(i));
      EXPECT_EQ(ReadOn(*log, *reader, 1).at(0).bytes, std::to_string(i));
    }
  }
}

// Random operations against a model: what was sent, per topic.
class LogModel {
 public:
  LogModel(Log& log, uint32_t seed) : log_(log), random_(seed) {
    for (const Topic topic : kAll) {
      begin_[topic] = log_.Range(topic).value().second;
      readers_[topic].push_back(log_.Read(topic, begin_[topic]).value());
    }
  }

  void Step() {
    const Topic topic = kAll.at(random_() % kTopics);
    auto& sent = sent_[topic];
    switch (random_() % 8) {
      case 0:
      case 1:
      case 2: {
        const size_t size = random_() % 4 == 0 ? random_() % 70'000 : random_() % 100;
        std::string bytes(size, static_cast<char>(random_()));
        if (log_.Append(topic, bytes)) sent.push_back(std::move(bytes));
        break;
      }
      case 3: {
        const auto range = log_.Range(topic).value();
        ASSERT_EQ(range.first, begin_[topic]);
        ASSERT_GE(range.second, shown_[topic]);
        ASSERT_LE(range.second, begin_[topic] + static_cast<int64_t>(sent.size()));
        shown_[topic] = range.second;
        break;
      }
      case 4: {
        const int64_t kept = log_.Range(topic).value().second - begin_[topic] + 1;
        const int64_t from = begin_[topic] + static_cast<int64_t>(random_()) % kept;
        readers_[topic].push_back(log_.Read(topic, from).value());
        if (readers_[topic].size() > 5) readers_[topic].erase(readers_[topic].begin());
        break;
      }
      default:
        Poll(topic, *readers_[topic].at(random_() % readers_[topic].size()),
             random_() % 3 == 0 ? random_() % 200'000 : random_() % 1000);
    }
  }

  // All that was sent comes in the end.
  void Finish() {
    ReadyCount ready(log_);
    for (const Topic topic : kAll) {
      const int64_t end = begin_[topic] + static_cast<int64_t>(sent_[topic].size());
      LogReader& reader = *readers_[topic].front();
      EXPECT_TRUE(ready.WaitUntil([&] {
        for (int64_t before = -1; reader.position() != before;) {
          before = reader.position();
          Poll(topic, reader, 1 << 20);
        }
        return reader.position() == end || testing::Test::HasFailure();
      }));
    }
    log_.OnReady(nullptr);
  }

 private:
  void Poll(Topic topic, LogReader& reader, size_t bytes_max) {
    const int64_t before = reader.position();
    const auto batch = reader.Poll(bytes_max);
    ASSERT_TRUE(batch) << batch.error().text;
    size_t bytes = 0;
    for (size_t i = 0; i < batch->size(); ++i) {
      const LogMessage& message = (*batch)[i];
      ASSERT_EQ(message.offset, before + static_cast<int64_t>(i));
      const auto index = static_cast<size_t>(message.offset - begin_[topic]);
      ASSERT_LT(index, sent_[topic].size());
      ASSERT_TRUE(message.bytes == sent_[topic][index]);
      bytes += message.bytes.size();
    }
    ASSERT_TRUE(bytes <= bytes_max || batch->size() == 1);
    ASSERT_EQ(reader.position(), before + static_cast<int64_t>(batch->size()));
  }

  Log& log_;
  std::mt19937 random_;
  std::map<Topic, int64_t> begin_;
  std::map<Topic, int64_t> shown_;
  std::map<Topic, std::vector<std::string>> sent_;
  std::map<Topic, std::vector<std::unique_ptr<LogReader>>> readers_;
};

TEST_P(LogContract, AnyOrderOfCallsGivesWhatWasSent) {
  for (uint32_t seed = 1; seed <= 3; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    place_ = GetParam().make();
    const auto log = Created();
    LogModel model(*log, seed);
    for (int step = 0; step < 600 && !HasFailure(); ++step) model.Step();
    model.Finish();
  }
}

}  // namespace
}  // namespace minke
