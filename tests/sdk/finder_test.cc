#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include <minke/finder.h>

namespace minke {
namespace {

// Text with exactly the readable bytes behind it that a Finder may read, filled to tempt it.
class Text {
 public:
  Text(std::string_view text, char behind) : size_(text.size()), bytes_(new char[size_ + 64]) {
    std::copy(text.begin(), text.end(), bytes_.get());
    std::fill_n(bytes_.get() + size_, 64, behind);
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

TEST(Finder, FindsWhatStringViewFinds) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text(random() % 200, ' ');
    for (char& c : text) c = "abX"[random() % 3];
    std::string needle(1 + random() % 5, ' ');
    for (char& c : needle) c = "abX"[random() % 3];
    const Text copy(text, needle[0]);
    const size_t from = random() % (text.size() + 2);
    const size_t expected = from > text.size() ? Finder::kNone : text.find(needle, from);
    for (const bool avx2 : {true, false}) {
      EXPECT_EQ(Finder(needle, avx2).Find(copy.view(), from), expected) << text << " / " << needle;
    }
  }
}

TEST(Finder, FindsAtEveryPlaceAndNothingBehindTheEnd) {
  const std::string needle = "EXPORT_SYMBOL";
  for (size_t at = 0; at < 150; ++at) {
    const Text text(std::string(at, 'E') + needle, 'L');
    EXPECT_EQ(Finder(needle).Find(text.view()), at);
    EXPECT_EQ(Finder(needle).Find(text.view().substr(0, at + needle.size() - 1)), Finder::kNone);
  }
}

TEST(Finder, NeedlesMayHoldAnyByteAndBeLongerThanTheText) {
  const std::string needle("\0\xff\0", 3);
  const Text text(std::string("ab\0\0\xff\0", 6), '\0');
  EXPECT_EQ(Finder(needle).Find(text.view()), 3U);
  EXPECT_EQ(Finder(std::string(100, 'a')).Find(text.view()), Finder::kNone);
  EXPECT_EQ(Finder("a").Find(Text("", 'a').view()), Finder::kNone);
}

TEST(Finder, AnEmptyNeedleIsRefused) { EXPECT_THROW(Finder(""), std::invalid_argument); }

}  // namespace
}  // namespace minke
