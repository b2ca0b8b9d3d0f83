// Marks the slot whose thread takes the process down (a fault, an abort or exit() in user code), so
// that the parent blames the right task when several slots are in user code. Async-signal-safe; the
// signal then does what it always did.
#pragma once

#include "task/slot.h"

namespace minke {

// Once per process, before slot threads start.
void InstallCrashMarks();

// On a slot's thread, for as long as the object lives: faults of this thread mark `page`. Gives the
// thread a signal stack of its own, so that even a stack overflow is marked.
class CrashMark {
 public:
  explicit CrashMark(SlotPage* page);
  ~CrashMark();
  CrashMark(const CrashMark&) = delete;
  CrashMark& operator=(const CrashMark&) = delete;

 private:
  char* stack_;
};

}  // namespace minke
