#include "adapter/file_log_format.h"

#include <fmt/format.h>

#include "base/hash.h"

namespace minke {
namespace {

constexpr Bytes kMagic = "minkelog";
constexpr uint16_t kVersion = 1;
constexpr size_t kCheckedBytes = kLogHeaderBytes - 8;

// Binds a message to its topic and place, so that a frame copied elsewhere is noticed.
uint64_t CheckOf(Bytes covered, uint64_t id, int64_t offset) {
  char bound[24];
  StoreLe(bound, Hash64(covered));
  StoreLe(bound + 8, id);
  StoreLe(bound + 16, offset);
  return Hash64({bound, sizeof(bound)});
}

}  // namespace

std::string EncodeLogHeader(const LogHeader& header) {
  std::string bytes(kLogHeaderBytes, '\0');
  bytes.replace(0, kMagic.size(), kMagic);
  StoreLe(bytes.data() + 8, kVersion);
  StoreLe(bytes.data() + 10, static_cast<uint8_t>(header.topic));
  StoreLe(bytes.data() + 11, static_cast<uint8_t>(header.is_closed ? 1 : 0));
  StoreLe(bytes.data() + 12, header.cuts);
  StoreLe(bytes.data() + 16, header.id);
  StoreLe(bytes.data() + 24, header.boot);
  StoreLe(bytes.data() + 32, header.first);
  StoreLe(bytes.data() + 40, header.end);
  StoreLe(bytes.data() + 48, header.end_bytes);
  StoreLe(bytes.data() + kCheckedBytes, Hash64(Bytes(bytes).substr(0, kCheckedBytes)));
  return bytes;
}

Result<LogHeader> DecodeLogHeader(Bytes bytes) {
  if (bytes.size() < kLogHeaderBytes || !bytes.starts_with(kMagic)) {
    return Error{ErrorCode::kCorruption, "does not begin as a log of minke does"};
  }
  if (const auto version = LoadLe<uint16_t>(bytes.data() + 8); version != kVersion) {
    return Error{ErrorCode::kConfiguration,
                 fmt::format("has version {} of the log's format, this minke knows version {}: use "
                             "the minke that wrote it",
                             version, kVersion)};
  }
  const auto check = LoadLe<uint64_t>(bytes.data() + kCheckedBytes);
  if (check != Hash64(bytes.substr(0, kCheckedBytes))) {
    return Error{ErrorCode::kCorruption, "has a header whose checksum is wrong"};
  }
  LogHeader header;
  header.topic = static_cast<Topic>(bytes[10]);
  header.is_closed = bytes[11] != 0;
  header.cuts = LoadLe<uint32_t>(bytes.data() + 12);
  header.id = LoadLe<uint64_t>(bytes.data() + 16);
  header.boot = LoadLe<uint64_t>(bytes.data() + 24);
  header.first = LoadLe<int64_t>(bytes.data() + 32);
  header.end = LoadLe<int64_t>(bytes.data() + 40);
  header.end_bytes = LoadLe<uint64_t>(bytes.data() + 48);
  return header;
}

void AppendFrame(std::string& to, uint64_t id, const LogMessage& message) {
  const size_t begin = to.size();
  to.resize(begin + kFrameHeadBytes);
  StoreLe(to.data() + begin + 8, static_cast<uint32_t>(message.bytes.size()));
  StoreLe(to.data() + begin + 12, message.append_unix_ms);
  to += message.bytes;
  StoreLe(to.data() + begin, CheckOf(Bytes(to).substr(begin + 8), id, message.offset));
}

size_t ClaimedFrameBytes(Bytes bytes) {
  if (bytes.size() < kFrameHeadBytes) return 0;
  const auto size = LoadLe<uint32_t>(bytes.data() + 8);
  return size > kMessageBytesMax ? 0 : kFrameHeadBytes + size;
}

std::optional<LogMessage> DecodeFrame(Bytes bytes, uint64_t id, int64_t offset) {
  const size_t size = ClaimedFrameBytes(bytes);
  if (size == 0 || size > bytes.size()) return std::nullopt;
  const Bytes frame = bytes.substr(0, size);
  if (LoadLe<uint64_t>(frame.data()) != CheckOf(frame.substr(8), id, offset)) return std::nullopt;
  LogMessage message;
  message.offset = offset;
  message.append_unix_ms = LoadLe<int64_t>(frame.data() + 12);
  message.bytes.assign(frame.substr(kFrameHeadBytes));
  return message;
}

}  // namespace minke
