#include "runtime/stop_signals.h"

#include <csignal>

namespace minke {
namespace {

// What a handler may touch.
std::atomic<int> stop_signal{0};
std::atomic<Waker*> stop_waker{nullptr};

void OnStopSignal(int signal) {
  stop_signal.store(signal);
  if (Waker* waker = stop_waker.load(); waker != nullptr) waker->Wake();
}

}  // namespace

StopSignals::StopSignals(Waker* waker) {
  stop_signal.store(0);
  stop_waker.store(waker);
  struct sigaction action{};
  action.sa_handler = &OnStopSignal;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

StopSignals::~StopSignals() { stop_waker.store(nullptr); }

const std::atomic<int>& StopSignals::flag() { return stop_signal; }

int ExitCodeOfSignal(int signal) { return 128 + signal; }

std::string StopText(int signal) { return signal == SIGINT ? "interrupted" : "terminated"; }

}  // namespace minke
