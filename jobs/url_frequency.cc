// How often each target was requested, from access logs in the Common or Combined Log Format:
//
//   host ident user [time] "method target protocol" status bytes ["referer" "agent" …]
//
// Fields are separated by single spaces; host, ident and user hold none. The request holds a method
// and a target, and, but for HTTP/0.9, a protocol; inside it a backslash takes the next byte with
// it. The status is three digits, bytes are digits or a dash. What is not so is counted in the
// counter "malformed lines", and otherwise passed over.
#include <algorithm>

#include <minke/job.h>

namespace {

// Reads a line from the front; each function says whether it found what it wants.
class LogLine {
 public:
  explicit LogLine(std::string_view line) : rest_(line) {}

  // The request target; empty where the line is malformed.
  std::string_view Target() {
    std::string_view host, ident, user, request;
    const bool is_good = Field(host) && Field(ident) && Field(user) && Time() && Request(request) &&
                         Status() && Size();
    return is_good ? TargetOf(request) : std::string_view();
  }

 private:
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  bool Skip(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }

  bool Field(std::string_view& field) {
    const size_t end = rest_.find(' ');
    if (end == rest_.npos || end == 0) return false;
    field = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return true;
  }

  bool Time() {
    const size_t end = rest_.find(']');
    if (!rest_.starts_with('[') || end == rest_.npos) return false;
    rest_.remove_prefix(end + 1);
    return Skip(" ");
  }

  bool Request(std::string_view& request) {
    if (!Skip("\"")) return false;
    size_t end = 0;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
    if (end >= rest_.size()) return false;
    request = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return Skip(" ");
  }

  bool Status() {
    const bool is_status =
        rest_.size() >= 3 && std::all_of(rest_.begin(), rest_.begin() + 3, IsDigit);
    if (!is_status) return false;
    rest_.remove_prefix(3);
    return Skip(" ");
  }

  bool Size() {
    const std::string_view size = rest_.substr(0, rest_.find(' '));
    return size == "-" || (!size.empty() && std::all_of(size.begin(), size.end(), IsDigit));
  }

  static std::string_view TargetOf(std::string_view request) {
    const size_t method = request.find(' ');
    if (method == request.npos || method == 0) return {};
    const std::string_view target = request.substr(method + 1);
    const size_t end = target.find(' ');
    if (end == target.npos) return target;
    const std::string_view protocol = target.substr(end + 1);
    const bool is_one = !protocol.empty() && protocol.find(' ') == protocol.npos;
    return is_one ? target.substr(0, end) : std::string_view();
  }

  std::string_view rest_;
};

class Targets {
 public:
  void Begin(minke::Task& task) { malformed_ = task.counter("malformed lines"); }

  void operator()(const minke::Line& line, minke::Emit<std::string_view>& emit) {
    const std::string_view target = LogLine(line).Target();
    if (target.empty()) return malformed_.Add(1);
    emit(target);
  }

 private:
  minke::Counter malformed_;
};

minke::Job UrlFrequency(const minke::Arguments&) {
  return minke::Map(Targets()).Aggregate(minke::Count());
}

MINKE_JOB("url-frequency", UrlFrequency,
          {.summary = "how often each request target occurs in access logs",
           .input = "lines in the Common or Combined Log Format",
           .output = "target TAB count, by target",
           .example = "minke run url-frequency /var/log/nginx/access.log -o out/"});

}  // namespace
