#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace minke {

uint64_t Hash64(Bytes bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

}  // namespace minke
