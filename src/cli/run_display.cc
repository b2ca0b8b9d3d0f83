#include "cli/run_display.h"

#include <cstdio>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/machine.h"

namespace minke {
namespace {

size_t TerminalWidth() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// 1234567 → "1,234,567".
std::string Grouped(uint64_t number) {
  const std::string digits = std::to_string(number);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string Seconds(int64_t ms) { return fmt::format("{:.2f} s", static_cast<double>(ms) / 1e3); }

const PhaseView* OpenPhase(const JobView& view) {
  for (const PhaseView& phase : view.phases) {
    if (phase.is_open) return &phase;
  }
  return nullptr;
}

std::string ProgressLine(const JobView& view) {
  std::string line = view.state;
  if (const PhaseView* phase = OpenPhase(view); phase != nullptr) {
    line += fmt::format("  {}/{} tasks", phase->done, phase->tasks);
  }
  line += fmt::format("  {} records/s  {:.1f} MB/s", Grouped(static_cast<uint64_t>(view.records_s)),
                      view.bytes_s / 1e6);
  if (view.remaining_ms)
    line += fmt::format("  ETA {:.0f} s", static_cast<double>(*view.remaining_ms) / 1e3);
  return line;
}

nlohmann::json PhaseJson(const PhaseView& phase) {
  return {{"kind", NameOf(phase.kind)}, {"open", phase.is_open},    {"tasks", phase.tasks},
          {"waiting", phase.waiting},   {"running", phase.running}, {"done", phase.done}};
}

nlohmann::json ToJson(const JobView& view) {
  nlohmann::json phases = nlohmann::json::array();
  for (const PhaseView& phase : view.phases) phases.push_back(PhaseJson(phase));
  const ProcessUse use = ThisProcessUse();
  nlohmann::json object = {
      {"job", view.name},
      {"incarnation", view.incarnation.Hex()},
      {"state", view.state},
      {"phases", phases},
      {"attempts", view.attempts},
      {"failures", view.failures},
      {"losses", view.losses},
      {"records_in", view.records_in},
      {"bytes_in", view.bytes_in},
      {"shuffled_records", view.shuffled_records},
      {"shuffled_bytes", view.shuffled_bytes},
      {"records_out", view.output_records},
      {"bytes_out", view.output_bytes},
      {"spills", view.spills},
      {"spilled_bytes", view.spilled_bytes},
      {"skipped", view.skipped},
      {"fingerprint", fmt::format("{:016x}", view.fingerprint)},
      {"counters", view.counters},
      {"wall_ms", view.elapsed_ms},
      {"cpu_ms", use.cpu_us / 1000},
      {"peak_bytes", use.peak_bytes},
  };
  return object;
}

}  // namespace

RunDisplay::RunDisplay(RunDisplayOptions options)
    : options_(options), is_terminal_(isatty(STDERR_FILENO) != 0) {}

void RunDisplay::ClearLine() {
  if (!line_is_shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  line_is_shown_ = false;
}

void RunDisplay::OnProgress(const JobView& view) {
  if (options_.quiet || !is_terminal_) return;
  std::string line = ProgressLine(view);
  line.resize(std::min(line.size(), TerminalWidth() - 1));
  fmt::print(stderr, "\r\x1b[K{}", line);
  std::fflush(stderr);
  line_is_shown_ = true;
}

void RunDisplay::PrintTable(const JobView& view) const {
  const ProcessUse use = ThisProcessUse();
  const auto row = [](std::string_view name, const std::string& value) {
    fmt::print(stderr, "{:<12} {}\n", name, value);
  };
  row("in", fmt::format("{} records, {}", Grouped(view.records_in), MegabytesText(view.bytes_in)));
  row("shuffled", fmt::format("{} records, {}", Grouped(view.shuffled_records),
                              MegabytesText(view.shuffled_bytes)));
  row("out", fmt::format("{} records, {}", Grouped(view.output_records),
                         MegabytesText(view.output_bytes)));
  row("wall", Seconds(view.elapsed_ms));
  row("CPU", Seconds(static_cast<int64_t>(use.cpu_us / 1000)));
  row("peak memory", MegabytesText(use.peak_bytes));
  row("spills", view.spills == 0
                    ? "none"
                    : fmt::format("{}, {}", view.spills, MegabytesText(view.spilled_bytes)));
  if (view.skipped != 0) row("skipped", fmt::format("{} bad records", Grouped(view.skipped)));
  for (const auto& [name, value] : view.counters) row(name, Grouped(value));
  row("fingerprint", fmt::format("{:016x}", view.fingerprint));
}

void RunDisplay::PrintJson(const std::string& object) const {
  fmt::print(options_.records_to_stdout ? stderr : stdout, "{}\n", object);
}

void RunDisplay::OnDone(const JobView& view) {
  ClearLine();
  if (options_.json) {
    nlohmann::json object = ToJson(view);
    object["exit_code"] = 0;
    PrintJson(object.dump());
  } else if (!options_.quiet) {
    PrintTable(view);
  }
}

void RunDisplay::OnFailed(int exit_code, const std::string& text, const JobView* view) {
  ClearLine();
  fmt::print(stderr, "minke run: {}\n", text);
  if (!options_.json) return;
  nlohmann::json object = view != nullptr ? ToJson(*view) : nlohmann::json::object();
  object["exit_code"] = exit_code;
  object["error"] = text;
  PrintJson(object.dump());
}

}  // namespace minke
