#include "task/job/nearest.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace minke {
namespace {

// Levenshtein's distance, where a swap of two neighbours counts as one edit.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> edits(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        edits[i][j] = i + j;
        continue;
      }
      const size_t change = edits[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      edits[i][j] = std::min({edits[i - 1][j] + 1, edits[i][j - 1] + 1, change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
      }
    }
  }
  return edits[a.size()][b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view wanted, std::span<const std::string_view> names) {
  wanted = wanted.substr(0, 64);  // bounds the work
  std::vector<std::pair<size_t, std::string_view>> near;
  for (const std::string_view name : names) {
    const bool contains = wanted.size() >= 3 && (name.find(wanted) != std::string_view::npos ||
                                                 wanted.find(name) != std::string_view::npos);
    const size_t edits = contains ? 1 : Edits(wanted, name);
    if (edits <= 1 + std::max(wanted.size(), name.size()) / 4) near.emplace_back(edits, name);
  }
  std::sort(near.begin(), near.end());
  if (near.empty()) return {};
  std::string text = "; did you mean ";
  const size_t count = std::min<size_t>(near.size(), 3);
  for (size_t i = 0; i < count; ++i) {
    if (i > 0) text += i + 1 == count ? " or " : ", ";
    text += fmt::format("'{}'", near[i].second);
  }
  return text + "?";
}

}  // namespace minke
