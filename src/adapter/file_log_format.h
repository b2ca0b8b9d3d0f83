// The format of a topic's file, as bytes: no I/O in here. docs/FORMATS.md draws it, the top of
// file_log.cc says how the file is used. The decoders trust no length. Pure.
//
//   header, 64 bytes, written in place:
//     0 "minkelog"   8 u16 version = 1   10 u8 topic   11 u8 1 if closed   12 u32 cuts
//     16 u64 id   24 u64 boot   32 i64 first   40 i64 end   48 u64 end_bytes
//     56 u64 XXH3 of the 56 bytes before
//   then one frame a message, its offset one more than that of the frame before:
//     0 u64 check   8 u32 size   12 i64 append time, Unix ms   20 the message
//     check = XXH3 of {XXH3 of the bytes from 8 on, id, offset}
//   All numbers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "port/log.h"

namespace minke {

inline constexpr size_t kLogHeaderBytes = 64;
inline constexpr size_t kFrameHeadBytes = 20;

struct LogHeader {
  Topic topic = Topic::kJournal;
  bool is_closed = false;
  uint32_t cuts = 0;  // how often messages were taken away again, or the file replaced
  uint64_t id = 0;    // of the topic: random, made with it
  uint64_t boot = 0;  // of the machine, when the file was made
  int64_t first = 0;  // offset of the file's first frame
  int64_t end = 0;    // offset behind the last message that readers may see …
  uint64_t end_bytes = kLogHeaderBytes;  // … and where that lies in the file
  bool operator==(const LogHeader&) const = default;
};

std::string EncodeLogHeader(const LogHeader& header);
// kCorruption: not a header, or its check fails; kConfiguration: of another version.
Result<LogHeader> DecodeLogHeader(Bytes bytes);

// Appends the frame of `message` to `to`.
void AppendFrame(std::string& to, uint64_t id, const LogMessage& message);

// Decodes the frame at the beginning of `bytes`, which should be that of `offset` in the topic
// `id`; nothing: it is none, or cut off. Its length is FrameBytes of the message.
std::optional<LogMessage> DecodeFrame(Bytes bytes, uint64_t id, int64_t offset);

// Of the frame at the beginning of `bytes`, as it claims; needs its head only. 0: no sound length.
size_t ClaimedFrameBytes(Bytes bytes);

inline size_t FrameBytes(const LogMessage& message) {
  return kFrameHeadBytes + message.bytes.size();
}

}  // namespace minke
