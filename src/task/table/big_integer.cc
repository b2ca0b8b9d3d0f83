#include "task/table/big_integer.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>
#include <vector>

namespace minke {
namespace {

constexpr uint32_t kBillion = 1'000'000'000;
constexpr size_t kBillionDigits = 9;

bool IsNegative(Bytes value) { return !value.empty() && (value.front() & '\x80') != 0; }

void Negate(std::string& value) {
  for (char& byte : value) byte = static_cast<char>(~byte);
  for (size_t i = value.size(); i-- > 0;) {
    value[i] = static_cast<char>(value[i] + 1);
    if (value[i] != 0) break;
  }
}

}  // namespace

std::string DecimalOfBytes(Bytes value) {
  const bool is_negative = IsNegative(value);
  std::string left(1, is_negative ? '\xff' : '\0');
  left += value;
  if (is_negative) Negate(left);
  std::vector<uint32_t> billions;  // the lowest first
  while (left.find_first_not_of('\0') != std::string::npos) {
    uint64_t rest = 0;
    for (char& byte : left) {
      rest = rest << 8 | static_cast<uint8_t>(byte);
      byte = static_cast<char>(rest / kBillion);
      rest %= kBillion;
    }
    billions.push_back(static_cast<uint32_t>(rest));
  }
  if (billions.empty()) return "0";
  std::string text = fmt::format("{}{}", is_negative ? "-" : "", billions.back());
  for (size_t i = billions.size() - 1; i-- > 0;) text += fmt::format("{:09}", billions[i]);
  return text;
}

std::optional<std::string> BytesOfDecimal(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || !std::ranges::all_of(text, is_digit)) return std::nullopt;
  std::vector<uint8_t> low_first;
  while (!text.empty()) {
    const size_t digits = std::min(text.size(), kBillionDigits);
    uint64_t factor = 1;
    uint64_t carry = 0;
    for (const char c : text.substr(0, digits)) {
      factor *= 10;
      carry = carry * 10 + static_cast<uint64_t>(c - '0');
    }
    text.remove_prefix(digits);
    for (uint8_t& byte : low_first) {
      carry += byte * factor;
      byte = static_cast<uint8_t>(carry);
      carry >>= 8;
    }
    for (; carry != 0; carry >>= 8) low_first.push_back(static_cast<uint8_t>(carry));
  }
  std::string value(1, '\0');  // of the sign
  value.append(low_first.rbegin(), low_first.rend());
  if (is_negative) Negate(value);
  const char sign = is_negative && value.front() != '\0' ? '\xff' : '\0';
  size_t begin = 0;
  while (begin + 1 < value.size() && value[begin] == sign &&
         IsNegative(Bytes(value).substr(begin + 1)) == (sign != '\0')) {
    ++begin;
  }
  return value.substr(begin);
}

}  // namespace minke
