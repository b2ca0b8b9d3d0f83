#include "runtime/journal/record_json.h"

#include <ctime>
#include <fmt/format.h>
#include <variant>

namespace minke {

nlohmann::json JsonOf(const RecordView& view) {
  nlohmann::json json = {{"kind", view.kind}};
  for (const auto& [name, value] : view.fields) {
    std::visit([&json, &name](const auto& one) { json[name] = one; }, value);
  }
  return json;
}

std::string UtcText(int64_t unix_ms) {
  const time_t seconds = unix_ms / 1000;
  tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900,
                     parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                     unix_ms % 1000);
}

}  // namespace minke
