// How many words begin with each three bytes (or fewer, if the word is shorter).
//
//   prefixes INPUT OUTPUT [THREADS=2] [BYTES=3]
//
// Words are runs of bytes other than space \t \n \v \f \r; more BYTES than any word has counts
// words.
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "input.h"
#include "key_table.h"
#include "output.h"

namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Bit i is set if byte i of 64 is in a word.
uint64_t WordMask(const char* at) {
  const auto spaces = [](__m256i bytes) {
    const __m256i shifted = _mm256_sub_epi8(bytes, _mm256_set1_epi8('\t'));
    const __m256i is_low =
        _mm256_cmpeq_epi8(_mm256_min_epu8(shifted, _mm256_set1_epi8('\r' - '\t')), shifted);
    const __m256i is_space = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(' '));
    return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(is_space, is_low)));
  };
  const uint64_t low = spaces(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)));
  const uint64_t high = spaces(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32)));
  return ~(low | high << 32);
}

// Whole words only.
void AddPrefixes(const char* at, const char* end, size_t bytes, rival::KeyTable& table) {
  const char* word = nullptr;
  uint64_t is_in_word = 0;  // the byte before `at`
  for (; at < end; at += 64) {
    uint64_t mask = WordMask(at);
    if (end - at < 64) mask &= (uint64_t{1} << (end - at)) - 1;
    const uint64_t mask_before = mask << 1 | is_in_word;
    uint64_t begins = mask & ~mask_before;
    const auto next_begin = [&] {
      const char* const begin = at + _tzcnt_u64(begins);
      begins &= begins - 1;
      return begin;
    };
    if (!is_in_word) word = next_begin();
    for (uint64_t ends = mask_before & ~mask; ends; ends &= ends - 1) {
      const char* const word_end = at + _tzcnt_u64(ends);
      table.Add(word, std::min(bytes, static_cast<size_t>(word_end - word)), 1);
      word = next_begin();
    }
    is_in_word = mask >> 63;
  }
  if (is_in_word) table.Add(word, std::min(bytes, static_cast<size_t>(end - word)), 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: prefixes INPUT OUTPUT [THREADS] [BYTES]\n");
    return 2;
  }
  const unsigned threads = argc > 3 ? static_cast<unsigned>(std::max(1, atoi(argv[3]))) : 2;
  const size_t bytes = argc > 4 ? static_cast<size_t>(std::max(1, atoi(argv[4]))) : 3;
  const rival::Input input = rival::MapFile(argv[1]);
  std::vector<rival::KeyTable> tables(threads);
  rival::ForEachChunk(input, threads, IsSpace,
                      [&](unsigned thread, const char* begin, const char* end) {
                        AddPrefixes(begin, end, bytes, tables[thread]);
                        tables[thread].Flush();
                      });
  rival::WriteSorted(tables, argv[2]);
  _exit(0);  // the kernel frees the memory faster
}
