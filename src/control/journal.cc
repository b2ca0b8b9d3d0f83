#include "control/journal.h"

#include <algorithm>
#include <fmt/format.h>

namespace minke {
namespace {

Error Corrupt(int64_t offset, std::string_view what) {
  return Error{ErrorCode::kCorruption, fmt::format("the journal at offset {} {}", offset, what)};
}

// The number of the first field in a message's bytes.
uint64_t FirstField(const std::string& bytes) {
  const char* at = bytes.data();
  uint64_t tag = 0;
  LoadVarint(&at, bytes.data() + bytes.size(), &tag);
  return tag >> 3;
}

Status CheckRecords(int64_t offset, const proto::JournalMessage& message) {
  for (const auto& record : message.records()) {
    if (record.record_case() != proto::JournalRecord::RECORD_NOT_SET) continue;
    return Error{ErrorCode::kConfiguration,
                 fmt::format("the journal at offset {} holds a record of kind {}, which this "
                             "version of minke does not know: use the version that wrote it",
                             offset, FirstField(record.SerializeAsString()))};
  }
  return {};
}

Status Parse(int64_t offset, Bytes bytes, proto::JournalMessage& message) {
  if (bytes.size() > INT32_MAX ||
      !message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      message.records_size() == 0) {
    return Corrupt(offset, "holds bytes that are no message");
  }
  return {};
}

}  // namespace

Result<const proto::JournalMessage*> JournalReader::Read(int64_t offset, Bytes bytes) {
  if (offset < at_.offset) return Corrupt(offset, "was read before: it was made anew or cut");
  if (offset > at_.offset) {
    return Corrupt(offset, fmt::format("follows offset {}: messages are missing", at_.offset - 1));
  }
  MINKE_TRY_STATUS(Parse(offset, bytes, message_));
  const bool is_claim = message_.records(0).has_master_claimed();
  const bool counts = MINKE_TRY(is_claim ? TakeClaim(offset) : TakeMessage(offset));
  if (counts) MINKE_TRY_STATUS(CheckRecords(offset, message_));
  ++at_.offset;
  const proto::JournalMessage* none = nullptr;
  return counts ? &message_ : none;
}

Result<bool> JournalReader::TakeClaim(int64_t offset) {
  if (message_.records_size() != 1) return Corrupt(offset, "holds a claim among other records");
  const uint64_t uuid = message_.records(0).master_claimed().uuid();
  if (std::ranges::find(at_.claims, uuid) != at_.claims.end()) return false;
  at_.claims.push_back(uuid);
  at_.epoch = static_cast<uint64_t>(offset);
  at_.sequence = 0;
  message_.set_epoch(*at_.epoch);
  return true;
}

Result<bool> JournalReader::TakeMessage(int64_t offset) {
  for (const auto& record : message_.records()) {
    if (record.has_master_claimed()) return Corrupt(offset, "holds a claim among other records");
  }
  if (!at_.epoch || message_.epoch() > *at_.epoch) {
    return Corrupt(offset,
                   fmt::format("is of epoch {}, which nobody has claimed", message_.epoch()));
  }
  if (message_.epoch() < *at_.epoch || message_.sequence() <= at_.sequence) return false;
  if (message_.sequence() != at_.sequence + 1) {
    return Corrupt(offset, fmt::format("is message {} of its epoch after message {}: those between "
                                       "are missing",
                                       message_.sequence(), at_.sequence));
  }
  at_.sequence = message_.sequence();
  return true;
}

}  // namespace minke
