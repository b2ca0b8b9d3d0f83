// A slot: the place in which one attempt at a time runs, as it looks from outside.
//
// The page part lies in memory shared with the supervising parent, which names the culprit after a
// crash and sees when user code stands still. Written by the slot's thread, read by anyone; plain
// numbers, no pointers.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/bytes.h"

namespace minke {

// What SlotPage::crashed says; 0: nothing.
inline constexpr uint32_t kCrashed = 1;     // a signal
inline constexpr uint32_t kCalledExit = 2;  // exit()
inline constexpr uint32_t kOwnFault = 3;    // a check of minke's own, or no memory for it

struct SlotPage {
  std::atomic<uint64_t> attempt_epoch{0};
  std::atomic<uint64_t> attempt_n{0};  // 0: idle
  std::atomic<uint32_t> kind{0};       // proto::PhaseKind
  std::atomic<uint32_t> step{0};
  std::atomic<uint32_t> task{0};
  std::atomic<uint32_t> in_user_code{0};  // 1 while a user's function runs
  std::atomic<uint32_t> crashed{0};       // the thread of this slot took the process down
  char path[512] = {};                    // of its input file, as named, cut if longer
  std::atomic<int64_t> record{-1};        // offset in the file of the batch at hand; -1: none
  std::atomic<uint32_t> is_one{0};        // 1: that batch is one record (careful mode)
  std::atomic<int64_t> key_size{-1};      // reduce, group by group: of the key; -1: not known
  char key[256] = {};                     // of the group at hand, cut if longer
  std::atomic<uint64_t> progress{0};      // moves whenever the attempt gets on
  std::atomic<uint64_t> bytes_done{0};    // of input
  std::atomic<uint64_t> records_done{0};

  void SetFile(Bytes name) {
    const size_t size = std::min(name.size(), sizeof(path) - 1);
    if (Bytes(path, size) == name && path[size] == '\0') return;
    std::memcpy(path, name.data(), size);
    path[size] = '\0';
  }
  void SetKey(Bytes name) {
    std::memcpy(key, name.data(), std::min(name.size(), sizeof(key)));
    key_size.store(static_cast<int64_t>(name.size()), std::memory_order_relaxed);
  }
  void Tick() {
    progress.store(progress.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
};

// As long as it lives, what the slot's thread does may be the user's code: watched for the task
// time-out. May be nested.
class UserCode {
 public:
  explicit UserCode(SlotPage* page)
      : page_(page), before_(page->in_user_code.load(std::memory_order_relaxed)) {
    page->Tick();
    page->in_user_code.store(1, std::memory_order_relaxed);
  }
  ~UserCode() { page_->in_user_code.store(before_, std::memory_order_relaxed); }
  UserCode(const UserCode&) = delete;
  UserCode& operator=(const UserCode&) = delete;

 private:
  SlotPage* page_;
  uint32_t before_;
};

struct Slot {
  SlotPage* page = nullptr;
  std::atomic<bool> cancelled{false};
  std::vector<uint32_t> missing_map_tasks;  // set by an attempt that ended with kNotFound
};

}  // namespace minke
