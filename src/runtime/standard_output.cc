#include "runtime/standard_output.h"

#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

namespace minke {

Status StandardOutput::Write(Bytes bytes) {
  while (!bytes.empty() && !closed_) {
    const ssize_t n = write(STDOUT_FILENO, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<size_t>(n));
    } else if (errno == EPIPE) {
      closed_ = true;
    } else if (errno == EAGAIN) {
      pollfd waited{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
      poll(&waited, 1, -1);
    } else if (errno != EINTR) {
      return Error{ErrorCode::kOutput,
                   fmt::format("cannot write to standard output: {}", std::strerror(errno))};
    }
  }
  return {};
}

}  // namespace minke
