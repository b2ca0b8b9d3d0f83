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
#include "runtime/http/json.h"

namespace minke {
namespace {

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

void PrintRow(std::string_view name, const std::string& value) {
  fmt::print(stderr, "{:<12} {}\n", name, value);
}

std::string Seconds(int64_t ms) { return fmt::format("{:.2f} s", static_cast<double>(ms) / 1e3); }

const PhaseView* OpenPhase(const JobView& view) {
  for (const PhaseView& phase : view.phases) {
    if (phase.is_open) return &phase;
  }
  return nullptr;
}

// Of this process and those that it has started.
ProcessUse UseOfRun() {
  ProcessUse use = ThisProcessUse();
  const ProcessUse children = ChildrenUse();
  use.cpu_us += children.cpu_us;
  use.peak_bytes = std::max(use.peak_bytes, children.peak_bytes);
  return use;
}

// What a run says of itself besides what any job's view holds.
nlohmann::json RunJson(const JobView& view) {
  const ProcessUse use = UseOfRun();
  nlohmann::json object = ToJson(view);
  object["cpu_ms"] = use.cpu_us / 1000;
  object["peak_bytes"] = use.peak_bytes;
  return object;
}

}  // namespace

size_t TerminalWidth() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
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
  const ProcessUse use = UseOfRun();
  PrintRow("in",
           fmt::format("{} records, {}", Grouped(view.records_in), MegabytesText(view.bytes_in)));
  PrintRow("shuffled", fmt::format("{} records, {}", Grouped(view.shuffled_records),
                                   MegabytesText(view.shuffled_bytes)));
  PrintRow("out", fmt::format("{} records, {}", Grouped(view.output_records),
                              MegabytesText(view.output_bytes)));
  PrintRow("wall", Seconds(view.elapsed_ms));
  PrintRow("CPU", Seconds(static_cast<int64_t>(use.cpu_us / 1000)));
  PrintRow("peak memory", MegabytesText(use.peak_bytes));
  PrintRow("spills", view.spills == 0
                         ? "none"
                         : fmt::format("{}, {}", view.spills, MegabytesText(view.spilled_bytes)));
  if (view.skipped != 0)
    PrintRow("skipped", fmt::format("{} bad records or groups", Grouped(view.skipped)));
  for (const auto& [name, value] : view.counters) PrintRow(name, Grouped(value));
  PrintRow("fingerprint", fmt::format("{:016x}", view.fingerprint));
}

void RunDisplay::PrintJson(const std::string& object) const {
  fmt::print(options_.records_to_stdout ? stderr : stdout, "{}\n", object);
}

void RunDisplay::OnDone(const JobView& view) {
  ClearLine();
  if (options_.json) {
    nlohmann::json object = RunJson(view);
    object["exit_code"] = 0;
    PrintJson(JsonText(object));
  } else if (!options_.quiet) {
    PrintTable(view);
  }
}

void RunDisplay::OnFailed(int exit_code, const std::string& text, const JobView* view) {
  ClearLine();
  fmt::print(stderr, "minke run: {}\n", text);
  if (!options_.json) return;
  nlohmann::json object = view != nullptr ? RunJson(*view) : nlohmann::json::object();
  object["exit_code"] = exit_code;
  object["error"] = text;
  PrintJson(JsonText(object));
}

void RunDisplay::OnBefore(proto::PhaseKind kind, uint32_t tasks) {
  if (options_.quiet) return;
  fmt::print(stderr, "running {} {} {} first, which this one reads from\n", tasks, NameOf(kind),
             tasks == 1 ? "task" : "tasks");
}

void RunDisplay::OnTaskDone(const TaskDone& done) {
  const proto::Report& report = done.report;
  if (options_.json) {
    nlohmann::json outputs = nlohmann::json::array();
    for (const proto::OutputFile& file : report.outputs()) {
      outputs.push_back({{"name", file.name().empty() ? "part" : file.name()},
                         {"records", file.records()},
                         {"bytes", file.bytes()},
                         {"fingerprint", fmt::format("{:016x}", file.fingerprint())}});
    }
    nlohmann::json counters = nlohmann::json::object();
    for (const proto::Counter& one : report.counters()) counters[one.name()] = one.value();
    fmt::print("{}\n", JsonText({{"job", done.job},
                                 {"task", done.task},
                                 {"records_in", report.records_in()},
                                 {"bytes_in", report.bytes_in()},
                                 {"records_out", report.records_out()},
                                 {"bytes_out", report.bytes_out()},
                                 {"outputs", std::move(outputs)},
                                 {"counters", std::move(counters)},
                                 {"cpu_ms", report.cpu_us() / 1000},
                                 {"exit_code", 0}}));
    return;
  }
  if (options_.quiet) return;
  PrintRow("task", fmt::format("{} of {}", done.task, done.job));
  PrintRow("in", fmt::format("{} records, {} bytes", Grouped(report.records_in()),
                             Grouped(report.bytes_in())));
  PrintRow("out", fmt::format("{} records, {} bytes, {}", Grouped(report.records_out()),
                              Grouped(report.bytes_out()),
                              report.outputs().empty() ? "for the shuffle" : "not kept"));
  for (const proto::OutputFile& file : report.outputs()) {
    PrintRow(file.name().empty() ? "fingerprint" : file.name(),
             fmt::format("{:016x} of {} records", file.fingerprint(), Grouped(file.records())));
  }
  for (const proto::Counter& one : report.counters()) PrintRow(one.name(), Grouped(one.value()));
  PrintRow("CPU", Seconds(static_cast<int64_t>(report.cpu_us() / 1000)));
}

void RunDisplay::OnTaskFailed(int exit_code, const std::string& text) {
  OnFailed(exit_code, text, nullptr);
}

}  // namespace minke
