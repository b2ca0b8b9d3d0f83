#include "runtime/http/gate_reply.h"

#include <gtest/gtest.h>
#include <limits>
#include <string>

namespace minke {
namespace {

constexpr uint64_t kBits = std::numeric_limits<uint64_t>::max();

GateReply OpenReply() {
  GateReply reply;
  GateAnswer& answer = reply.answer;
  answer.state = GateState::kOpen;
  answer.incarnation.bits = kBits - 1;
  answer.plan_checksum = kBits - 2;
  answer.splitters = 1;
  answer.shuffle_table = "shuffle_1_2";
  answer.steps = {proto::PHASE_SAMPLE, proto::PHASE_MAP, proto::PHASE_REDUCE, proto::PHASE_EXPORT};
  answer.phase_offset = std::numeric_limits<int64_t>::max() - 1;
  answer.position.offset = std::numeric_limits<int64_t>::max();
  answer.position.epoch = kBits - 3;
  answer.position.sequence = kBits - 4;
  answer.position.claims = {kBits - 5, 0, 7};
  reply.in_flight_bytes = kBits - 6;
  return reply;
}

void ExpectSame(const GateReply& left, const GateReply& right) {
  EXPECT_EQ(left.answer.state, right.answer.state);
  EXPECT_EQ(left.answer.incarnation, right.answer.incarnation);
  EXPECT_EQ(left.answer.plan_checksum, right.answer.plan_checksum);
  EXPECT_EQ(left.answer.splitters, right.answer.splitters);
  EXPECT_EQ(left.answer.shuffle_table, right.answer.shuffle_table);
  EXPECT_EQ(left.answer.steps, right.answer.steps);
  EXPECT_EQ(left.answer.phase_offset, right.answer.phase_offset);
  EXPECT_EQ(left.answer.position, right.answer.position);
  EXPECT_EQ(left.in_flight_bytes, right.in_flight_bytes);
  EXPECT_EQ(left.retry_after_ms, right.retry_after_ms);
  EXPECT_EQ(left.text, right.text);
}

TEST(GateReply, OpenAnswersComeBackToTheLastBit) {
  GateReply reply = OpenReply();
  HttpResponse response = ToHttp(reply);
  EXPECT_EQ(response.status, 200);
  auto back = ParseGateReply(response);
  ASSERT_TRUE(back) << back.error().text;
  ExpectSame(*back, reply);
  reply.answer.position.epoch.reset();
  back = ParseGateReply(ToHttp(reply));
  ASSERT_TRUE(back) << back.error().text;
  ExpectSame(*back, reply);
}

TEST(GateReply, ClosedAndOverComeBackToo) {
  GateReply closed;
  closed.retry_after_ms = 1'001;
  closed.text = "the job is \"mapping\"";
  const HttpResponse response = ToHttp(closed);
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.retry_after_s, 2);
  auto back = ParseGateReply(response);
  ASSERT_TRUE(back) << back.error().text;
  ExpectSame(*back, closed);
  GateReply over;
  over.answer.state = GateState::kOver;
  over.answer.incarnation.bits = 5;
  EXPECT_EQ(ToHttp(over).status, 410);
  back = ParseGateReply(ToHttp(over));
  ASSERT_TRUE(back) << back.error().text;
  ExpectSame(*back, over);
}

TEST(GateReply, ARefusalIsAConfigurationError) {
  const auto back = ParseGateReply(ToRefusal("another job"));
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::kConfiguration);
  EXPECT_EQ(back.error().text, "another job");
}

TEST(GateReply, WhateverElseAnswersIsNoGate) {
  std::vector<HttpResponse> foreign = {{200, "text/html", "<html>"}, {503, "text/plain", "busy"},
                                       {404, "text/plain", ""},      {410, "text/plain", "{}"},
                                       {409, "text/plain", "[]"},    {200, "text/plain", "[1]"}};
  HttpResponse response = ToHttp(OpenReply());
  foreign.push_back({410, response.type, response.body});
  for (size_t size = 0; size + 2 < response.body.size(); ++size) {
    foreign.push_back({200, response.type, response.body.substr(0, size)});
  }
  for (const char* word : {"offset", "18446744073709551611", "claims", "open", "plan", "sample"}) {
    std::string body = response.body;
    body[body.find(word)] = '?';
    foreign.push_back({200, response.type, body});
  }
  for (const HttpResponse& one : foreign) {
    const auto back = ParseGateReply(one);
    ASSERT_FALSE(back) << one.body;
    EXPECT_EQ(back.error().code, ErrorCode::kUnavailable) << one.body;
  }
}

HttpRequest RequestOf(const std::string& path) {
  HttpRequest request;
  const size_t mark = path.find('?');
  request.path = path.substr(0, mark);
  for (size_t at = mark; at != std::string::npos;) {
    const size_t end = path.find('&', at + 1);
    const std::string pair = path.substr(at + 1, end - at - 1);
    request.query.emplace(pair.substr(0, pair.find('=')), pair.substr(pair.find('=') + 1));
    at = end;
  }
  return request;
}

TEST(GateQuestion, ComesBack) {
  GateQuestion question;
  question.job_name = "books-2024";
  question.role = proto::PHASE_REDUCE;
  question.incarnation.bits = kBits;
  question.job_hash = kBits - 1;
  question.asker = 17;
  const auto back = ParseGateQuestion(RequestOf(GatePath(question)));
  ASSERT_TRUE(back) << back.error().text;
  EXPECT_EQ(back->job_name, question.job_name);
  EXPECT_EQ(back->role, question.role);
  EXPECT_EQ(back->incarnation, question.incarnation);
  EXPECT_EQ(back->job_hash, question.job_hash);
  EXPECT_EQ(back->asker, question.asker);
}

TEST(GateQuestion, WhatIsWrongInItIsSaid) {
  const auto role = ParseGateQuestion(RequestOf("/v1/gate/cook?job=j"));
  ASSERT_FALSE(role);
  EXPECT_NE(role.error().text.find("cook"), std::string::npos) << role.error().text;
  const auto hash = ParseGateQuestion(RequestOf("/v1/gate/mapper?job=j&hash=xyz"));
  ASSERT_FALSE(hash);
  EXPECT_NE(hash.error().text.find("hash"), std::string::npos) << hash.error().text;
}

}  // namespace
}  // namespace minke
