#include "task/table/cql_value.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "task/output/json_line.h"
#include "task/table/big_integer.h"
#include "task/table/cql_time.h"

namespace minke {
namespace {

using Json = nlohmann::json;

constexpr size_t kUuidBytes = 16;
constexpr int64_t kDateZero = int64_t{1} << 31;  // 1970-01-01, as days are stored
constexpr int64_t kDayNs = 86'400'000'000'000;
constexpr int kScaleMax = 1000;  // of decimals that are written without an exponent

template <typename T>
T LoadBe(Bytes bytes) {
  uint64_t bits = 0;
  for (const char byte : bytes.substr(0, sizeof(T))) bits = bits << 8 | static_cast<uint8_t>(byte);
  return static_cast<T>(bits);
}

template <typename T>
std::string StoreBe(T value) {
  std::string bytes(sizeof(T), '\0');
  auto bits = static_cast<std::make_unsigned_t<T>>(value);
  for (size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<char>(bits >> 8 * (sizeof(T) - 1 - i));
  }
  return bytes;
}

// ---- to JSON

template <typename T>
bool AppendInteger(LineBuffer& to, Bytes value) {
  if (value.size() != sizeof(T)) return false;
  to.Append(fmt::format("{}", LoadBe<T>(value)));
  return true;
}

template <typename T, typename Bits>
bool AppendFloat(LineBuffer& to, Bytes value) {
  if (value.size() != sizeof(T)) return false;
  const T number = std::bit_cast<T>(LoadBe<Bits>(value));
  if (std::isnan(number)) {
    to.Append("\"NaN\"");
  } else if (std::isinf(number)) {
    to.Append(number < 0 ? "\"-Infinity\"" : "\"Infinity\"");
  } else {
    constexpr size_t kNumberBytes = 32;
    char* const at = to.Room(kNumberBytes);
    to.EndAt(std::to_chars(at, at + kNumberBytes, number).ptr);
  }
  return true;
}

bool AppendDecimal(LineBuffer& to, Bytes value) {
  if (value.size() < sizeof(int32_t) + 1) return false;
  const auto scale = LoadBe<int32_t>(value);
  std::string digits = DecimalOfBytes(value.substr(sizeof(int32_t)));
  if (scale < 0 || scale > kScaleMax) {
    digits += fmt::format("E{}", -int64_t{scale});
  } else if (scale > 0) {
    const size_t sign = digits.starts_with('-') ? 1 : 0;
    const auto behind = static_cast<size_t>(scale);
    if (digits.size() - sign <= behind) {
      digits.insert(sign, behind + 1 - (digits.size() - sign), '0');
    }
    digits.insert(digits.size() - behind, 1, '.');
  }
  to.Append(digits);
  return true;
}

bool AppendQuoted(LineBuffer& to, Bytes text) {
  to.Append("\"");
  to.Append(text);
  to.Append("\"");
  return true;
}

std::string HexOf(Bytes bytes) {
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(byte));
  return hex;
}

bool AppendUuid(LineBuffer& to, Bytes value) {
  if (value.size() != kUuidBytes) return false;
  const std::string hex = HexOf(value);
  return AppendQuoted(to, fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4),
                                      hex.substr(12, 4), hex.substr(16, 4), hex.substr(20)));
}

bool AppendInet(LineBuffer& to, Bytes value) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = value.size() == sizeof(in_addr) ? AF_INET : AF_INET6;
  if (family == AF_INET6 && value.size() != sizeof(in6_addr)) return false;
  if (inet_ntop(family, value.data(), text.data(), text.size()) == nullptr) return false;
  return AppendQuoted(to, text.data());
}

// The parts of a collection or tuple, each behind its length.
class PartReader {
 public:
  explicit PartReader(Bytes value) : left_(value) {}
  bool is_at_end() const { return left_.empty(); }
  bool Count(int32_t* count) {
    if (left_.size() < sizeof(int32_t)) return false;
    *count = LoadBe<int32_t>(left_);
    left_.remove_prefix(sizeof(int32_t));
    return *count >= 0;
  }
  // Nothing in *part: null.
  bool Next(std::optional<Bytes>* part) {
    if (left_.size() < sizeof(int32_t)) return false;
    const auto size = LoadBe<int32_t>(left_);
    left_.remove_prefix(sizeof(int32_t));
    part->reset();
    if (size < 0) return true;
    if (left_.size() < static_cast<size_t>(size)) return false;
    *part = left_.substr(0, static_cast<size_t>(size));
    left_.remove_prefix(static_cast<size_t>(size));
    return true;
  }

