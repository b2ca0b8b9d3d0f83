// The exact sum of doubles, rounded once, at the end: the order of the summands cannot matter, to
// the bit. What the sum is: Python's math.fsum, but that sums between which overflow are no error.
//
// Every double is an integer times 2^-1074, so a sum is an integer too: two's complement, in 64-bit
// words, word i standing for 2^(64 i - 1074). A WindowSum keeps three neighbouring words, which
// hold what most data sums to; where the summands lie too far apart, a FullSum keeps them all (the
// superaccumulator of Kulisch, The Fifth Floating-Point Operation for Top-Performance Computers,
// 1997). Plain bytes, relocatable. Pure.
#pragma once

#include <bit>
#include <cstdint>

namespace minke {

// The first 8 bytes of both forms.
struct SumHead {
  static constexpr uint32_t kEmpty = 0xffff'0000;  // a window that may still be put anywhere
  static constexpr uint32_t kFull = 0xfffe'0000;

  uint32_t base;      // word that words[0] stands for, or one of the above
  uint32_t specials;  // which of NaN, infinity and minus infinity were added
};

struct WindowSum : SumHead {
  static constexpr uint32_t kWords = 3;
  static constexpr uint32_t kBaseMax = 31;  // the highest word that a double begins in

  uint64_t words[kWords];

  static constexpr WindowSum Empty() { return {{kEmpty, 0}, {}}; }

  // False: not added, because it takes a closer look. Small, to be inlined.
  bool TryAdd(double value) {
    const auto bits = std::bit_cast<uint64_t>(value);
    const uint32_t exponent = (bits >> 52) & 0x7ff;
    const uint32_t place = exponent - 1;  // of the mantissa's last bit
    const uint32_t word = place / 64 - base;
    if (word > 1 || exponent == 0 || exponent == 0x7ff) return false;
    const uint64_t mantissa = (bits & ((uint64_t{1} << 52) - 1)) | uint64_t{1} << 52;
    const unsigned __int128 shifted = static_cast<unsigned __int128>(mantissa) << (place % 64);
    const auto low = static_cast<uint64_t>(shifted);
    const auto high = static_cast<uint64_t>(shifted >> 64);
    const uint64_t upper = uint64_t{0} - word;  // all ones where the value begins one word up
    return TryAddWords(low & ~upper, (low & upper) | (high & ~upper), high & upper, bits >> 63);
  }

  // Adds what TryAdd would not. False: the sum no longer fits into a window; nothing was added.
  bool AddAny(double value);
  bool Add(const WindowSum& other);

 private:
  // Adds the words, negated where `negative` is 1. False: overflow, and nothing was added.
  bool TryAddWords(uint64_t first, uint64_t second, uint64_t third, uint64_t negative) {
    const uint64_t flip = uint64_t{0} - negative;
    third ^= flip;
    unsigned __int128 sum = static_cast<unsigned __int128>(words[0]) + (first ^ flip) + negative;
    const auto sum0 = static_cast<uint64_t>(sum);
    sum = static_cast<unsigned __int128>(words[1]) + (second ^ flip) + (sum >> 64);
    const uint64_t sum2 = words[2] + third + static_cast<uint64_t>(sum >> 64);
    if (static_cast<int64_t>((words[2] ^ sum2) & (third ^ sum2)) < 0) return false;
    words[0] = sum0;
    words[1] = static_cast<uint64_t>(sum);
    words[2] = sum2;
    return true;
  }
  bool MoveDown();
  bool MoveUp();
  bool MoveTo(uint32_t wanted);
};

struct FullSum : SumHead {
  static constexpr uint32_t kWords = 34;  // all doubles, and as many of them as one can add

  uint64_t words[kWords];

  static constexpr FullSum Zero() { return {{kFull, 0}, {}}; }

  void Add(double value);
  void Add(const WindowSum& other);
  void Add(const FullSum& other);

 private:
  void AddWords(const uint64_t* added, uint32_t count, uint32_t at);
};

// The double that is nearest to the sum, ties to even; infinity where it is too large for a double;
// 0.0 where it is zero, whatever the signs of zeros that were added; NaN if a NaN was added, or
// infinities of both signs.
double Rounded(const WindowSum& sum);
double Rounded(const FullSum& sum);

}  // namespace minke
