// Fuzz target: the decoders of a log's file, on any bytes and on sound frames with any message.
#include <cstdint>
#include <cstdlib>

#include "adapter/file_log_format.h"
#include "base/bytes.h"

namespace {

constexpr uint64_t kId = 7;

// Walks frames from the beginning, as a reader does.
size_t CountFrames(minke::Bytes bytes) {
  size_t count = 0;
  while (const auto message = minke::DecodeFrame(bytes, kId, static_cast<int64_t>(count))) {
    const size_t size = minke::FrameBytes(*message);
    if (size > bytes.size() || size != minke::ClaimedFrameBytes(bytes)) std::abort();
    bytes.remove_prefix(size);
    ++count;
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const minke::Bytes input(reinterpret_cast<const char*>(data), size);
  (void)CountFrames(input);
  if (const auto header = minke::DecodeLogHeader(input)) {
    if (!input.starts_with(minke::EncodeLogHeader(*header).substr(0, 8))) std::abort();
  }

  // What was built from the input must come back as it was, and no frame may be in another's place.
  const auto time = static_cast<int64_t>(size);
  std::string frames;
  minke::AppendFrame(frames, kId, {0, time, std::string(input.substr(0, size / 2))});
  minke::AppendFrame(frames, kId, {1, -time, std::string(input.substr(size / 2))});
  if (CountFrames(frames) != 2) std::abort();
  const auto first = minke::DecodeFrame(frames, kId, 0);
  if (first->bytes != input.substr(0, size / 2) || first->append_unix_ms != time) std::abort();
  if (minke::DecodeFrame(frames, kId, 1) || minke::DecodeFrame(frames, kId + 1, 0)) std::abort();

  // Any byte changed: the frames before it still come, the one it lies in does not.
  if (size == 0) return 0;
  const size_t at = data[0] % frames.size();
  const bool is_in_first = at < minke::FrameBytes(*first);
  frames[at] = static_cast<char>(frames[at] ^ (1 << (data[size - 1] % 8)));
  if (CountFrames(frames) != (is_in_first ? 0 : 1)) std::abort();
  // And cut anywhere.
  if (CountFrames(minke::Bytes(frames).substr(0, at)) > 1) std::abort();
  return 0;
}
