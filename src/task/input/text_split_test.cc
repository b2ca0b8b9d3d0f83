#include "task/input/text_split.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace minke {
namespace {

using Split = size_t (*)(const char*, size_t, minke_bytes*, size_t, size_t*);

// What the contract says, a byte at a time.
std::vector<std::string> WordsOf(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : text) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) {
      if (!word.empty()) words.push_back(word);
      word.clear();
    } else {
      word += c;
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    std::string line = text.substr(at, end == std::string::npos ? end : end - at);
    if (end != std::string::npos && line.ends_with('\r')) line.pop_back();
    lines.push_back(line);
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return lines;
}

// Calls until all is consumed. Behind the text lie bytes of words, which must not be taken for
// data.
std::vector<std::string> SplitAll(Split split, const std::string& text, size_t capacity) {
  const std::string padded = text + std::string(64, 'x');
  std::vector<minke_bytes> views(capacity);
  std::vector<std::string> all;
  for (size_t at = 0; at < text.size();) {
    size_t consumed = 0;
    const size_t n = split(padded.data() + at, text.size() - at, views.data(), capacity, &consumed);
    EXPECT_LE(n, capacity);
    EXPECT_GT(consumed, 0u);
    EXPECT_LE(consumed, text.size() - at);
    for (size_t i = 0; i < n; ++i) all.emplace_back(views[i].data, views[i].size);
    at += consumed;
    if (n > capacity || consumed == 0 || at > text.size()) break;
  }
  return all;
}

std::string RandomText(std::mt19937& random, size_t size, std::string_view alphabet) {
  std::string text(size, ' ');
  for (char& c : text) c = alphabet[random() % alphabet.size()];
  return text;
}

std::vector<Processor> RunnableHere() {
  std::vector<Processor> processors = {Processor::kX86V2};
  if (ThisProcessor() == Processor::kX86V3) processors.push_back(Processor::kX86V3);
  return processors;
}

class TextSplitTest : public testing::TestWithParam<Processor> {
 protected:
  TextSplit split_ = TextSplitFor(GetParam());
};

TEST_P(TextSplitTest, SplitsAtEachOfTheSixWhiteSpaceBytesAndAtNoOther) {
  for (int c = 0; c < 256; ++c) {
    const std::string text = std::string("ab") + static_cast<char>(c) + "cd";
    EXPECT_EQ(SplitAll(split_.split_words, text, 64), WordsOf(text)) << "byte " << c;
  }
}

TEST_P(TextSplitTest, AgreesWithTheSimpleSplitterOnRandomText) {
  std::mt19937 random(20240501);
  for (const std::string_view alphabet :
       {std::string_view("a "), std::string_view("abcdefgh "), std::string_view("a\n\r"),
        std::string_view("abcdefghijklmnopqrstuvwxyz\xc3\xa9\x80\xff\0 \t\r\n\v\f", 36)}) {
    for (int round = 0; round < 300; ++round) {
      const std::string text = RandomText(random, random() % 700, alphabet);
      for (const size_t capacity : {1u, 2u, 7u, 43u, 44u, 45u, 100u, 512u}) {
        ASSERT_EQ(SplitAll(split_.split_words, text, capacity), WordsOf(text));
        ASSERT_EQ(SplitAll(split_.split_lines, text, capacity), LinesOf(text));
      }
    }
  }
}

TEST_P(TextSplitTest, FindsWordsOfEveryLengthAtEveryPlaceOfABlock) {
  for (size_t before = 0; before < 70; ++before) {
    for (const size_t length : {1u, 2u, 62u, 63u, 64u, 65u, 127u, 128u, 129u, 1000u}) {
      const std::string text = std::string(before, ' ') + std::string(length, 'w') + " z";
      ASSERT_EQ(SplitAll(split_.split_words, text, 50), WordsOf(text)) << before << " " << length;
      const std::string open = std::string(before, ' ') + std::string(length, 'w');
      ASSERT_EQ(SplitAll(split_.split_words, open, 50), WordsOf(open)) << before << " " << length;
    }
  }
}

TEST_P(TextSplitTest, GivesNothingForNothingAndForWhiteSpaceAlone) {
  EXPECT_TRUE(SplitAll(split_.split_words, "", 10).empty());
  EXPECT_TRUE(SplitAll(split_.split_words, " \t\n\v\f\r", 10).empty());
  EXPECT_TRUE(SplitAll(split_.split_lines, "", 10).empty());
}

TEST_P(TextSplitTest, DropsOneCarriageReturnBeforeALineEndOnly) {
  const std::vector<std::string> want = {"a", "b\r", "", "\rc", "d\r"};
  EXPECT_EQ(SplitAll(split_.split_lines, "a\r\nb\r\r\n\r\n\rc\nd\r", 10), want);
}

TEST_P(TextSplitTest, CountsLineEnds) {
  std::mt19937 random(7);
  for (const size_t size : {0u, 1u, 63u, 64u, 65u, 16319u, 16320u, 16321u, 40000u}) {
    for (const std::string_view alphabet : {"\n", "\nabc", "abc"}) {
      const std::string text = RandomText(random, size, alphabet);
      const std::string padded = text + std::string(64, '\n');
      EXPECT_EQ(split_.count_line_ends(padded.data(), size),
                static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n')));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, TextSplitTest, testing::ValuesIn(RunnableHere()));

}  // namespace
}  // namespace minke
