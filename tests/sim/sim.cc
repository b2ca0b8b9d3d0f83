// minke_sim: simulated runs from seeds.
//
//   minke_sim --seed N [--trace] [--calls]    one run; what happens, line by line, with each call
//                                             to the store
//   minke_sim --from A --count N              runs of N seeds
//   minke_sim --same --from A --count N       each twice: their traces are the same, byte for byte
//
// Exits with 1 if a law was broken, and says which, and the line that replays it.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <unistd.h>

#include "base/logging.h"
#include "storm.h"

namespace minke::sim {
namespace {

struct Request {
  uint64_t from = 0, count = 1;
  bool has_trace = false, has_calls = false, is_same = false;
};

[[noreturn]] void Refuse(std::string_view what) {
  fmt::print(stderr, "minke_sim: {}\nsee the beginning of tests/sim/sim.cc\n", what);
  std::exit(64);
}

Request Parse(int argc, char** argv) {
  Request request;
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    const auto number = [&] {
      uint64_t value = 0;
      if (++i >= argc) Refuse(fmt::format("{} needs a number", flag));
      const std::string_view text = argv[i];
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
        Refuse(fmt::format("{} needs a number, not '{}'", flag, text));
      }
      return value;
    };
    if (flag == "--seed" || flag == "--from") {
      request.from = number();
    } else if (flag == "--count") {
      request.count = number();
    } else if (flag == "--trace") {
      request.has_trace = true;
    } else if (flag == "--calls") {
      request.has_trace = request.has_calls = true;
    } else if (flag == "--same") {
      request.is_same = true;
    } else {
      Refuse(fmt::format("unknown: {}", flag));
    }
  }
  return request;
}

// A run that takes the process down says which one it was, too.
std::string crash_text;

void OnCrash(int signal) {
  (void)!write(STDOUT_FILENO, crash_text.data(), crash_text.size());
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void NameInCrash(uint64_t seed) {
  static char stack[64 << 10];
  crash_text = fmt::format("seed {}: crashes\n  minke_sim --seed {} --trace\n", seed, seed);
  const stack_t aside{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof(stack)};
  sigaltstack(&aside, nullptr);
  struct sigaction action{};
  action.sa_handler = &OnCrash;
  action.sa_flags = SA_ONSTACK;
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}) {
    sigaction(signal, &action, nullptr);
  }
}

std::string TraceOf(uint64_t seed) {
  std::string trace;
  RunSeed(seed, {[&](const std::string& line) { trace += line + "\n"; }, true});
  return trace;
}

bool IsSame(uint64_t seed) {
  const std::string first = TraceOf(seed);
  const std::string second = TraceOf(seed);
  if (first == second && !first.empty()) return true;
  size_t at = 0;
  while (at < first.size() && at < second.size() && first[at] == second[at]) ++at;
  const size_t begin = first.rfind('\n', at) + 1;
  fmt::print("seed {}: two runs differ\n  {}\n  {}\n", seed,
             first.substr(begin, first.find('\n', at) - begin),
             second.substr(begin, second.find('\n', at) - begin));
  return false;
}

bool IsRight(uint64_t seed, const Request& request) {
  const bool has_trace = request.has_trace;
  RunTrace trace;
  if (has_trace) trace.sink = [](const std::string& line) { fmt::print("{}\n", line); };
  trace.has_calls = request.has_calls;
  const RunResult result = RunSeed(seed, trace);
  if (has_trace) {
    fmt::print("ended at {} s; {} commits, {} outputs lost\n", result.ended_ms / 1000,
               result.commits, result.outputs_lost);
  }
  for (const std::string& violation : result.violations) {
    fmt::print("seed {}: {}\n", seed, violation);
  }
  if (!result.violations.empty()) fmt::print("  minke_sim --seed {} --trace\n", seed);
  std::fflush(stdout);
  return result.violations.empty();
}

int Main(int argc, char** argv) {
  const Request request = Parse(argc, argv);
  StartLogging({.role = "sim", .level = LogLevel::kOff});
  uint64_t broken = 0;
  for (uint64_t seed = request.from; seed < request.from + request.count; ++seed) {
    NameInCrash(seed);
    const bool is_right = request.is_same ? IsSame(seed) : IsRight(seed, request);
    broken += is_right ? 0 : 1;
  }
  fmt::print("{} of {} seeds broke a law\n", broken, request.count);
  return broken == 0 ? 0 : 1;
}

}  // namespace
}  // namespace minke::sim

int main(int argc, char** argv) { return minke::sim::Main(argc, argv); }
