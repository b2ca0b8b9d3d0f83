#include "runtime/journal/journal_fold.h"

#include <cstddef>
#include <cstdint>
#include <fmt/format.h>

namespace minke {
namespace {

constexpr size_t kBatchBytes = size_t{1} << 20;
constexpr int64_t kWaitMs = 30'000;  // for what is known to be there

}  // namespace

Result<bool> JournalFold::Take(const LogMessage& message) {
  const proto::JournalMessage* counted = MINKE_TRY(reader_.Read(message.offset, message.bytes));
  if (counted == nullptr) {
    // It was read, so it can be parsed.
    message_.ParseFromString(message.bytes);
    return false;
  }
  message_ = *counted;
  message_.set_epoch(reader_.position().epoch.value_or(0));
  for (const proto::JournalRecord& record : message_.records()) {
    MINKE_TRY_STATUS(job_.Apply(message.offset, message_.epoch(), record));
  }
  return true;
}

Result<std::unique_ptr<JournalTail>> JournalTail::Open(Log* log, int64_t from) {
  auto tail = std::unique_ptr<JournalTail>(new JournalTail(log));
  log->OnReady([tail = tail.get()] { tail->Wake(); });
  tail->reader_ = MINKE_TRY(log->Read(Topic::kJournal, from));
  return tail;
}

JournalTail::~JournalTail() {
  log_->OnReady([] {});
}

Result<std::vector<LogMessage>> JournalTail::Next(int64_t wait_ms) {
  auto messages = MINKE_TRY(reader_->Poll(kBatchBytes));
  if (!messages.empty()) return messages;
  waker_.Wait(wait_ms);
  return reader_->Poll(kBatchBytes);
}

bool IsGone(const Error& error) {
  return error.code == ErrorCode::kNotFound || error.code == ErrorCode::kCorruption;
}

Status ReadJournal(Log& log, const std::function<Status(const LogMessage&)>& take) {
  const auto [first, end] = MINKE_TRY(log.Range(Topic::kJournal));
  if (first > 0) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("the journal begins at offset {}: what stood before is gone", first)};
  }
  const auto tail = MINKE_TRY(JournalTail::Open(&log, 0));
  while (tail->position() < end) {
    const auto messages = MINKE_TRY(tail->Next(kWaitMs));
    if (messages.empty()) {
      return Error{ErrorCode::kUnavailable,
                   fmt::format("the journal holds {} messages, and the log gives {} of them", end,
                               tail->position())};
    }
    for (const LogMessage& message : messages) {
      if (message.offset >= end) break;
      MINKE_TRY_STATUS(take(message));
    }
  }
  return {};
}

}  // namespace minke
