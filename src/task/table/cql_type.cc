#include "task/table/cql_type.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

namespace minke {
namespace {

constexpr size_t kDepthMax = 32;

constexpr std::array<std::pair<std::string_view, CqlKind>, 20> kScalars = {{
    {"ascii", CqlKind::kText},          {"text", CqlKind::kText},
    {"varchar", CqlKind::kText},        {"blob", CqlKind::kBlob},
    {"boolean", CqlKind::kBoolean},     {"tinyint", CqlKind::kTinyint},
    {"smallint", CqlKind::kSmallint},   {"int", CqlKind::kInt},
    {"bigint", CqlKind::kBigint},       {"counter", CqlKind::kCounter},
    {"varint", CqlKind::kVarint},       {"decimal", CqlKind::kDecimal},
    {"float", CqlKind::kFloat},         {"double", CqlKind::kDouble},
    {"timestamp", CqlKind::kTimestamp}, {"date", CqlKind::kDate},
    {"time", CqlKind::kTime},           {"uuid", CqlKind::kUuid},
    {"timeuuid", CqlKind::kUuid},       {"inet", CqlKind::kInet},
}};

class Parser {
 public:
  explicit Parser(std::string_view text) : whole_(text), left_(text) {}

  Result<CqlType> Whole() {
    auto type = Type(0);
    if (type && !left_.empty()) return Unknown();
    return type;
  }

 private:
  Error Unknown() const {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("of the type {}, which minke neither reads nor writes", whole_)};
  }

  bool Take(char c) {
    while (left_.starts_with(' ')) left_.remove_prefix(1);
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    while (left_.starts_with(' ')) left_.remove_prefix(1);
    return true;
  }

  Result<CqlType> Type(size_t depth) {
    const std::string_view name = left_.substr(0, left_.find_first_of("<>, "));
    left_.remove_prefix(name.size());
    if (depth > kDepthMax) return Unknown();
    const auto* const scalar =
        std::ranges::find(kScalars, name, &decltype(kScalars)::value_type::first);
    if (scalar != kScalars.end() && !name.empty()) return CqlType{scalar->second, {}};
    if (!Take('<')) return Unknown();
    std::vector<CqlType> of;
    do {
      of.push_back(MINKE_TRY(Type(depth + 1)));
    } while (Take(','));
    if (!Take('>')) return Unknown();
    if (name == "frozen" && of.size() == 1) return std::move(of.front());
    if ((name == "list" || name == "set") && of.size() == 1) {
      return CqlType{CqlKind::kList, std::move(of)};
    }
    if (name == "map" && of.size() == 2) return CqlType{CqlKind::kMap, std::move(of)};
    if (name == "tuple") return CqlType{CqlKind::kTuple, std::move(of)};
    return Unknown();
  }

  std::string_view whole_;
  std::string_view left_;
};

}  // namespace

Result<CqlType> ParseCqlType(std::string_view text) { return Parser(text).Whole(); }

bool IsInteger(CqlKind kind) {
  switch (kind) {
    case CqlKind::kTinyint:
    case CqlKind::kSmallint:
    case CqlKind::kInt:
    case CqlKind::kBigint:
    case CqlKind::kVarint:
      return true;
    default:
      return false;
  }
}

bool IsNumber(CqlKind kind) {
  return IsInteger(kind) || kind == CqlKind::kDecimal || kind == CqlKind::kFloat ||
         kind == CqlKind::kDouble;
}

}  // namespace minke
