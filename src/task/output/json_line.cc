#include "task/output/json_line.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string>

#include "task/output/typed_field.h"

namespace minke {
namespace {

constexpr size_t kNumberBytes = 32;  // more than any number needs

// The length of the UTF-8 sequence at the front, 0 if there is none (RFC 3629: nothing overlong, no
// surrogates, nothing above U+10FFFF).
size_t SequenceLength(Bytes text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto continues = [&](size_t i, uint8_t low = 0x80, uint8_t high = 0xbf) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const uint8_t first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const uint8_t low = first == 0xe0 ? 0xa0 : 0x80;
    const uint8_t high = first == 0xed ? 0x9f : 0xbf;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const uint8_t low = first == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = first == 0xf4 ? 0x8f : 0xbf;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

bool IsUtf8(Bytes text) {
  while (!text.empty()) {
    while (text.size() >= 8 && (LoadLe<uint64_t>(text.data()) & 0x8080808080808080u) == 0) {
      text.remove_prefix(8);
    }
    if (text.empty()) break;
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

char* WriteEscape(char* to, char c) {
  constexpr char kHex[] = "0123456789abcdef";
  constexpr Bytes kNamed = "\"\\\b\f\n\r\t";
  constexpr Bytes kNames = "\"\\bfnrt";
  *to++ = '\\';
  if (const size_t named = kNamed.find(c); named != Bytes::npos) {
    *to++ = kNames[named];
    return to;
  }
  to = std::copy_n("u00", 3, to);
  *to++ = kHex[static_cast<uint8_t>(c) >> 4];
  *to++ = kHex[c & 15];
  return to;
}

void AppendBase64(LineBuffer& buffer, Bytes bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  buffer.Append("{\"base64\":\"");
  char* to = buffer.Room((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const auto at = [&](size_t j) {
      return j < bytes.size() ? uint32_t{static_cast<uint8_t>(bytes[j])} : 0;
    };
    const uint32_t three = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    *to++ = kDigits[three >> 18];
    *to++ = kDigits[three >> 12 & 63];
    *to++ = i + 1 < bytes.size() ? kDigits[three >> 6 & 63] : '=';
    *to++ = i + 2 < bytes.size() ? kDigits[three & 63] : '=';
  }
  buffer.EndAt(to);
  buffer.Append("\"}");
}

void AppendBytes(LineBuffer& buffer, const TypedField& field) {
  Bytes bytes = field.bytes;
  std::string unescaped;
  if (field.is_escaped) {
    unescaped.resize(bytes.size());
    unescaped.resize(
        static_cast<size_t>(WriteUnescaped(unescaped.data(), field) - unescaped.data()));
    bytes = unescaped;
  }
  IsUtf8(bytes) ? AppendJsonText(buffer, bytes) : AppendBase64(buffer, bytes);
}

template <typename T>
void AppendNumber(LineBuffer& buffer, uint64_t bits) {
  const T value = internal::FromOrderedBits<T>(bits);
  if constexpr (std::is_same_v<T, double>) {
    if (std::isnan(value)) return buffer.Append("\"NaN\"");
    if (std::isinf(value)) return buffer.Append(value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
  }
  char* to = buffer.Room(kNumberBytes);
  buffer.EndAt(std::to_chars(to, to + kNumberBytes, value).ptr);
}

void AppendField(LineBuffer& buffer, const TypedField& field) {
  switch (field.type) {
    case MINKE_I64:
      return AppendNumber<int64_t>(buffer, field.bits);
    case MINKE_U64:
      return AppendNumber<uint64_t>(buffer, field.bits);
    case MINKE_F64:
      return AppendNumber<double>(buffer, field.bits);
    default:
      return AppendBytes(buffer, field);
  }
}

bool AppendTyped(LineBuffer& buffer, minke_type type, Bytes stored) {
  const bool is_tuple = type > 15;
  FieldReader fields(type, stored);
  if (is_tuple) buffer.Append("[");
  for (bool is_first = true; !fields.at_end(); is_first = false) {
    TypedField field;
    if (!fields.Next(field)) return false;
    if (!is_first) buffer.Append(",");
    AppendField(buffer, field);
  }
  if (is_tuple) buffer.Append("]");
  return true;
}

}  // namespace

void AppendJsonText(LineBuffer& buffer, Bytes text) {
  constexpr size_t kStretch = 4 << 10;  // each byte may take six
  buffer.Append("\"");
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), kStretch))) {
    const Bytes stretch = text.substr(0, kStretch);
    char* to = buffer.Room(6 * stretch.size());
    for (const char c : stretch) {
      if (static_cast<uint8_t>(c) < 0x20 || c == '"' || c == '\\') {
        to = WriteEscape(to, c);
      } else {
        *to++ = c;
      }
    }
    buffer.EndAt(to);
  }
  buffer.Append("\"");
}

bool AppendJsonLine(LineBuffer& to, minke_type key_type, Bytes key, minke_type value_type,
                    Bytes value) {
  to.Append("{");
  if (key_type != MINKE_NONE) {
    to.Append("\"key\":");
    if (!AppendTyped(to, key_type, key)) return false;
    if (value_type != MINKE_NONE) to.Append(",");
  }
  if (value_type != MINKE_NONE) {
    to.Append("\"value\":");
    if (!AppendTyped(to, value_type, value)) return false;
  }
  to.Append("}");
  return true;
}

}  // namespace minke
