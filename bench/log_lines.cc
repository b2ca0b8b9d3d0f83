// Writes lines in the Common Log Format, the same on every machine: of a million hosts, few are met
// often and most seldom; sizes spread over six powers of ten.
//
//   log_lines BYTES FILE       whole lines, at most BYTES
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

constexpr uint64_t kHosts = 1'000'000;
constexpr uint64_t kLinesPerSecond = 8;

uint64_t Mix(uint64_t x) {  // splitmix64
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
  x = (x ^ x >> 27) * 0x94D049BB133111EBu;
  return x ^ x >> 31;
}

// Below `count`; the fourth power of a uniform number: small ones are frequent.
uint64_t Skewed(uint32_t uniform, uint64_t count) {
  const uint64_t square = uint64_t{uniform} * uniform >> 32;
  return (square * square >> 32) * count >> 32;
}

template <size_t n>
const char* Pick(const char* const (&words)[n], uint64_t number) {
  return words[number % n];
}

std::string HostOf(uint64_t index) {
  static const char* const kinds[] = {"ppp", "dial", "cable", "dsl", "proxy", "cache", "node"};
  static const char* const names[] = {"example", "uni-north", "isp", "mail", "research", "library"};
  static const char* const tops[] = {"com", "net", "org", "edu", "de", "co.jp", "se"};
  const uint64_t x = Mix(index);
  char text[96];
  if (x & 1) {
    snprintf(text, sizeof text, "%d.%d.%d.%d", int(x >> 8 & 127) + 1, int(x >> 16 & 255),
             int(x >> 24 & 255), int(x >> 32 & 255));
  } else {
    snprintf(text, sizeof text, "%s%d-%d.%s%d.%s", Pick(kinds, x >> 8), int(x >> 16 & 255),
             int(x >> 24 & 255), Pick(names, x >> 32), int(x >> 40 & 63), Pick(tops, x >> 48));
  }
  return text;
}

void AppendLine(std::string& text, uint64_t number) {
  static const char* const folders[] = {"images", "docs", "shop", "news", "pub", "~anna", "api/v1"};
  static const char* const endings[] = {".html", ".gif", ".js", "", "/", ".txt", ".php?id=7"};
  const uint64_t x = Mix(number * 2 + 1), y = Mix(x);
  const uint64_t second = number / kLinesPerSecond;
  text += HostOf(Skewed(static_cast<uint32_t>(x), kHosts));
  char rest[256];
  snprintf(
      rest, sizeof rest, " - - [%02d/Jul/2025:%02d:%02d:%02d +0000] \"%s /%s/%s%d%s HTTP/1.1\"",
      int(second / 86400 % 31 + 1), int(second / 3600 % 24), int(second / 60 % 60),
      int(second % 60), (y & 31) ? "GET" : "POST", Pick(folders, y >> 8), Pick(folders, y >> 16),
      int(Skewed(static_cast<uint32_t>(y), 5000)), Pick(endings, y >> 24));
  text += rest;
  const uint64_t kind = y >> 56;  // of 256 requests 16 were not modified, 8 not found
  if (kind < 16) {
    text += " 304 -\n";
  } else if (kind < 24) {
    text += " 404 209\n";
  } else {
    text += " 200 " + std::to_string((x >> 44) >> (y >> 40 & 15)) + "\n";
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: log_lines BYTES FILE\n");
    return 2;
  }
  const uint64_t limit = strtoull(argv[1], nullptr, 10);
  FILE* const file = fopen(argv[2], "wb");
  if (!file) {
    perror(argv[2]);
    return 1;
  }
  std::string line;
  uint64_t written = 0;
  for (uint64_t number = 0;; ++number) {
    line.clear();
    AppendLine(line, number);
    if (written + line.size() > limit) break;
    written += line.size();
    if (fwrite(line.data(), 1, line.size(), file) != line.size()) break;
  }
  if (fclose(file) != 0) {
    perror(argv[2]);
    return 1;
  }
  return 0;
}
