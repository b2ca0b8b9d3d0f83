// A stack of its own, to be left in the middle and come back to: how the simulator runs what blocks
// (attempts, the master's effects) in one thread.
//
// Only the main stack resumes fibers; a fiber suspends itself. Known to ASan and TSan.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace minke::sim {

class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  ~Fiber();  // it is done, or was never resumed
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs it until it suspends or ends. From the main stack.
  void Resume();
  // Back to whoever resumed the fiber that runs; returns when it is resumed again.
  static void Suspend();
  bool is_done() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke::sim
