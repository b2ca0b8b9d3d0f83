#include "task/input/text_split.h"

#include <algorithm>
#include <bit>
#include <immintrin.h>

namespace minke {
namespace {

constexpr size_t kBlock = 64;

// The white space byte that has the low half-byte i, or one that no such byte equals. A shuffle
// looks it up for 16 bytes at once (bytes from 0x80 on yield 0, which is no white space either).
alignas(16) constexpr uint8_t kSpaceByLowHalf[16] = {
    ' ', 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, '\t', '\n', '\v', '\f', '\r', 0x80, 0x80};

inline uint64_t WordMaskV2(const char* p) {
  const __m128i table = _mm_load_si128(reinterpret_cast<const __m128i*>(kSpaceByLowHalf));
  uint64_t spaces = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i);
    const __m128i is_space = _mm_cmpeq_epi8(x, _mm_shuffle_epi8(table, x));
    spaces |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(is_space))} << (16 * i);
  }
  return ~spaces;
}

inline uint64_t LineEndMask(const char* p) {
  const __m128i line_end = _mm_set1_epi8('\n');
  uint64_t mask = 0;
  for (int i = 0; i < 4; ++i) {
    const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + i);
    mask |= uint64_t{static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(x, line_end)))}
            << (16 * i);
  }
  return mask;
}

// The bits of a block at p that lie before `end`.
inline uint64_t Before(const char* end, const char* p) {
  const auto left = static_cast<size_t>(end - p);
  return left < kBlock ? (uint64_t{1} << left) - 1 : ~uint64_t{0};
}

size_t SplitWordsV2(const char* data, size_t size, minke_bytes* words, size_t capacity,
                    size_t* consumed) {
  const char* const end = data + size;
  const char* open = nullptr;  // where a word began that has not ended
  size_t n = 0;
  for (const char* p = data; p < end; p += kBlock) {
    const uint64_t mask = WordMaskV2(p) & Before(end, p);
    uint64_t edges = mask ^ (mask << 1 | (open != nullptr ? 1 : 0));  // a start or an end each
    while (edges != 0) {
      const char* at = p + std::countr_zero(edges);
      edges &= edges - 1;
      if (open == nullptr) {
        if (n == capacity) {
          *consumed = static_cast<size_t>(at - data);
          return n;
        }
        open = at;
      } else {
        words[n++] = {open, static_cast<size_t>(at - open)};
        open = nullptr;
      }
    }
  }
  if (open != nullptr) words[n++] = {open, static_cast<size_t>(end - open)};
  *consumed = size;
  return n;
}

MINKE_X86_V3 inline uint64_t WordMaskV3(const char* p) {
  const __m256i table = _mm256_broadcastsi128_si256(
      _mm_load_si128(reinterpret_cast<const __m128i*>(kSpaceByLowHalf)));
  const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  const __m256i y = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p) + 1);
  const __m256i is_space_x = _mm256_cmpeq_epi8(x, _mm256_shuffle_epi8(table, x));
  const __m256i is_space_y = _mm256_cmpeq_epi8(y, _mm256_shuffle_epi8(table, y));
  return ~(uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(is_space_x))} |
           uint64_t{static_cast<uint32_t>(_mm256_movemask_epi8(is_space_y))} << 32);
}

// Where the word that is open at p ends.
MINKE_X86_V3 const char* EndOfWord(const char* p, const char* end) {
  for (; p < end; p += kBlock) {
    const uint64_t gaps = ~(WordMaskV3(p) & Before(end, p));
    if (gaps != 0) return p + _tzcnt_u64(gaps);
  }
  return end;
}

