// Log lines for people, on standard error: `HH:MM:SSZ level role: text`, times in UTC, colours only
// on a terminal. Hides spdlog. The one logger of a process is where any thread may write; it is the
// library's exception to having no globals, since user code and every floor may have to say
// something. A line is one write, so that processes sharing a terminal do not mix theirs.
#pragma once

#include <cstdint>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <utility>

namespace minke {

enum class LogLevel : uint8_t { kDebug, kInfo, kWarning, kError, kOff };

struct LoggingOptions {
  std::string role = "minke";           // names the process in each line: minke, master, worker …
  LogLevel level = LogLevel::kWarning;  // lines below it are not written
};

// May be called again (a forked child gets its own role), while no other thread logs. Before the
// first call the defaults hold. NO_COLOR in the environment turns colours off.
void StartLogging(const LoggingOptions& options);

// "debug", "info", "warning", "error" or "off"; false for anything else.
bool ParseLogLevel(std::string_view name, LogLevel* level);

bool LogIsOn(LogLevel level);

// Writes one line. Control bytes in `text` are shown as \xNN: it can neither forge a line nor drive
// the terminal. Never fails.
void WriteLog(LogLevel level, std::string_view text);

// What user code says, with a level of minke_host.log (0 debug … 3 error; any other is an info).
void LogUserText(int level, std::string_view text);

template <typename... Values>
void LogFormatted(LogLevel level, fmt::format_string<Values...> format, Values&&... values) {
  if (LogIsOn(level)) WriteLog(level, fmt::format(format, std::forward<Values>(values)...));
}

}  // namespace minke
