// Wakes the control thread: library threads, slot threads and signal handlers poke, the control
// thread waits.
#pragma once

#include <cstdint>

namespace minke {

class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  // From any thread, also from a signal handler. Pokes before a Wait are not lost; several count as
  // one.
  void Wake();
  // Returns when woken, or after `timeout_ms`; 0 returns at once. Control thread only.
  void Wait(int64_t timeout_ms);

 private:
  int fd_;
};

}  // namespace minke
