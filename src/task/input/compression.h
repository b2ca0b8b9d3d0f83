// What a file is packed with, judged by its first bytes. Pure; for input_files.cc.
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "task/input/input_files.h"

namespace minke {

// The longest magic that is looked at.
inline constexpr size_t kMagicBytes = 16;

struct PackedWith {
  Compression compression = Compression::kNone;  // one that can be read
  std::string_view refused;  // else the name of one that cannot; empty: none is known
};

// `head` is the beginning of a file, up to kMagicBytes of it.
PackedWith FindCompression(Bytes head);

}  // namespace minke
