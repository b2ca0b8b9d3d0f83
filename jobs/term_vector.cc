// The most frequent words of each host. A line is a URL, a TAB, and the text of the page.
//
// The host is what stands behind "://" (or at the start, without one) up to the next '/', '?', '#'
// or
// ':', without "user@". Lines without a TAB are counted in the counter "malformed lines".
#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <minke/job.h>

namespace {

using HostAndWord = std::tuple<std::string_view, std::string_view>;

std::string_view HostOf(std::string_view url) {
  if (const size_t scheme = url.find("://"); scheme != url.npos) url.remove_prefix(scheme + 3);
  url = url.substr(0, url.find_first_of("/?#"));
  if (const size_t user = url.rfind('@'); user != url.npos) url.remove_prefix(user + 1);
  return url.substr(0, url.find(':'));
}

class Words {
 public:
  void Begin(minke::Task& task) { malformed_ = task.counter("malformed lines"); }

  void operator()(const minke::Line& line, minke::Emit<HostAndWord>& emit) {
    const size_t tab = line.find('\t');
    if (tab == line.npos) return malformed_.Add(1);
    const std::string_view host = HostOf(line.substr(0, tab));
    for (std::string_view word : line.words(tab + 1)) emit({host, word});
  }

 private:
  minke::Counter malformed_;
};

// Keeps the best words of the host at hand: (host, word) comes in order, so a host is whole when
// the next one begins.
class TopWords {
 public:
  using Lines = minke::Emit<std::string_view, std::string_view>;

  explicit TopWords(size_t top) : top_(top) {}

  void operator()(const HostAndWord& key, minke::Values<uint64_t>& counts, Lines& emit) {
    const auto& [host, word] = key;
    if (best_.empty() || host != host_) {
      End(emit);
      best_.clear();
      host_.assign(host);
    }
    const uint64_t count = counts.Only();
    if (best_.size() == top_ && !Before({count, std::string(word)}, best_.front())) return;
    best_.emplace_back(count, word);
    std::push_heap(best_.begin(), best_.end(), Before);
    if (best_.size() <= top_) return;
    std::pop_heap(best_.begin(), best_.end(), Before);
    best_.pop_back();
  }

  void End(Lines& emit) {
    if (best_.empty()) return;
    std::sort(best_.begin(), best_.end(), Before);
    std::string line;
    for (const auto& [count, word] : best_) {
      if (!line.empty()) line += ' ';
      line.append(word).append(1, ':').append(std::to_string(count));
    }
    emit(host_, line);
  }

 private:
  using Counted = std::pair<uint64_t, std::string>;

  // Higher counts first, then words in byte order; the worst is at the front of the heap.
  static bool Before(const Counted& a, const Counted& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  }

  size_t top_;
  std::string host_;
  std::vector<Counted> best_;
};

minke::Job TermVector(const minke::Arguments& arguments) {
  const auto top = static_cast<size_t>(arguments.Integer("top", 1, 1'000'000));
  return minke::Map(Words())
      .Aggregate(minke::Count())
      .Reduce(TopWords(top))
      .PartitionBy(minke::ByFirstField());
}

MINKE_JOB("term-vector", TermVector,
          {.summary = "the most frequent words of each host",
           .input = "url TAB text",
           .output = "host TAB word:count word:count …, by falling count, then word",
           .arguments = {{.name = "top",
                          .type = minke::ArgumentType::kInteger,
                          .default_value = "10",
                          .help = "how many words per host, 1 to 1,000,000"}},
           .example = "minke run term-vector --arg top=5 pages.tsv -o out/"});

}  // namespace
