// Integers of any length between their two forms: two's complement, big-endian and as short as can
// be (CQL's varint), and decimal digits. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace minke {

// "-12"; of no bytes "0".
std::string DecimalOfBytes(Bytes value);
// Nothing: not an optional minus and digits.
std::optional<std::string> BytesOfDecimal(std::string_view text);

}  // namespace minke
