// Types of CQL, as the schema writes them: "map<text, frozen<list<int>>>".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace minke {

enum class CqlKind : uint8_t {
  kText,  // ascii, text, varchar
  kBlob,
  kBoolean,
  kTinyint,
  kSmallint,
  kInt,
  kBigint,
  kCounter,
  kVarint,
  kDecimal,
  kFloat,
  kDouble,
  kTimestamp,
  kDate,
  kTime,
  kUuid,  // timeuuid too
  kInet,
  kList,  // set too
  kMap,
  kTuple,
};

struct CqlType {
  CqlKind kind = CqlKind::kText;
  std::vector<CqlType> of;  // of a list its elements', of a map keys' and values', of a tuple all
};

// kInvalidArgument: a type that is not read or written (a user's own, duration, vector), named.
Result<CqlType> ParseCqlType(std::string_view text);

// As it is written in errors: whether an integer of 64 bits may be one, and so on.
bool IsInteger(CqlKind kind);  // of any width, varint too; not a counter
bool IsNumber(CqlKind kind);   // these, decimals, floats

}  // namespace minke
