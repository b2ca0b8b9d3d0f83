#include "base/processor.h"

namespace minke {

Processor ThisProcessor() {
  const bool is_v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
                     __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("lzcnt") &&
                     __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("aes");
  return is_v3 ? Processor::kX86V3 : Processor::kX86V2;
}

}  // namespace minke