 private:
  Bytes left_;
};

bool AppendPart(LineBuffer& to, const CqlType& type, const std::optional<Bytes>& part) {
  if (part) return AppendCqlJson(to, type, *part);
  to.Append("null");
  return true;
}

// Keys of an object are strings, whatever they hold.
bool AppendMapKey(LineBuffer& to, const CqlType& type, const std::optional<Bytes>& part) {
  LineBuffer key;
  if (!AppendPart(key, type, part)) return false;
  const Bytes text(key.data(), key.size());
  text.starts_with('"') ? to.Append(text) : AppendJsonText(to, text);
  return true;
}

bool AppendCollection(LineBuffer& to, const CqlType& type, Bytes value) {
  const bool is_map = type.kind == CqlKind::kMap;
  PartReader parts(value);
  int32_t count = 0;
  if (!parts.Count(&count)) return false;
  to.Append(is_map ? "{" : "[");
  std::optional<Bytes> part;
  for (int32_t i = 0; i < count; ++i) {
    if (i > 0) to.Append(",");
    if (is_map) {
      if (!parts.Next(&part) || !AppendMapKey(to, type.of[0], part)) return false;
      to.Append(":");
    }
    if (!parts.Next(&part) || !AppendPart(to, type.of.back(), part)) return false;
  }
  to.Append(is_map ? "}" : "]");
  return parts.is_at_end();
}

// The last fields may be missing.
bool AppendTuple(LineBuffer& to, const CqlType& type, Bytes value) {
  PartReader parts(value);
  to.Append("[");
  for (size_t i = 0; i < type.of.size(); ++i) {
    std::optional<Bytes> part;
    if (i > 0) to.Append(",");
    if (!parts.is_at_end() && !parts.Next(&part)) return false;
    if (!AppendPart(to, type.of[i], part)) return false;
  }
  to.Append("]");
  return parts.is_at_end();
}

bool AppendTemporal(LineBuffer& to, CqlKind kind, Bytes value) {
  if (kind == CqlKind::kDate) {
    return value.size() == sizeof(uint32_t) &&
           AppendQuoted(to, DateText(int64_t{LoadBe<uint32_t>(value)} - kDateZero));
  }
  if (value.size() != sizeof(int64_t)) return false;
  const auto number = LoadBe<int64_t>(value);
  if (kind == CqlKind::kTimestamp) return AppendQuoted(to, TimestampText(number));
  return number >= 0 && number < kDayNs && AppendQuoted(to, TimeText(number));
}

// ---- from JSON

constexpr auto kNames = std::to_array<std::pair<CqlKind, const char*>>({
    {CqlKind::kText, "text"},
    {CqlKind::kBlob, "blob (write 0x and hex digits)"},
    {CqlKind::kBoolean, "boolean"},
    {CqlKind::kTinyint, "tinyint"},
    {CqlKind::kSmallint, "smallint"},
    {CqlKind::kInt, "int"},
    {CqlKind::kBigint, "bigint"},
    {CqlKind::kCounter, "counter"},
    {CqlKind::kVarint, "varint"},
    {CqlKind::kDecimal, "decimal"},
    {CqlKind::kFloat, "float"},
    {CqlKind::kDouble, "double"},
    {CqlKind::kTimestamp, "timestamp"},
    {CqlKind::kDate, "date"},
    {CqlKind::kTime, "time"},
    {CqlKind::kUuid, "uuid"},
    {CqlKind::kInet, "inet address"},
    {CqlKind::kList, "list or set"},
    {CqlKind::kMap, "map"},
    {CqlKind::kTuple, "tuple of so many"},
});

