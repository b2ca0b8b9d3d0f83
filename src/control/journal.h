// Reading the journal: which messages count.
//
// A JournalReader is given every message of the journal in order and hands on those that count. It
// hides epochs, claims and sequence numbers: what a fenced master wrote, a second copy of a message
// that was sent twice, a late copy of an old claim are dropped; a message that is missing, or a
// journal that is not the one read before, is kCorruption. Whoever folds the journal (master,
// worker, replay, verify) reads it through this class. Pure; used by one thread.
//
// The laws (docs/PROTOCOL.md):
//   - a claim's offset is its epoch; a uuid claims once, later copies count for nothing
//   - a message counts if its epoch is the newest one and its sequence the next one
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

#include "proto/minke.pb.h"

namespace minke {

// All that a reader must know to go on from the middle of a journal.
struct JournalPosition {
  int64_t offset = 0;             // of the next message to read
  std::optional<uint64_t> epoch;  // nothing: no claim was read yet
  uint64_t sequence = 0;          // of the epoch's last message that counted
  std::vector<uint64_t> claims;   // uuids that have claimed, oldest first
  bool operator==(const JournalPosition&) const = default;
};

class JournalReader {
 public:
  JournalReader() = default;
  explicit JournalReader(JournalPosition from) : at_(std::move(from)) {}

  // The message, if it counts; else nullptr. Valid until the next call. kCorruption: the message at
  // `offset` is not the next one, cannot be read, or one before it is missing; kConfiguration: it
  // counts, and holds a record that this version does not know.
  Result<const proto::JournalMessage*> Read(int64_t offset, Bytes bytes);

  // Behind the last message read.
  const JournalPosition& position() const { return at_; }

 private:
  Result<bool> TakeClaim(int64_t offset);
  Result<bool> TakeMessage(int64_t offset);

  JournalPosition at_;
  proto::JournalMessage message_;
};

}  // namespace minke
