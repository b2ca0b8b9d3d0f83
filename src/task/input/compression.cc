#include "task/input/compression.h"

#include <array>
#include <cstdint>

namespace minke {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view name;
  Bytes bytes;
};

// Formats that are known and not read. Each begins with bytes that no text has, or with so many
// that no text will.
constexpr std::array kRefused = {
    Magic{"bzip2", "BZh\0\x31\x41\x59\x26\x53\x59"sv},  // the zero stands for a digit
    Magic{"bzip2", "BZh\0\x17\x72\x45\x38\x50\x90"sv},  // of nothing
    Magic{"xz", "\xfd\x37\x7a\x58\x5a\x00"sv},
    Magic{"lz4", "\x04\x22\x4d\x18"sv},
    Magic{"lz4", "\x02\x21\x4c\x18"sv},
    Magic{"lzip", "LZIP\x01"sv},
    Magic{"lzop", "\x89LZO\x00\x0d\x0a\x1a\x0a"sv},
    Magic{"snappy", "\xff\x06\x00\x00sNaPpY"sv},
    Magic{"compress (.Z)", "\x1f\x9d"sv},
    Magic{"compress (.Z)", "\x1f\xa0"sv},
    Magic{"pack (.z)", "\x1f\x1e"sv},
    Magic{"zip", "PK\x03\x04"sv},
    Magic{"zip", "PK\x05\x06"sv},
    Magic{"7z", "7z\xbc\xaf\x27\x1c"sv},
    Magic{"rar", "Rar!\x1a\x07"sv},
};

bool Begins(Bytes head, const Magic& magic) {
  if (head.size() < magic.bytes.size()) return false;
  for (size_t i = 0; i < magic.bytes.size(); ++i) {
    const bool is_digit = magic.name == "bzip2" && i == 3;
    if (is_digit ? head[i] < '1' || head[i] > '9' : head[i] != magic.bytes[i]) return false;
  }
  return true;
}

// Properties, dictionary size, and either the length (below 2^48) or all ones.
bool IsLzmaAlone(Bytes head) {
  if (!head.starts_with("\x5d\x00\x00"sv) || head.size() < 14) return false;
  const auto length = LoadLe<uint64_t>(head.data() + 5);
  return (length == UINT64_MAX || length < uint64_t{1} << 48) && head[13] == '\0';
}

}  // namespace

PackedWith FindCompression(Bytes head) {
  if (head.starts_with("\x1f\x8b"sv)) return {Compression::kGzip, {}};
  if (head.starts_with("\x28\xb5\x2f\xfd"sv)) return {Compression::kZstd, {}};
  // A frame to be skipped, as pzstd begins with.
  const bool is_skippable =
      head.size() >= 4 && (head[0] & '\xf0') == '\x50' && head.substr(1, 3) == "\x2a\x4d\x18"sv;
  if (is_skippable) return {Compression::kZstd, {}};
  for (const Magic& magic : kRefused) {
    if (Begins(head, magic)) return {Compression::kNone, magic.name};
  }
  if (IsLzmaAlone(head)) return {Compression::kNone, "lzma"};
  return {};
}

}  // namespace minke
