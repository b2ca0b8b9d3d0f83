#include "task/output/success_file.h"

#include <charconv>
#include <fmt/format.h>
#include <utility>

#include <nlohmann/json.hpp>

namespace minke {
namespace {

using Json = nlohmann::ordered_json;

void Add(Json& to, const OutputSummary& summary) {
  to["records"] = summary.records;
  to["fingerprint"] = fmt::format("{:016x}", summary.fingerprint);
  if (summary.record_bytes) to["record_bytes"] = *summary.record_bytes;
}

std::optional<OutputSummary> Take(const Json& from) {
  if (!from.is_object()) return std::nullopt;
  const auto records = from.find("records");
  const auto fingerprint = from.find("fingerprint");
  const auto record_bytes = from.find("record_bytes");
  if (records == from.end() || !records->is_number_unsigned()) return std::nullopt;
  if (fingerprint == from.end() || !fingerprint->is_string()) return std::nullopt;
  OutputSummary summary;
  summary.records = records->get<uint64_t>();
  const auto& hex = fingerprint->get_ref<const std::string&>();
  const auto [end, error] =
      std::from_chars(hex.data(), hex.data() + hex.size(), summary.fingerprint, 16);
  if (error != std::errc() || end != hex.data() + hex.size()) return std::nullopt;
  if (record_bytes != from.end()) {
    if (!record_bytes->is_number_unsigned()) return std::nullopt;
    summary.record_bytes = record_bytes->get<uint64_t>();
  }
  return summary;
}

}  // namespace

std::string FormatSuccess(const SuccessFile& success) {
  Json json;
  json["format_version"] = kOutputFormatVersion;
  Add(json, success.main);
  for (const auto& [name, summary] : success.side_outputs) {
    Add(json["side_outputs"][name], summary);
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<SuccessFile> ParseSuccess(Bytes text) {
  const Error refused{ErrorCode::kInput, "it is not a _SUCCESS file of this version of minke"};
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || json.value("format_version", Json()) != kOutputFormatVersion) {
    return refused;
  }
  SuccessFile success;
  auto main = Take(json);
  if (!main) return refused;
  success.main = *main;
  if (const auto sides = json.find("side_outputs"); sides != json.end()) {
    if (!sides->is_object()) return refused;
    for (const auto& [name, side] : sides->items()) {
      auto summary = Take(side);
      if (!summary) return refused;
      success.side_outputs[name] = *summary;
    }
  }
  return success;
}

}  // namespace minke
