#include "runtime/journal/journal_file.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

#include "adapter/file_log_format.h"
#include "base/file.h"
#include "base/ids.h"
#include "runtime/journal/journal_fold.h"

namespace minke {
namespace {

constexpr int64_t kWaitMs = 30'000;  // for what was appended

Error Damaged(const std::string& path, const std::string& what) {
  return Error{ErrorCode::kCorruption, fmt::format("{}: {}", path, what)};
}

}  // namespace

Status WriteJournalFile(const std::string& path, const std::vector<LogMessage>& messages) {
  LogHeader header;
  header.topic = Topic::kJournal;
  header.id = RandomBits();
  header.end = static_cast<int64_t>(messages.size());
  std::string frames;
  for (const LogMessage& message : messages) AppendFrame(frames, header.id, message);
  header.end_bytes = kLogHeaderBytes + frames.size();
  return WriteFileAtomically(path, EncodeLogHeader(header) + frames, true);
}

Result<std::vector<LogMessage>> ReadJournalFile(const std::string& path) {
  const std::string bytes = MINKE_TRY(ReadFile(path));
  const auto header = DecodeLogHeader(bytes);
  if (!header) return Error(header.error()).Within(path);
  if (header->topic != Topic::kJournal || header->first != 0) {
    return Damaged(path, "is no journal from its beginning on");
  }
  if (bytes.size() < header->end_bytes || header->end_bytes < kLogHeaderBytes) {
    return Damaged(
        path, fmt::format("was cut: it has {} bytes and held {}", bytes.size(), header->end_bytes));
  }
  std::vector<LogMessage> messages;
  Bytes left = Bytes(bytes).substr(0, header->end_bytes).substr(kLogHeaderBytes);
  while (!left.empty()) {
    const auto offset = static_cast<int64_t>(messages.size());
    auto message = DecodeFrame(left, header->id, offset);
    if (!message) return Damaged(path, fmt::format("message {} is damaged", offset));
    left.remove_prefix(FrameBytes(*message));
    messages.push_back(std::move(*message));
  }
  if (std::cmp_not_equal(messages.size(), header->end)) {
    return Damaged(
        path, fmt::format("holds {} messages, and should hold {}", messages.size(), header->end));
  }
  return messages;
}

Status RestoreJournal(Log& log, const std::vector<LogMessage>& messages) {
  MINKE_TRY_STATUS(log.Create());
  const auto [first, end] = MINKE_TRY(log.Range(Topic::kJournal));
  if (end > 0) {
    return Error{ErrorCode::kAlreadyExists,
                 fmt::format("there is a journal with {} messages: what is there stays", end)};
  }
  for (const LogMessage& message : messages) {
    MINKE_TRY_STATUS(log.Append(Topic::kJournal, message.bytes));
  }
  // Whoever appends does not learn whether it has arrived: it is read back.
  const auto tail = MINKE_TRY(JournalTail::Open(&log, 0));
  for (auto next = messages.begin(); next != messages.end();) {
    const auto read = MINKE_TRY(tail->Next(kWaitMs));
    if (read.empty()) {
      return Error{ErrorCode::kUnavailable,
                   fmt::format("of {} messages {} have arrived, and no more: remove this journal "
                               "before the job goes on, and import again",
                               messages.size(), next - messages.begin())};
    }
    for (const LogMessage& message : read) {
      if (next == messages.end() || message.bytes != next->bytes) {
        return Error{ErrorCode::kFenced, "somebody else writes to this journal: end that first"};
      }
      ++next;
    }
  }
  return {};
}

}  // namespace minke
