#include "shuffle/double_sum.h"

#include <algorithm>
#include <limits>
#include <span>

namespace minke {
namespace {

constexpr uint32_t kNan = 1;
constexpr uint32_t kInfinity = 2;
constexpr uint32_t kMinusInfinity = 4;
constexpr int kMantissaBits = 53;
constexpr uint64_t kExponentOfInfinity = uint64_t{0x7ff} << 52;

uint64_t SignOf(uint64_t word) { return static_cast<uint64_t>(static_cast<int64_t>(word) >> 63); }

// A finite double in two words, the first of them `word`.
struct Parts {
  explicit Parts(double value) {
    const auto bits = std::bit_cast<uint64_t>(value);
    const uint32_t exponent = (bits >> 52) & 0x7ff;
    const uint64_t fraction = bits & ((uint64_t{1} << 52) - 1);
    const uint64_t mantissa = exponent == 0 ? fraction : fraction | uint64_t{1} << 52;
    const uint32_t place = exponent == 0 ? 0 : exponent - 1;
    const unsigned __int128 shifted = static_cast<unsigned __int128>(mantissa) << (place % 64);
    word = place / 64;
    low = static_cast<uint64_t>(shifted);
    high = static_cast<uint64_t>(shifted >> 64);
    negative = bits >> 63;
  }
  uint32_t word;
  uint64_t low, high;
  uint64_t negative;
};

// 0 where the value is finite.
uint32_t SpecialOf(double value) {
  if (value != value) return kNan;
  if (value == std::numeric_limits<double>::infinity()) return kInfinity;
  return value == -std::numeric_limits<double>::infinity() ? kMinusInfinity : 0;
}

// Of a sum with specials.
double SpecialSum(uint32_t specials) {
  if (specials == kInfinity) return std::numeric_limits<double>::infinity();
  if (specials == kMinusInfinity) return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

// The 64 bits from place `at` on.
uint64_t BitsAt(std::span<const uint64_t> words, uint32_t at) {
  const uint32_t word = at / 64;
  const uint32_t shift = at % 64;
  uint64_t bits = words[word] >> shift;
  if (shift > 0 && word + 1 < words.size()) bits |= words[word + 1] << (64 - shift);
  return bits;
}

bool AnyBelow(std::span<const uint64_t> words, uint32_t place) {
  for (uint32_t i = 0; i < place / 64; ++i) {
    if (words[i] != 0) return true;
  }
  return place % 64 != 0 && (words[place / 64] << (64 - place % 64)) != 0;
}

// Two's complement words, the first of which is word `base`, as a double. Changes them.
double Round(std::span<uint64_t> words, uint32_t base) {
  const bool negative = SignOf(words.back()) != 0;
  if (negative) {
    uint64_t carry = 1;
    for (uint64_t& word : words) {
      word = ~word + carry;
      carry = carry & static_cast<uint64_t>(word == 0);
    }
  }
  while (!words.empty() && words.back() == 0) words = words.first(words.size() - 1);
  if (words.empty()) return 0.0;
  const auto length = static_cast<uint32_t>(64 * words.size()) -
                      static_cast<uint32_t>(std::countl_zero(words.back()));
  // Of the whole number; its first 64 * base bits are zeros.
  const uint32_t whole = length + 64 * base;
  uint64_t bits;
  if (whole <= kMantissaBits) {
    bits = words[0];  // the bits of a double are counted through the denormals into the normals
  } else {
    const uint32_t dropped = whole - kMantissaBits;
    if (length <= kMantissaBits) {
      bits = words[0] << (kMantissaBits - length);
    } else {
      const uint32_t cut = length - kMantissaBits;
      bits = BitsAt(words, cut) & ((uint64_t{1} << kMantissaBits) - 1);
      const bool half = (BitsAt(words, cut - 1) & 1) != 0;
      bits += static_cast<uint64_t>(half && ((bits & 1) != 0 || AnyBelow(words, cut - 1)));
    }
    bits += static_cast<uint64_t>(dropped) << 52;
  }
  bits = std::min(bits, kExponentOfInfinity);
  return std::bit_cast<double>(bits | static_cast<uint64_t>(negative) << 63);
}

}  // namespace

// Moves the window by one word, keeping the sum; false where it would not fit.
bool WindowSum::MoveDown() {
  if (base == 0 || words[2] != SignOf(words[1])) return false;
  words[2] = words[1];
  words[1] = words[0];
  words[0] = 0;
  --base;
  return true;
}

bool WindowSum::MoveUp() {
  if (base == kBaseMax || words[0] != 0) return false;
  words[0] = words[1];
  words[1] = words[2];
  words[2] = SignOf(words[2]);
  ++base;
  return true;
}

bool WindowSum::MoveTo(uint32_t wanted) {
  while (base > wanted) {
    if (!MoveDown()) return false;
  }
  while (base < wanted) {
    if (!MoveUp()) return false;
  }
  return true;
}

bool WindowSum::AddAny(double value) {
  if (const uint32_t special = SpecialOf(value); special != 0) {
    specials |= special;
    return true;
  }
  if (value == 0) return true;
  const Parts parts(value);
  if (base == kEmpty) base = parts.word;
  for (;;) {
    const uint32_t at = parts.word - base;
    if (at < kWords && (at < 2 || parts.high == 0)) {
      const uint64_t first = at == 0 ? parts.low : 0;
      const uint64_t second = at == 0 ? parts.high : at == 1 ? parts.low : 0;
      const uint64_t third = at == 1 ? parts.high : at == 2 ? parts.low : 0;
      // The sign's bit is not for the value.
      if (static_cast<int64_t>(third) >= 0 && TryAddWords(first, second, third, parts.negative)) {
        return true;
      }
    }
    if (parts.word < base ? !MoveDown() : at == 0 || !MoveUp()) return false;
  }
}

bool WindowSum::Add(const WindowSum& other) {
  if (other.base == kEmpty || base == kEmpty) {
    const uint32_t both = specials | other.specials;
    if (base == kEmpty) *this = other;
    specials = both;
    return true;
  }
  WindowSum added = other;
  if (base != added.base) {
    WindowSum& upper = base > added.base ? *this : added;
    WindowSum& lower = base > added.base ? added : *this;
    // Either may move; what cannot move all the way has moved for nothing, but has kept its sum.
    if (!upper.MoveTo(lower.base) && !lower.MoveTo(upper.base)) return false;
  }
  if (!TryAddWords(added.words[0], added.words[1], added.words[2], 0)) return false;
  specials |= added.specials;
  return true;
}

void FullSum::AddWords(const uint64_t* added, uint32_t count, uint32_t at) {
  uint64_t carry = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const unsigned __int128 sum = static_cast<unsigned __int128>(words[at + i]) + added[i] + carry;
    words[at + i] = static_cast<uint64_t>(sum);
    carry = static_cast<uint64_t>(sum >> 64);
  }
  const uint64_t sign = SignOf(added[count - 1]);
  for (uint32_t i = at + count; i < kWords && sign + carry != 0; ++i) {
    const unsigned __int128 sum = static_cast<unsigned __int128>(words[i]) + sign + carry;
    words[i] = static_cast<uint64_t>(sum);
    carry = static_cast<uint64_t>(sum >> 64);
  }
}

void FullSum::Add(double value) {
  if (const uint32_t special = SpecialOf(value); special != 0) {
    specials |= special;
    return;
  }
  const Parts parts(value);
  const uint64_t flip = uint64_t{0} - parts.negative;
  unsigned __int128 both =
      static_cast<unsigned __int128>(parts.high ^ flip) << 64 | (parts.low ^ flip);
  both += parts.negative;
  const uint64_t added[3] = {static_cast<uint64_t>(both), static_cast<uint64_t>(both >> 64),
                             value == 0 ? 0 : flip};
  AddWords(added, 3, parts.word);
}

void FullSum::Add(const WindowSum& other) {
  specials |= other.specials;
  if (other.base != kEmpty) AddWords(other.words, WindowSum::kWords, other.base);
}

void FullSum::Add(const FullSum& other) {
  specials |= other.specials;
  AddWords(other.words, kWords, 0);
}

double Rounded(const WindowSum& sum) {
  if (sum.specials != 0) return SpecialSum(sum.specials);
  WindowSum copy = sum;
  return sum.base == SumHead::kEmpty ? 0.0 : Round(copy.words, copy.base);
}

double Rounded(const FullSum& sum) {
  if (sum.specials != 0) return SpecialSum(sum.specials);
  FullSum copy = sum;
  return Round(copy.words, 0);
}

}  // namespace minke
