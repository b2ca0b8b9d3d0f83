// The supervisor: runs the work in a child process and outlives it.
//
// User code may crash or hang; the parent, which runs none of it, then says which job, task and
// record it was, removes what was written aside, and answers with the right exit code. The child
// dies with its parent. Signals that ask to stop are handed on; a child that does not end within a
// bound is killed. Called from a process with one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "task/slot.h"

namespace minke {

// What the child says of itself.
struct ChildPage {
  std::atomic<uint32_t> has_ended{0};          // its work returned; else something called exit()
  std::atomic<uint32_t> has_used_up_input{0};  // it read a pipe: no other child can read it again
};

// Slot pages in memory that parent and child share; lives until both have ended.
class SharedPages {
 public:
  explicit SharedPages(size_t slots);
  ~SharedPages();
  SharedPages(const SharedPages&) = delete;
  SharedPages& operator=(const SharedPages&) = delete;
  std::span<SlotPage> pages() const { return {pages_, slots_}; }
  // Of the child's control thread: user code runs there while the job is declared.
  SlotPage& control() const { return pages_[slots_]; }
  std::span<SlotPage> all() const { return {pages_, slots_ + 1}; }
  ChildPage& child() const { return *reinterpret_cast<ChildPage*>(pages_ + slots_ + 1); }
  void Clear() const;  // for the next child

 private:
  size_t bytes() const { return (slots_ + 1) * sizeof(SlotPage) + sizeof(ChildPage); }

  SlotPage* pages_;
  size_t slots_;
};

struct SupervisorOptions {
  int64_t task_timeout_ms = 600'000;  // user code without progress
  int64_t stop_timeout_ms = 900;      // from the first signal until the child is killed
};

// How the child ended.
struct ChildEnd {
  int exit_code = 0;     // what the child said; meaningless when `signal` or `exited` is set
  bool exited = false;   // something in it called exit()
  int signal = 0;        // that killed it, 0 = none
  bool hung = false;     // killed by us: user code made no progress within the time-out
  bool stopped = false;  // killed by us: did not end in time after being asked to stop
  const SlotPage* culprit = nullptr;  // the slot whose user code did it, if that is known
  bool was_declaring = false;         // no slot had begun: the job was being declared
  int stop_signal = 0;                // SIGINT or SIGTERM that the parent was sent, 0 = none

  bool is_own_end() const { return signal == 0 && !exited; }
};

// Forks; the child runs `work` and exits with what it returns. Returns in the parent only, when the
// child has ended.
ChildEnd Supervise(const SupervisorOptions& options, const SharedPages& pages,
                   const std::function<int()>& work);

// "SIGSEGV (segmentation fault)".
std::string SignalText(int signal);

}  // namespace minke
