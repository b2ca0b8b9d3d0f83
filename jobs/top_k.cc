// The keys with the largest sums. A line is key TAB number; lines that are not so are counted in
// the counter "malformed lines". Numbers are whole, or, with number=float, any decimal ones.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

#include <minke/job.h>

namespace {

template <class Number>
class Numbers {
 public:
  void Begin(minke::Task& task) { malformed_ = task.counter("malformed lines"); }

  void operator()(const minke::Line& line, minke::Emit<std::string_view, Number>& emit) {
    const size_t tab = line.find('\t');
    if (tab == line.npos) return malformed_.Add(1);
    const char* end = line.data() + line.size();
    Number number{};
    const auto parsed = std::from_chars(line.data() + tab + 1, end, number);
    if (parsed.ec != std::errc() || parsed.ptr != end ||
        !std::isfinite(static_cast<double>(number))) {
      return malformed_.Add(1);
    }
    emit(line.substr(0, tab), number);
  }

 private:
  minke::Counter malformed_;
};

// Sees every key with its sum, as there is one partition, and emits the best when all are seen.
template <class Number>
class Best {
 public:
  using Lines = minke::Emit<std::string_view, Number>;

  explicit Best(size_t k) : k_(k) {}

  void operator()(std::string_view key, minke::Values<Number>& sums, Lines&) {
    const Number sum = sums.Only();
    // Keys come in order, so an equal sum loses against those that are here.
    if (best_.size() == k_ && !(sum > best_.front().first)) return;
    best_.emplace_back(sum, key);
    std::push_heap(best_.begin(), best_.end(), Before);
    if (best_.size() <= k_) return;
    std::pop_heap(best_.begin(), best_.end(), Before);
    best_.pop_back();
  }

  void End(Lines& emit) {
    std::sort(best_.begin(), best_.end(), Before);
    for (const auto& [sum, key] : best_) emit(key, sum);
  }

 private:
  using Summed = std::pair<Number, std::string>;
  static bool Before(const Summed& a, const Summed& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  }

  size_t k_;
  std::vector<Summed> best_;  // a heap with the worst at its front
};

template <class Number>
minke::Job TopKOf(size_t k) {
  return minke::Map(Numbers<Number>())
      .Aggregate(minke::Sum())
      .Reduce(Best<Number>(k))
      .Partitions(1);
}

minke::Job TopK(const minke::Arguments& arguments) {
  const auto k = static_cast<size_t>(arguments.Integer("k", 1, 100'000'000));
  const std::string& number = arguments.String("number");
  if (number == "integer") return TopKOf<int64_t>(k);
  if (number == "float") return TopKOf<double>(k);
  throw std::invalid_argument("the argument 'number' is '" + number +
                              "' but must be integer or float");
}

MINKE_JOB("top-k", TopK,
          {.summary = "the keys with the largest sums",
           .input = "key TAB number",
           .output = "key TAB sum, by falling sum, then key",
           .arguments = {{.name = "k",
                          .type = minke::ArgumentType::kInteger,
                          .default_value = "10",
                          .help = "how many keys, 1 to 100,000,000"},
                         {.name = "number",
                          .default_value = "integer",
                          .help = "integer (64 bits) or float"}},
           .example = "minke run top-k --arg k=20 scores.tsv -o out/"});

}  // namespace
