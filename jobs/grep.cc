// The lines that hold a string or match a regular expression, in input order.
//
// Both look through a whole batch at a time, and find the line around a hit afterwards. A pattern
// that could tell a batch from a line (\A, \z, or the flag m) is matched line
// by line, and so is text with CR LF line ends, whose $ stands before the CR.
#include <memory>
#include <re2/re2.h>

#include <minke/finder.h>
#include <minke/job.h>

namespace {

using Lines = minke::Emit<std::string_view>;

// The line of `text` in which `at` lies: [begin, end), and where the next begins.
struct LineSpan {
  LineSpan(std::string_view text, size_t at) {
    const size_t before = at == 0 ? text.npos : text.rfind('\n', at - 1);
    begin = before == text.npos ? 0 : before + 1;
    const size_t feed = text.find('\n', at);
    next = feed == text.npos ? text.size() : feed + 1;
    end = feed == text.npos ? text.size() : feed;
    if (feed != text.npos && end > begin && text[end - 1] == '\r') --end;
  }
  size_t begin, end, next;
};

class FixedGrep {
 public:
  explicit FixedGrep(std::string_view wanted) : finder_(wanted) {}

  void operator()(const minke::Text& batch, Lines& emit) const {
    const std::string_view text = batch.data();
    for (size_t at = finder_.Find(text); at != finder_.kNone;) {
      const LineSpan line(text, at);
      const bool inside = at + finder_.needle().size() <= line.end;  // not in the CR of the end
      if (inside) emit(text.substr(line.begin, line.end - line.begin));
      at = finder_.Find(text, inside ? line.next : at + 1);
    }
  }

 private:
  minke::Finder finder_;
};

class PatternGrep {
 public:
  explicit PatternGrep(const std::string& pattern) : whole_batches_(MeansLines(pattern)) {
    RE2::Options options;
    options.set_never_nl(true);  // a match never reaches beyond its line
    options.set_log_errors(false);
    // A pattern that is wrong by itself must not become right inside our parentheses.
    const RE2 alone(pattern, options);
    if (!alone.ok()) {
      throw std::invalid_argument("the argument 'pattern' is not a regular expression of RE2: " +
                                  alone.error());
    }
    pattern_ = std::make_shared<RE2>(whole_batches_ ? "(?m:" + pattern + ")" : pattern, options);
  }

  void operator()(const minke::Text& batch, Lines& emit) const {
    const std::string_view text = batch.data();
    if (whole_batches_ && text.find('\r') == text.npos) return InBatch(text, emit);
    for (const std::string_view line : batch.lines()) {
      if (RE2::PartialMatch(re2::StringPiece(line.data(), line.size()), *pattern_)) emit(line);
    }
  }

 private:
  // Whether ^ and $ with the flag m mean the same in a batch as they mean in a line alone.
  static bool MeansLines(const std::string& pattern) {
    for (const char* anchor : {"\\A", "\\z", "\\C"}) {
      if (pattern.find(anchor) != pattern.npos) return false;
    }
    for (size_t at = 0; (at = pattern.find("(?", at)) != pattern.npos; at += 2) {
      const size_t end = pattern.find_first_not_of("isU", at + 2);
      const char next = end == pattern.npos ? '\0' : pattern[end];
      if (next != ':' && next != ')' && next != 'P' && next != '<') return false;
    }
    return true;
  }

  void InBatch(std::string_view text, Lines& emit) const {
    const re2::StringPiece all(text.data(), text.size());
    re2::StringPiece match;
    for (size_t at = 0; at < text.size();) {
      if (!pattern_->Match(all, at, text.size(), RE2::UNANCHORED, &match, 1)) return;
      const auto found = static_cast<size_t>(match.data() - text.data());
      if (found == text.size() && text.back() == '\n') return;  // behind the last line
      const LineSpan line(text, found);
      emit(text.substr(line.begin, line.end - line.begin));
      at = line.next;
    }
  }

  bool whole_batches_;
  std::shared_ptr<const RE2> pattern_;  // one for all attempts: RE2 may be shared by threads
};

minke::Job Grep(const minke::Arguments& arguments) {
  if (arguments.Has("fixed") == arguments.Has("pattern")) {
    throw std::invalid_argument("give either --arg pattern=REGEX or --arg fixed=STRING");
  }
  if (arguments.Has("pattern")) {
    return minke::Map(PatternGrep(arguments.String("pattern"))).MapOnly();
  }
  const std::string& wanted = arguments.String("fixed");
  if (wanted.empty() || wanted.find('\n') != wanted.npos) {
    throw std::invalid_argument("the argument 'fixed' must be a string without line ends");
  }
  return minke::Map(FixedGrep(wanted)).MapOnly();
}

MINKE_JOB("grep", Grep,
          {.summary = "the lines that match a regular expression, or hold a string",
           .input = "text",
           .output = "the line, in input order",
           .arguments = {{.name = "pattern", .help = "regular expression in the syntax of RE2"},
                         {.name = "fixed", .help = "string to be found as it is"}},
           .example = "minke run grep --arg fixed=ERROR logs/ -o out/"});

}  // namespace
