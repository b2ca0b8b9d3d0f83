#include "runtime/waker.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

namespace minke {

Waker::Waker() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) { MINKE_CHECK(fd_ >= 0); }

Waker::~Waker() { close(fd_); }

void Waker::Wake() {
  const int error_number = errno;  // a signal handler must leave it alone
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(fd_, &one, sizeof(one));
  errno = error_number;
}

void Waker::Wait(int64_t timeout_ms) {
  pollfd waited{.fd = fd_, .events = POLLIN, .revents = 0};
  const auto timeout = static_cast<int>(std::clamp<int64_t>(timeout_ms, 0, INT_MAX));
  if (poll(&waited, 1, timeout) > 0) {
    uint64_t pokes = 0;
    [[maybe_unused]] const ssize_t got = read(fd_, &pokes, sizeof(pokes));
  }
}

}  // namespace minke
