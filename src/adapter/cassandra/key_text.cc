#include "adapter/cassandra/key_text.h"

#include <fmt/format.h>

namespace minke {
namespace {

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : 0;
}

}  // namespace

std::string KeyTextOf(Bytes name) {
  if (name.empty()) return "%";
  std::string text;
  for (const char c : name) {
    if (c > ' ' && c < 0x7f && c != '%') {
      text += c;
    } else {
      text += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return text;
}

std::string NameOfKeyText(Bytes text) {
  std::string name;
  if (text == "%") return name;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '%' && at + 2 < text.size()) {
      name += static_cast<char>(DigitOf(text[at + 1]) * 16 + DigitOf(text[at + 2]));
      at += 2;
    } else {
      name += text[at];
    }
  }
  return name;
}

}  // namespace minke
