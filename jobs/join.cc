// The inner join of two inputs by key. Lines are key TAB value; a line without a TAB has an empty
// value.
//
// Output is ordered by key; within a key by left value, then right value, each in input order. So
// that left values stream, however many there are, a key's right values come first and are kept in
// memory: give the input with fewer values per key as right. `buffer` bounds what is kept.
#include <string>
#include <tuple>

#include <minke/job.h>

namespace {

enum Side : uint64_t { kRight, kLeft };  // in the order in which the reduce gets them

using KeyAndSide = std::tuple<std::string_view, uint64_t>;
using Lines = minke::Emit<std::string_view, std::string_view>;

class Join {
 public:
  explicit Join(int64_t buffer_mib) : buffer_mib_(buffer_mib) {}

  void operator()(const KeyAndSide& key_and_side, minke::Values<std::string_view>& values,
                  Lines& emit) {
    const auto& [key, side] = key_and_side;
    if (side == kRight) return Keep(key, values);
    if (ends_.empty() || key != key_) return;  // nothing on the right
    for (std::string_view left : values) {
      line_.assign(left).append(1, '\t');
      size_t begin = 0;
      for (const size_t end : ends_) {
        line_.resize(left.size() + 1);
        line_.append(rights_, begin, end - begin);
        emit(key, line_);
        begin = end;
      }
    }
  }

 private:
  void Keep(std::string_view key, minke::Values<std::string_view>& values) {
    key_.assign(key);
    rights_.clear();
    ends_.clear();
    const auto bytes_max = static_cast<size_t>(buffer_mib_) << 20;
    for (std::string_view right : values) {
      rights_.append(right);
      ends_.push_back(rights_.size());
      if (rights_.size() + ends_.size() * sizeof(size_t) > bytes_max) {
        throw std::runtime_error("the right values of the key '" + key_.substr(0, 200) +
                                 "' take more than " + std::to_string(buffer_mib_) +
                                 " MiB; swap left and right, or raise --arg buffer-mib");
      }
    }
  }

  int64_t buffer_mib_;
  std::string key_;
  std::string rights_;        // one behind the other
  std::vector<size_t> ends_;  // of each in rights_
  std::string line_;
};

minke::Job JoinJob(const minke::Arguments& arguments) {
  return minke::Map([](const minke::Line& line, minke::Emit<KeyAndSide, std::string_view>& emit) {
           const size_t tab = line.find('\t');
           const std::string_view value =
               tab == line.npos ? line.substr(line.size()) : line.substr(tab + 1);
           emit({line.substr(0, tab), line.tag() == "left" ? kLeft : kRight}, value);
         })
      .Reduce(Join(arguments.Integer("buffer-mib", 1, 1 << 20)))
      .Tags({"left", "right"})
      .PartitionBy(minke::ByFirstField());
}

MINKE_JOB("join", JoinJob,
          {.summary = "joins two inputs by key",
           .input = "left=PATH and right=PATH, both of lines key TAB value",
           .output = "key TAB left value TAB right value, by key, then in input order",
           .arguments = {{.name = "buffer-mib",
                          .type = minke::ArgumentType::kInteger,
                          .default_value = "256",
                          .help = "MiB that the right values of one key may take in memory"}},
           .example = "minke run join left=users.tsv right=orders.tsv -o out/"});

}  // namespace
