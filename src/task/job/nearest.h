// Names that look like one that does not exist, for "did you mean …". Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace minke {

// "; did you mean 'a' or 'b'?" with up to three of `names` within a few edits of `wanted`, nearest
// first; empty if none is near.
std::string DidYouMean(std::string_view wanted, std::span<const std::string_view> names);

}  // namespace minke