// No branch depends on where words lie, but for blocks of many words: the first kAtOnce possible
// words of a block are always written, and those there were are counted. A word that is still open
// at the end of its block gets its size in the next.
MINKE_X86_V3 size_t SplitWordsV3(const char* data, size_t size, minke_bytes* words, size_t capacity,
                                 size_t* consumed) {
  constexpr size_t kAtOnce = 12;
  constexpr size_t kPerBlock = 32 + kAtOnce;  // words that a block may begin, or write in vain
  if (capacity < kPerBlock) return SplitWordsV2(data, size, words, capacity, consumed);
  const char* const end = data + size;
  const char* p = data;
  minke_bytes nowhere{data, 0};
  uint64_t open = 0;  // 1 while words[n - 1] has not ended
  size_t n = 0;
  for (; p < end && n + kPerBlock <= capacity; p += kBlock) {
    const uint64_t mask = WordMaskV3(p) & Before(end, p);
    const uint64_t shifted = mask << 1 | open;
    uint64_t starts = mask & ~shifted;
    uint64_t ends = shifted & ~mask;
    minke_bytes* last = open != 0 ? words + n - 1 : &nowhere;
    last->size = static_cast<size_t>(p - last->data) + _tzcnt_u64(ends);
    ends &= ends - open;
    const auto count = static_cast<size_t>(_mm_popcnt_u64(starts));
    for (size_t at = n; at < n + count; at += kAtOnce) {
      for (size_t i = 0; i < kAtOnce; ++i) {
        const uint64_t start = _tzcnt_u64(starts);
        words[at + i] = {p + start, _tzcnt_u64(ends) - start};
        starts = _blsr_u64(starts);
        ends = _blsr_u64(ends);
      }
    }
    n += count;
    open = mask >> 63;
  }
  p = std::min(p, end);
  if (open != 0 && p < end) {
    p = EndOfWord(p, end);
    words[n - 1].size = static_cast<size_t>(p - words[n - 1].data);
  }
  *consumed = static_cast<size_t>(p - data);
  return n;
}

size_t SplitLines(const char* data, size_t size, minke_bytes* lines, size_t capacity,
                  size_t* consumed) {
  const char* const end = data + size;
  const char* begin = data;  // of the line at hand
  size_t n = 0;
  for (const char* p = data; p < end && n < capacity; p += kBlock) {
    uint64_t ends = LineEndMask(p) & Before(end, p);
    for (; ends != 0 && n < capacity; ends &= ends - 1) {
      const char* line_end = p + std::countr_zero(ends);
      auto length = static_cast<size_t>(line_end - begin);
      length -= (length != 0 && line_end[-1] == '\r') ? 1 : 0;
      lines[n++] = {begin, length};
      begin = line_end + 1;
    }
  }
  if (n < capacity && begin < end) {  // the last line may lack its end
    lines[n++] = {begin, static_cast<size_t>(end - begin)};
    begin = end;
  }
  *consumed = static_cast<size_t>(begin - data);
  return n;
}

uint64_t CountLineEnds(const char* data, size_t size) {
  constexpr size_t kStretch = 255 * kBlock;  // what counters of one byte each can take
  const __m128i line_end = _mm_set1_epi8('\n');
  const char* const end = data + size;
  uint64_t count = 0;
  const char* p = data;
  while (static_cast<size_t>(end - p) >= kBlock) {
    const size_t blocks = std::min(kStretch, static_cast<size_t>(end - p)) / kBlock;
    __m128i sums[4] = {};
    for (size_t i = 0; i < blocks; ++i, p += kBlock) {
      for (int j = 0; j < 4; ++j) {
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p) + j);
        sums[j] = _mm_sub_epi8(sums[j], _mm_cmpeq_epi8(x, line_end));
      }
    }
    for (const __m128i sum : sums) {
      const __m128i sad = _mm_sad_epu8(sum, _mm_setzero_si128());
      count += static_cast<uint64_t>(_mm_cvtsi128_si64(sad)) +
               static_cast<uint64_t>(_mm_extract_epi64(sad, 1));
    }
  }
  if (p < end) count += static_cast<uint64_t>(std::popcount(LineEndMask(p) & Before(end, p)));
  return count;
}

}  // namespace

TextSplit TextSplitFor(Processor processor) {
  return {processor == Processor::kX86V3 ? SplitWordsV3 : SplitWordsV2, SplitLines, CountLineEnds};
}

}  // namespace minke
