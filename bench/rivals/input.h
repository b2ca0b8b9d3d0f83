// A file, mapped, cut into chunks for threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <sys/mman.h>
#include <thread>
#include <vector>

namespace rival {

// Calls f(thread) on so many threads, of which this is one.
template <class Function>
void InParallel(unsigned threads, Function f) {
  std::vector<std::thread> others;
  for (unsigned thread = 1; thread < threads; ++thread) others.emplace_back(f, thread);
  f(0u);
  for (std::thread& other : others) other.join();
}

struct Input {
  const char* data;  // 4096 bytes behind the end may be read
  size_t size;
};

// Ends the process with a message if it cannot.
Input MapFile(const char* path);

// Calls consume(thread, begin, end) with pieces that end behind a separator, so that no word (or
// line) is cut. A chunk's pages are mapped by one call, and dropped after use: the peak memory is
// the tables, not the input.
template <class IsSeparator, class Consume>
void ForEachChunk(const Input& input, unsigned threads, IsSeparator is_separator, Consume consume) {
  constexpr size_t kChunk = 4 << 20;
  std::atomic<size_t> next{0};
  InParallel(threads, [&](unsigned thread) {
    for (size_t low; (low = next.fetch_add(1) * kChunk) < input.size;) {
      const size_t high = std::min(input.size, low + kChunk);
      char* const pages = const_cast<char*>(input.data + low);
      madvise(pages, high - low, MADV_POPULATE_READ);
      const char* begin = input.data + low;
      const char* end = input.data + high;
      const char* const file_end = input.data + input.size;
      if (low) {
        while (begin < file_end && !is_separator(begin[-1])) ++begin;
      }
      while (end < file_end && !is_separator(end[-1])) ++end;
      if (begin < end) consume(thread, begin, end);
      madvise(pages, high - low, MADV_DONTNEED);
    }
  });
}

}  // namespace rival
