// Splitting text at the speed of memory: the host services split_words and split_lines of
// <minke/abi_host.h>, in the version that suits the processor.
//
// A word is a run of bytes other than space \t \n \v \f \r. A line ends at \n; one \r before that
// \n is not part of it, and the last line may lack its \n. Both look at blocks of 64 bytes, so 64
// bytes behind `size` are read, but never taken for data.
//
// A call may return fewer than `capacity` views before all is consumed; it always makes progress
// if `capacity` is not 0. Pure functions, from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include <minke/abi.h>

#include "base/processor.h"

namespace minke {

struct TextSplit {
  size_t (*split_words)(const char* data, size_t size, minke_bytes* words, size_t capacity,
                        size_t* consumed);
  size_t (*split_lines)(const char* data, size_t size, minke_bytes* lines, size_t capacity,
                        size_t* consumed);
  // How many \n there are.
  uint64_t (*count_line_ends)(const char* data, size_t size);
};

TextSplit TextSplitFor(Processor processor);

}  // namespace minke
