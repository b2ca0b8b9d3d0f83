// The groups of a sorted stream, as a reduce or combine function reads them (minke_groups): front
// to back, once.
//
// All: one call of the user's function sees every group. OneByOne: NextGroup() steps through them,
// and each call sees one group: the careful mode, and whatever must know which group a record was
// emitted for. Used by one thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include <minke/abi.h>

#include "base/bytes.h"
#include "base/result.h"
#include "shuffle/run.h"

namespace minke {

class GroupCursor {
 public:
  enum class Mode : uint8_t { kAll, kOneByOne };

  // `progress` is called at each batch of records; both outlive the cursor.
  GroupCursor(RecordStream* stream, Mode mode, std::function<void(size_t records)> progress);
  GroupCursor(const GroupCursor&) = delete;
  GroupCursor& operator=(const GroupCursor&) = delete;

  minke_groups* abi() { return &abi_; }
  // kOneByOne: passes over what is left of the group at hand and goes to the next; false at the end
  // or on failure.
  bool NextGroup();
  // Key of the group at hand, kOneByOne.
  Bytes key() const { return key_; }
  // What the stream said, if it failed.
  const Status& status() const { return status_; }

 private:
  struct Abi : minke_groups {
    GroupCursor* owner;
  };
  static int OnRefill(minke_groups* abi);
  bool Pull();
  bool Refill();
  void Show(size_t begin, size_t end);
  size_t EndOfGroup(size_t from) const;

  Abi abi_{};
  RecordStream* stream_;
  Mode mode_;
  std::function<void(size_t)> progress_;
  std::span<const minke_record> batch_;
  std::vector<uint8_t> first_;
  size_t shown_end_ = 0;  // of batch_
  std::string last_key_;  // of the batch before
  bool has_last_ = false;
  std::string key_;
  Status status_;
};

}  // namespace minke