Error NoValue(CqlKind kind, const Json& value) {
  constexpr size_t kShownBytes = 100;
  std::string shown = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (shown.size() > kShownBytes) shown = shown.substr(0, kShownBytes) + "…";
  const auto* const named = std::ranges::find(kNames, kind, &decltype(kNames)::value_type::first);
  return Error{ErrorCode::kInput, fmt::format("{} is no {}", shown, named->second)};
}

// What a string holds, or how a number or boolean is written.
std::string TextOf(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

template <typename T>
std::optional<T> NumberOf(std::string_view text) {
  T number{};
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename T>
std::optional<std::string> IntegerOf(const std::string& text) {
  const auto number = NumberOf<T>(text);
  if (!number) return std::nullopt;
  return StoreBe(*number);
}

template <typename T, typename Bits>
std::optional<std::string> FloatOf(const std::string& text) {
  const auto number = NumberOf<T>(text);
  if (!number) return std::nullopt;
  return StoreBe(std::bit_cast<Bits>(*number));
}

std::optional<std::string> DecimalOf(std::string text) {
  int64_t exponent = 0;
  if (const size_t at = text.find_first_of("eE"); at != std::string::npos) {
    std::string_view written = std::string_view(text).substr(at + 1);
    if (written.starts_with('+')) written.remove_prefix(1);
    const auto read = NumberOf<int32_t>(written);
    if (!read) return std::nullopt;
    exponent = *read;
    text.resize(at);
  }
  if (const size_t point = text.find('.'); point != std::string::npos) {
    exponent -= static_cast<int64_t>(text.size() - point - 1);
    text.erase(point, 1);
  }
  const auto digits = BytesOfDecimal(text);
  const bool fits = -exponent >= INT32_MIN && -exponent <= INT32_MAX;
  if (!digits || !fits) return std::nullopt;
  return StoreBe(static_cast<int32_t>(-exponent)) + *digits;
}

std::optional<std::string> BytesOfHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (; !hex.empty(); hex.remove_prefix(2)) {
    uint8_t byte = 0;
    const auto read = std::from_chars(hex.data(), hex.data() + 2, byte, 16);
    if (read.ec != std::errc() || read.ptr != hex.data() + 2) return std::nullopt;
    bytes.push_back(static_cast<char>(byte));
  }
  return bytes;
}

std::optional<std::string> UuidOf(std::string text) {
  constexpr size_t kTextBytes = 36;
  if (text.size() != kTextBytes) return std::nullopt;
  for (const size_t dash : {23, 18, 13, 8}) {
    if (text[dash] != '-') return std::nullopt;
    text.erase(dash, 1);
  }
  return BytesOfHex(text);
}

std::optional<std::string> InetOf(const std::string& text) {
  std::string bytes(sizeof(in6_addr), '\0');
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(sizeof(in_addr));
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return bytes;
  return std::nullopt;
}

std::optional<std::string> TemporalOf(CqlKind kind, const std::string& text) {
  if (kind == CqlKind::kDate) {
    const auto days = DateOf(text);
    if (!days) return std::nullopt;
    return StoreBe(static_cast<uint32_t>(*days + kDateZero));
  }
  auto number = kind == CqlKind::kTime ? TimeOf(text) : TimestampOf(text);
  if (!number && kind == CqlKind::kTimestamp) number = NumberOf<int64_t>(text);
  if (!number) return std::nullopt;
  return StoreBe(*number);
}

std::optional<std::string> ScalarOf(CqlKind kind, const std::string& text) {
  switch (kind) {
    case CqlKind::kBoolean:
      if (text != "true" && text != "false") return std::nullopt;
      return std::string(1, text == "true" ? '\1' : '\0');
    case CqlKind::kTinyint:
      return IntegerOf<int8_t>(text);
    case CqlKind::kSmallint:
      return IntegerOf<int16_t>(text);
    case CqlKind::kInt:
      return IntegerOf<int32_t>(text);
    case CqlKind::kBigint:
    case CqlKind::kCounter:
      return IntegerOf<int64_t>(text);
    case CqlKind::kVarint:
      return BytesOfDecimal(text);
    case CqlKind::kDecimal:
      return DecimalOf(text);
    case CqlKind::kFloat:
      return FloatOf<float, uint32_t>(text);
    case CqlKind::kDouble:
      return FloatOf<double, uint64_t>(text);
    case CqlKind::kTimestamp:
    case CqlKind::kDate:
    case CqlKind::kTime:
      return TemporalOf(kind, text);
    case CqlKind::kUuid:
      return UuidOf(text);
    case CqlKind::kInet:
      return InetOf(text);
    default:
      return std::nullopt;
  }
}

void AppendPart(std::string& to, const std::string& part) {
  to += StoreBe(static_cast<int32_t>(part.size())) + part;
}

Result<std::string> PartsOf(const CqlType& type, const Json& value) {
  std::string bytes;
  if (type.kind == CqlKind::kTuple) {
    if (!value.is_array() || value.size() != type.of.size()) return NoValue(type.kind, value);
    for (size_t i = 0; i < value.size(); ++i) {
      if (value[i].is_null()) {
        bytes += StoreBe(int32_t{-1});
      } else {
        AppendPart(bytes, MINKE_TRY(CqlOfJson(type.of[i], value[i])));
      }
    }
    return bytes;
  }
  const bool is_map = type.kind == CqlKind::kMap;
  if (is_map ? !value.is_object() : !value.is_array()) return NoValue(type.kind, value);
  bytes = StoreBe(static_cast<int32_t>(value.size()));
  for (const auto& [key, part] : value.items()) {
    if (is_map) AppendPart(bytes, MINKE_TRY(CqlOfJson(type.of[0], Json(key))));
    AppendPart(bytes, MINKE_TRY(CqlOfJson(type.of.back(), part)));
  }
  return bytes;
}

}  // namespace

