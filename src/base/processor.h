// Which hot loops this machine runs. Everything is built for x86-64-v2; a few loops exist for v3
// too and are chosen at start.
#pragma once

#include <cstdint>

// Marks a function of such a loop; only functions so marked may be inlined together with it.
#define MINKE_X86_V3 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt,aes")))

namespace minke {

// kX86V3: x86-64-v3 with the AES instructions, which all such processors have but none must.
enum class Processor : uint8_t { kX86V2, kX86V3 };

// The best that this machine runs.
Processor ThisProcessor();

}  // namespace minke
