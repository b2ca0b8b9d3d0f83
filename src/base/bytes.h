// Reading and writing numbers in byte buffers. All inline; no bounds are checked here.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace minke {

using Bytes = std::string_view;  // bytes that somebody else owns

template <typename T>
inline T LoadLe(const void* from) {
  static_assert(std::endian::native == std::endian::little,
                "minke builds for little-endian x86-64");
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T>
inline void StoreLe(void* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

inline uint64_t LoadBe64(const void* from) { return __builtin_bswap64(LoadLe<uint64_t>(from)); }
inline void StoreBe64(void* to, uint64_t value) { StoreLe(to, __builtin_bswap64(value)); }

// LEB128, at most 10 bytes.
inline size_t StoreVarint(char* to, uint64_t value) {
  size_t n = 0;
  for (; value >= 0x80; value >>= 7) to[n++] = static_cast<char>(value | 0x80);
  to[n++] = static_cast<char>(value);
  return n;
}

inline void AppendVarint(std::string& to, uint64_t value) {
  char buffer[10];
  to.append(buffer, StoreVarint(buffer, value));
}

// Reads a varint from [*from, end), moves *from behind it; false if it is cut off or too long.
inline bool LoadVarint(const char** from, const char* end, uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 64 && *from < end; shift += 7) {
    const auto byte = static_cast<uint8_t>(*(*from)++);
    if (shift == 63 && byte > 1) return false;
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return true;
    }
  }
  return false;
}

}  // namespace minke
