#include "base/logging.h"

#include <array>
#include <cstdlib>
#include <memory>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>

namespace minke {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warning", "error",
                                                         "off"};

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
    case LogLevel::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::off;
}

std::unique_ptr<spdlog::logger> MakeLogger(const LoggingOptions& options) {
  const char* no_color = std::getenv("NO_COLOR");
  const auto mode = no_color != nullptr && no_color[0] != 0 ? spdlog::color_mode::never
                                                            : spdlog::color_mode::automatic;
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(mode);
  auto logger = std::make_unique<spdlog::logger>(options.role, std::move(sink));
  logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%H:%M:%SZ %^%l%$ %n: %v", spdlog::pattern_time_type::utc));
  logger->set_level(ToSpdlog(options.level));
  logger->set_error_handler([](const std::string&) {});  // nowhere left to say it
  return logger;
}

// Never destroyed: threads may log until the process is gone.
std::unique_ptr<spdlog::logger>& Logger() {
  static auto* logger = new std::unique_ptr<spdlog::logger>(MakeLogger({}));
  return *logger;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

std::string Printable(std::string_view text) {
  std::string shown;
  for (const char c : text) {
    if (IsControl(c) && c != '\t') {
      fmt::format_to(std::back_inserter(shown), "\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      shown += c;
    }
  }
  return shown;
}

}  // namespace

void StartLogging(const LoggingOptions& options) { Logger() = MakeLogger(options); }

bool ParseLogLevel(std::string_view name, LogLevel* level) {
  for (size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] != name) continue;
    *level = static_cast<LogLevel>(i);
    return true;
  }
  return false;
}

bool LogIsOn(LogLevel level) {
  return level != LogLevel::kOff && Logger()->should_log(ToSpdlog(level));
}

void WriteLog(LogLevel level, std::string_view text) {
  if (!LogIsOn(level)) return;
  while (text.ends_with('\n')) text.remove_suffix(1);
  const std::string shown = Printable(text);
  Logger()->log(ToSpdlog(level), spdlog::string_view_t(shown.data(), shown.size()));
}

void LogUserText(int level, std::string_view text) {
  const bool is_known = level >= 0 && level < static_cast<int>(LogLevel::kOff);
  WriteLog(is_known ? static_cast<LogLevel>(level) : LogLevel::kInfo, text);
}

}  // namespace minke