bool AppendCqlJson(LineBuffer& to, const CqlType& type, Bytes value) {
  switch (type.kind) {
    case CqlKind::kText:
      AppendJsonText(to, value);
      return true;
    case CqlKind::kBlob:
      return AppendQuoted(to, "0x" + HexOf(value));
    case CqlKind::kBoolean:
      if (value.size() != 1) return false;
      to.Append(value[0] != 0 ? "true" : "false");
      return true;
    case CqlKind::kTinyint:
      return AppendInteger<int8_t>(to, value);
    case CqlKind::kSmallint:
      return AppendInteger<int16_t>(to, value);
    case CqlKind::kInt:
      return AppendInteger<int32_t>(to, value);
    case CqlKind::kBigint:
    case CqlKind::kCounter:
      return AppendInteger<int64_t>(to, value);
    case CqlKind::kVarint:
      to.Append(DecimalOfBytes(value));
      return !value.empty();
    case CqlKind::kDecimal:
      return AppendDecimal(to, value);
    case CqlKind::kFloat:
      return AppendFloat<float, uint32_t>(to, value);
    case CqlKind::kDouble:
      return AppendFloat<double, uint64_t>(to, value);
    case CqlKind::kTimestamp:
    case CqlKind::kDate:
    case CqlKind::kTime:
      return AppendTemporal(to, type.kind, value);
    case CqlKind::kUuid:
      return AppendUuid(to, value);
    case CqlKind::kInet:
      return AppendInet(to, value);
    case CqlKind::kList:
    case CqlKind::kMap:
      return AppendCollection(to, type, value);
    case CqlKind::kTuple:
      return AppendTuple(to, type, value);
  }
  return false;
}

Result<std::string> CqlOfJson(const CqlType& type, const Json& value) {
  if (type.kind == CqlKind::kText) {
    if (!value.is_string()) return NoValue(type.kind, value);
    return value.get<std::string>();
  }
  if (!type.of.empty()) {
    if (!value.is_string()) return PartsOf(type, value);
    const Json held = Json::parse(value.get_ref<const std::string&>(), nullptr, false);
    return PartsOf(type, held.is_discarded() ? value : held);
  }
  std::optional<std::string> bytes;
  if (type.kind == CqlKind::kBlob) {
    const std::string text = value.is_string() ? value.get<std::string>() : "";
    if (text.starts_with("0x")) bytes = BytesOfHex(std::string_view(text).substr(2));
  } else if (value.is_primitive() && !value.is_null()) {
    bytes = ScalarOf(type.kind, TextOf(value));
  }
  if (!bytes) return NoValue(type.kind, value);
  return *std::move(bytes);
}

}  // namespace minke
