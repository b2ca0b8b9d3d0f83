// How many bytes each host was sent, by lines in the Common Log Format: the host is what stands
// before the first space, the bytes what stands behind the last ('-' is none).
//
//   hosts INPUT OUTPUT [THREADS=2]
#include <cstdio>
#include <cstdlib>
#include <unistd.h>

#include "input.h"
#include "key_table.h"
#include "output.h"

namespace {

// Bit i is set if byte i of 32 is `wanted`.
uint32_t Mask(const char* at, char wanted) {
  return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)), _mm256_set1_epi8(wanted))));
}

// The number that the text ends with; 0 if it ends with none.
uint64_t LastNumber(const char* begin, const char* end) {
  if (end - begin >= 8) {  // up to seven digits at once
    uint64_t digits = rival::Load(end - 8) ^ 0x3030303030303030u;
    const uint64_t others =
        (((digits & 0x7f7f7f7f7f7f7f7fu) + 0x7676767676767676u) | digits) & 0x8080808080808080u;
    if (others) {
      digits &= -(uint64_t{2} << (63 - __builtin_clzll(others)));  // what is behind the last other
      digits = digits * (10 << 8 | 1) >> 8 & 0x00ff00ff00ff00ffu;
      digits = digits * (100 << 16 | 1) >> 16 & 0x0000ffff0000ffffu;
      return digits * (uint64_t{10000} << 32 | 1) >> 32;
    }
  }
  uint64_t number = 0, scale = 1;
  for (; end > begin && end[-1] >= '0' && end[-1] <= '9'; --end) {
    number += static_cast<uint64_t>(end[-1] - '0') * scale;
    scale *= 10;
  }
  return number;
}

void AddLine(const char* line, const char* end, rival::KeyTable& table) {
  const char* space = line;
  uint32_t mask;
  while ((mask = Mask(space, ' ')) == 0 && space < end) space += 32;
  space += mask ? __builtin_ctz(mask) : 0;
  if (space >= end) return;
  table.Add(line, static_cast<size_t>(space - line), LastNumber(space, end));
}

// Whole lines only.
void AddLines(const char* at, const char* end, rival::KeyTable& table) {
  const char* line = at;
  for (; at < end; at += 64) {
    uint64_t ends = Mask(at, '\n') | uint64_t{Mask(at + 32, '\n')} << 32;
    if (end - at < 64) ends &= (uint64_t{1} << (end - at)) - 1;
    for (; ends; ends &= ends - 1) {
      const char* const line_end = at + __builtin_ctzll(ends);
      AddLine(line, line_end, table);
      line = line_end + 1;
    }
  }
  if (line < end) AddLine(line, end, table);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: hosts INPUT OUTPUT [THREADS]\n");
    return 2;
  }
  const unsigned threads = argc > 3 ? static_cast<unsigned>(std::max(1, atoi(argv[3]))) : 2;
  const rival::Input input = rival::MapFile(argv[1]);
  std::vector<rival::KeyTable> tables(threads);
  rival::ForEachChunk(
      input, threads, [](char c) { return c == '\n'; },
      [&](unsigned thread, const char* begin, const char* end) {
        AddLines(begin, end, tables[thread]);
        tables[thread].Flush();
      });
  rival::WriteSorted(tables, argv[2]);
  _exit(0);  // the kernel frees the memory faster
}
