// Finds a byte string in a text at the speed of memory: a service for maps that look for few things
// in much. Independent of <minke/job.h>; immutable once made, any thread.
//
// Method: of the needle's bytes the two that are rarest in text are compared with 32 places at
// once; only where both fit the whole needle is compared. Uses AVX2 where the processor has it,
// SSE2 otherwise.
#pragma once

#include <cstdint>
#include <cstring>
#include <emmintrin.h>
#include <immintrin.h>
#include <stdexcept>
#include <string>
#include <string_view>

namespace minke {

class Finder {
 public:
  // 64 bytes behind every text given to Find must be readable, as they are behind a batch.
  // `may_use_avx2` is for tests of the other path.
  explicit Finder(std::string_view needle, bool may_use_avx2 = true) : needle_(needle) {
    if (needle.empty()) throw std::invalid_argument("a Finder needs something to find");
    ChooseBytes();
    has_avx2_ = may_use_avx2 && __builtin_cpu_supports("avx2") != 0;
  }

  // The first place at or behind `from`, or npos.
  size_t Find(std::string_view text, size_t from = 0) const {
    if (text.size() < needle_.size() || from > text.size() - needle_.size()) return kNone;
    const char* begin = text.data() + from;
    const char* last = text.data() + (text.size() - needle_.size());
    const char* found = has_avx2_ ? FindAvx2(begin, last) : FindSse2(begin, last);
    return found == nullptr ? kNone : static_cast<size_t>(found - text.data());
  }

  std::string_view needle() const { return needle_; }

  static constexpr size_t kNone = std::string_view::npos;

 private:
  // The bytes of text and source code, from frequent to rare; what is not listed is rarer still.
  static constexpr std::string_view kFrequent =
      " etaoinsrlhdcumpfgy_bwvk\n0x.,-1()*;\t=/"
      "2\">TESAIRNCOLD3:'4MPF5U6<8B7GHq9jzW#VY{}&[]+KX\\|Q!%Z@"
      "J?$~^`\r";

  static size_t Rarity(char byte) {
    const size_t place = kFrequent.find(byte);
    return place == kNone ? kFrequent.size() : place;
  }

  void ChooseBytes() {
    for (size_t i = 1; i < needle_.size(); ++i) {
      if (Rarity(needle_[i]) > Rarity(needle_[rare_])) rare_ = i;
    }
    second_ = rare_ == 0 ? needle_.size() - 1 : 0;
    for (size_t i = 0; i < needle_.size(); ++i) {
      if (i != rare_ && Rarity(needle_[i]) > Rarity(needle_[second_])) second_ = i;
    }
  }

  // The first match among the candidates of `mask`, counted from `at`; none behind `last` counts.
  const char* Confirm(const char* at, uint64_t mask, const char* last) const {
    for (; mask != 0; mask &= mask - 1) {
      const char* place = at + __builtin_ctzll(mask);
      if (place > last) return nullptr;
      if (std::memcmp(place, needle_.data(), needle_.size()) == 0) return place;
    }
    return nullptr;
  }

  const char* FindSse2(const char* at, const char* last) const {
    const __m128i rare = _mm_set1_epi8(needle_[rare_]);
    const __m128i second = _mm_set1_epi8(needle_[second_]);
    for (; at <= last; at += 16) {
      const __m128i a = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + rare_));
      const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + second_));
      const __m128i both = _mm_and_si128(_mm_cmpeq_epi8(a, rare), _mm_cmpeq_epi8(b, second));
      const auto mask = static_cast<uint32_t>(_mm_movemask_epi8(both));
      if (mask == 0) continue;
      if (const char* found = Confirm(at, mask, last)) return found;
    }
    return nullptr;
  }

  [[gnu::target("avx2")]] static __m256i Candidates(const char* at, size_t rare_at, __m256i rare,
                                                    size_t second_at, __m256i second) {
    const auto* a = reinterpret_cast<const __m256i*>(at + rare_at);
    const auto* b = reinterpret_cast<const __m256i*>(at + second_at);
    return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_loadu_si256(a), rare),
                            _mm256_cmpeq_epi8(_mm256_loadu_si256(b), second));
  }

  [[gnu::target("avx2")]] const char* FindAvx2(const char* at, const char* last) const {
    const __m256i rare = _mm256_set1_epi8(needle_[rare_]);
    const __m256i second = _mm256_set1_epi8(needle_[second_]);
    // 64 places a step; the last step reads at most 63 bytes behind the text.
    for (; at <= last; at += 64) {
      const __m256i low = Candidates(at, rare_, rare, second_, second);
      const __m256i high = Candidates(at + 32, rare_, rare, second_, second);
      const __m256i any = _mm256_or_si256(low, high);
      if (_mm256_testz_si256(any, any) != 0) continue;
      const uint64_t mask = static_cast<uint32_t>(_mm256_movemask_epi8(low)) |
                            uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(high))} << 32;
      if (const char* found = Confirm(at, mask, last)) return found;
    }
    return nullptr;
  }

  std::string needle_;
  size_t rare_ = 0;    // index of the rarest byte
  size_t second_ = 0;  // of the next
  bool has_avx2_ = false;
};

}  // namespace minke
