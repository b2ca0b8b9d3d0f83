#include "runtime/http/gate_reply.h"

#include <algorithm>
#include <charconv>
#include <exception>
#include <fmt/format.h>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <nlohmann/json.hpp>

#include "control/job_view.h"
#include "runtime/http/json.h"

namespace minke {
namespace {

constexpr const char* kJson = "application/json";
constexpr std::string_view kGate = "/v1/gate/";

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text, int base) {
  Number number{};
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (fault != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

// Of a field that is text; throws where it is missing or no number.
template <typename Number>
Number NumberIn(const nlohmann::json& object, const char* name, int base) {
  return ParseNumber<Number>(object.at(name).get_ref<const std::string&>(), base).value();
}

std::string Hex(uint64_t bits) { return Incarnation{bits}.Hex(); }

nlohmann::json ToJson(const JournalPosition& position) {
  nlohmann::json object = {{"offset", std::to_string(position.offset)},
                           {"sequence", std::to_string(position.sequence)},
                           {"claims", nlohmann::json::array()}};
  if (position.epoch) object["epoch"] = std::to_string(*position.epoch);
  for (const uint64_t claim : position.claims) object["claims"].push_back(Hex(claim));
  return object;
}

JournalPosition PositionIn(const nlohmann::json& object) {
  JournalPosition position;
  position.offset = NumberIn<int64_t>(object, "offset", 10);
  position.sequence = NumberIn<uint64_t>(object, "sequence", 10);
  if (object.contains("epoch")) position.epoch = NumberIn<uint64_t>(object, "epoch", 10);
  for (const auto& claim : object.at("claims")) {
    position.claims.push_back(ParseNumber<uint64_t>(claim.get<std::string>(), 16).value());
  }
  return position;
}

nlohmann::json OpenJson(const GateReply& reply) {
  const GateAnswer& answer = reply.answer;
  nlohmann::json steps = nlohmann::json::array();
  for (const proto::PhaseKind kind : answer.steps) steps.push_back(NameOf(kind));
  return {{"state", "open"},
          {"incarnation", answer.incarnation.Hex()},
          {"plan", Hex(answer.plan_checksum)},
          {"splitters", Hex(answer.splitters)},
          {"shuffle_table", answer.shuffle_table},
          {"steps", std::move(steps)},
          {"phase_offset", std::to_string(answer.phase_offset)},
          {"position", ToJson(answer.position)},
          {"in_flight_bytes", std::to_string(reply.in_flight_bytes)}};
}

// Throws where a field is missing or of another kind.
GateReply ReplyIn(const nlohmann::json& object) {
  static const std::map<std::string, GateState> states = {
      {"closed", GateState::kClosed}, {"open", GateState::kOpen}, {"over", GateState::kOver}};
  static const std::map<std::string, proto::PhaseKind> kinds = {
      {NameOf(proto::PHASE_SAMPLE), proto::PHASE_SAMPLE},
      {NameOf(proto::PHASE_MAP), proto::PHASE_MAP},
      {NameOf(proto::PHASE_REDUCE), proto::PHASE_REDUCE},
      {NameOf(proto::PHASE_EXPORT), proto::PHASE_EXPORT}};
  GateReply reply;
  GateAnswer& answer = reply.answer;
  answer.state = states.at(object.at("state").get<std::string>());
  if (answer.state == GateState::kClosed) {
    reply.retry_after_ms = object.at("retry_after_ms").get<int64_t>();
    reply.text = object.at("text").get<std::string>();
    return reply;
  }
  answer.incarnation.bits = NumberIn<uint64_t>(object, "incarnation", 16);
  if (answer.state == GateState::kOver) return reply;
  answer.plan_checksum = NumberIn<uint64_t>(object, "plan", 16);
  answer.splitters = NumberIn<uint64_t>(object, "splitters", 16);
  answer.shuffle_table = object.at("shuffle_table").get<std::string>();
  for (const auto& step : object.at("steps")) {
    answer.steps.push_back(kinds.at(step.get<std::string>()));
  }
  answer.phase_offset = NumberIn<int64_t>(object, "phase_offset", 10);
  answer.position = PositionIn(object.at("position"));
  reply.in_flight_bytes = NumberIn<uint64_t>(object, "in_flight_bytes", 10);
  return reply;
}

int StatusOf(GateState state) {
  switch (state) {
    case GateState::kOpen:
      return 200;
    case GateState::kOver:
      return 410;
    default:
      return 503;
  }
}

// A parameter of 16 hexadecimal digits at most; 0 where it is not there.
Result<uint64_t> HexParameter(const HttpRequest& request, const std::string& name) {
  const std::string text = request.parameter(name);
  if (text.empty()) return uint64_t{0};
  const auto bits = ParseNumber<uint64_t>(text, 16);
  if (bits) return *bits;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{} is no hexadecimal number: '{}'", name, text)};
}

}  // namespace

Result<proto::PhaseKind> RoleNamed(const std::string& name) {
  for (const auto role : {proto::PHASE_MAP, proto::PHASE_REDUCE}) {
    if (name == RoleName(role)) return role;
  }
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("there is no role '{}': it is mapper or reducer", name)};
}

std::string GatePath(const GateQuestion& question) {
  std::string path = fmt::format("{}{}?job={}&asker={}", kGate, RoleName(question.role),
                                 UrlEncoded(question.job_name), Hex(question.asker));
  if (question.incarnation.bits != 0) path += "&incarnation=" + question.incarnation.Hex();
  if (question.job_hash != 0) path += "&hash=" + Hex(question.job_hash);
  return path;
}

Result<GateQuestion> ParseGateQuestion(const HttpRequest& request) {
  GateQuestion question;
  question.job_name = request.parameter("job");
  question.role =
      MINKE_TRY(RoleNamed(request.path.substr(std::min(kGate.size(), request.path.size()))));
  question.incarnation.bits = MINKE_TRY(HexParameter(request, "incarnation"));
  question.job_hash = MINKE_TRY(HexParameter(request, "hash"));
  question.asker = MINKE_TRY(HexParameter(request, "asker"));
  return question;
}

HttpResponse ToHttp(const GateReply& reply) {
  HttpResponse response{StatusOf(reply.answer.state), kJson, {}};
  switch (reply.answer.state) {
    case GateState::kOpen:
      response.body = JsonBody(OpenJson(reply));
      break;
    case GateState::kOver:
      response.body =
          JsonBody({{"state", "over"}, {"incarnation", reply.answer.incarnation.Hex()}});
      break;
    case GateState::kClosed:
      response.body = JsonBody(
          {{"state", "closed"}, {"retry_after_ms", reply.retry_after_ms}, {"text", reply.text}});
      response.retry_after_s = static_cast<int>((reply.retry_after_ms + 999) / 1000);
      break;
  }
  return response;
}

HttpResponse ToRefusal(const std::string& text) {
  return {409, kJson, JsonBody({{"error", text}})};
}

Result<GateReply> ParseGateReply(const HttpResponse& response) {
  const auto object = nlohmann::json::parse(response.body, nullptr, false);
  const Error foreign{
      ErrorCode::kUnavailable,
      fmt::format("what answers there is no master of minke (status {})", response.status)};
  try {
    if (response.status == 409) {
      return Error{ErrorCode::kConfiguration, object.at("error").get<std::string>()};
    }
    GateReply reply = ReplyIn(object);
    if (StatusOf(reply.answer.state) != response.status) return foreign;
    return reply;
  } catch (const std::exception&) {
    return foreign;
  }
}

}  // namespace minke
