// Against a real HTTP server that plays the master; the clock is the test's.
#include "runtime/http/gate_client.h"

#include <atomic>
#include <deque>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace minke {
namespace {

// A second goes by whenever it is looked at, and nobody waits in earnest.
class HastyClock final : public Clock {
 public:
  explicit HastyClock(Waker* waker) : waker_(waker) {}
  int64_t NowMs() const override {
    waker_->Wake();
    return now_ms_ += 1'000;
  }
  int64_t UnixMs() const override { return 0; }

 private:
  Waker* waker_;
  mutable int64_t now_ms_ = 0;
};

HttpResponse Closed() {
  GateReply reply;
  reply.retry_after_ms = 1;
  reply.text = "the job is starting";
  return ToHttp(reply);
}

HttpResponse Open(uint64_t incarnation) {
  GateReply reply;
  reply.answer.state = GateState::kOpen;
  reply.answer.incarnation.bits = incarnation;
  return ToHttp(reply);
}

class GateClient : public testing::Test {
 protected:
  GateClient() {
    wait_.clock = &clock_;
    wait_.waker = &waker_;
    wait_.stop = &stop_;
    wait_.timeout_ms = 100'000;
    question_.job_name = "j";
    question_.asker = 0x123456789abcdef0;
  }

  // Answers with these, one after the other, and with the last one for ever.
  void Serve(std::deque<HttpResponse> answers) {
    answers_ = std::move(answers);
    const auto http = LoadHttpLibrary();
    ASSERT_TRUE(http) << http.error().text;
    auto server = (*http)->Listen({}, [this](const HttpRequest& request) {
      const std::lock_guard lock(mutex_);
      asked_.push_back(request);
      const HttpResponse answer = answers_.front();
      if (answers_.size() > 1) answers_.pop_front();
      return answer;
    });
    ASSERT_TRUE(server) << server.error().text;
    server_ = std::move(*server);
    wait_.master = fmt::format("http://127.0.0.1:{}/", server_->port());
  }

  // An address at which nobody answers.
  void ServeNobody() {
    Serve({Closed()});
    server_.reset();
  }

  void RowIs(const Result<std::optional<Row>>& row) {
    wait_.read_row = [this, row] {
      ++row_reads_;
      return row;
    };
  }

  Result<GateReply> Wait() { return WaitAtGate(question_, wait_); }

  Waker waker_;
  HastyClock clock_{&waker_};
  std::atomic<int> stop_{0};
  GateQuestion question_;
  GateWait wait_;
  std::mutex mutex_;  // guards the next two
  std::deque<HttpResponse> answers_;
  std::deque<HttpRequest> asked_;
  std::unique_ptr<HttpServer> server_;
  int row_reads_ = 0;
};

TEST_F(GateClient, AsksUntilItIsOpenAsTheSameAsker) {
  Serve({Closed(), Closed(), Open(7)});
  RowIs(std::optional<Row>());
  const auto reply = Wait();
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->answer.state, GateState::kOpen);
  EXPECT_EQ(reply->answer.incarnation.bits, 7u);
  ASSERT_EQ(asked_.size(), 3u);
  for (const HttpRequest& request : asked_) {
    EXPECT_EQ(request.path, "/v1/gate/mapper");
    EXPECT_EQ(request.parameter("job"), "j");
    EXPECT_EQ(request.parameter("asker"), "123456789abcdef0");
  }
  EXPECT_EQ(row_reads_, 0) << "the master has answered";
}

TEST_F(GateClient, AMasterThatSaysNotYetIsWaitedForLongerThanTheTimeout) {
  std::deque<HttpResponse> answers(200, Closed());
  answers.push_back(Open(7));
  Serve(std::move(answers));
  const auto reply = Wait();
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(asked_.size(), 201u);
}

TEST_F(GateClient, ARefusalEndsItAtOnce) {
  Serve({Closed(), ToRefusal("another job")});
  const auto reply = Wait();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kConfiguration);
  EXPECT_EQ(reply.error().text, "another job");
}

TEST_F(GateClient, AFinishedRowIsOverWhereTheMasterIsGone) {
  ServeNobody();
  RowIs(Row{Incarnation{9}, 0, RowState::kFinished, 70});
  const auto reply = Wait();
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->answer.state, GateState::kOver);
  EXPECT_EQ(reply->answer.incarnation.bits, 9u);
}

TEST_F(GateClient, AnOpenRowIsAnAnswerAndIsWaitedFor) {
  ServeNobody();
  wait_.read_row = [this] -> Result<std::optional<Row>> {
    return Row{Incarnation{9}, 0, ++row_reads_ < 200 ? RowState::kAccepted : RowState::kFinished,
               0};
  };
  const auto reply = Wait();
  ASSERT_TRUE(reply) << reply.error().text;
  EXPECT_EQ(reply->answer.state, GateState::kOver);
  EXPECT_EQ(row_reads_, 200);
}

TEST_F(GateClient, ARowOfAnotherIncarnationIsRefused) {
  ServeNobody();
  question_.incarnation.bits = 8;
  RowIs(Row{Incarnation{9}, 0, RowState::kFinished, 0});
  const auto reply = Wait();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kConfiguration);
}

TEST_F(GateClient, WhereNeitherAnswersItEndsWithTheReasons) {
  ServeNobody();
  RowIs(Error{ErrorCode::kUnavailable, "no Cassandra at 127.0.0.1:9"});
  auto reply = Wait();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(reply.error().text.find("100 s"), std::string::npos) << reply.error().text;
  EXPECT_NE(reply.error().text.find("127.0.0.1:9"), std::string::npos) << reply.error().text;
  EXPECT_NE(reply.error().text.find("does not answer"), std::string::npos) << reply.error().text;
  EXPECT_GT(row_reads_, 5);
  RowIs(std::optional<Row>());
  reply = Wait();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable) << "a row that is not there is no answer";
}

TEST_F(GateClient, WhoIsNoMasterIsNoAnswer) {
  Serve({{200, "text/html", "<html>hello</html>"}});
  const auto reply = Wait();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(reply.error().text.find("no master"), std::string::npos) << reply.error().text;
}

TEST_F(GateClient, AStopEndsIt) {
  Serve({Closed()});
  stop_ = 15;
  const auto reply = Wait();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kCancelled);
}

TEST_F(GateClient, AUrlThatIsNoneIsAUsageError) {
  wait_.master = "master:8080";
  const auto reply = Wait();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace minke
