#include "task/table/cql_time.h"

#include <chrono>
#include <fmt/format.h>

namespace minke {
namespace {

constexpr int64_t kSecondNs = 1'000'000'000;
constexpr int64_t kDayNs = 86'400 * kSecondNs;
constexpr int64_t kMsNs = 1'000'000;
constexpr int64_t kDayMs = kDayNs / kMsNs;

// Reads a text front to back.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : left_(text) {}

  bool is_at_end() const { return left_.empty(); }
  bool Take(char c) {
    if (!left_.starts_with(c)) return false;
    left_.remove_prefix(1);
    return true;
  }
  // Just so many digits, and no more than `max`.
  bool Digits(int count, int64_t max, int64_t* number) {
    *number = 0;
    for (int i = 0; i < count; ++i) {
      if (left_.empty() || left_.front() < '0' || left_.front() > '9') return false;
      *number = *number * 10 + (left_.front() - '0');
      left_.remove_prefix(1);
    }
    return *number <= max;
  }
  // One to nine digits, as billionths.
  bool Fraction(int64_t* billionths) {
    *billionths = 0;
    int64_t unit = kSecondNs;
    int64_t digit = 0;
    while (unit > 1 && Digits(1, 9, &digit)) {
      unit /= 10;
      *billionths += digit * unit;
    }
    return unit < kSecondNs;
  }

 private:
  std::string_view left_;
};

bool TakeDate(Scanner& text, int64_t* days) {
  const bool is_before_christ = text.Take('-');
  int64_t year = 0;
  int64_t month = 0;
  int64_t day = 0;
  if (!text.Digits(4, 9999, &year) || !text.Take('-') || !text.Digits(2, 12, &month) ||
      !text.Take('-') || !text.Digits(2, 31, &day)) {
    return false;
  }
  const std::chrono::year_month_day date(
      std::chrono::year(static_cast<int>(is_before_christ ? -year : year)),
      std::chrono::month(static_cast<unsigned>(month)),
      std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return false;
  *days = std::chrono::sys_days(date).time_since_epoch().count();
  return true;
}

bool TakeTime(Scanner& text, int64_t* nanoseconds) {
  int64_t hour = 0;
  int64_t minute = 0;
  int64_t second = 0;
  int64_t fraction = 0;
  if (!text.Digits(2, 23, &hour) || !text.Take(':') || !text.Digits(2, 59, &minute)) return false;
  if (text.Take(':') && !text.Digits(2, 59, &second)) return false;
  if (text.Take('.') && !text.Fraction(&fraction)) return false;
  *nanoseconds = ((hour * 60 + minute) * 60 + second) * kSecondNs + fraction;
  return true;
}

// What to take off for UTC; nothing stands for UTC.
bool TakeZone(Scanner& text, int64_t* offset_ms) {
  *offset_ms = 0;
  if (text.is_at_end() || text.Take('Z')) return true;
  const bool is_west = text.Take('-');
  int64_t hour = 0;
  int64_t minute = 0;
  if ((!is_west && !text.Take('+')) || !text.Digits(2, 18, &hour)) return false;
  text.Take(':');
  if (!text.is_at_end() && !text.Digits(2, 59, &minute)) return false;
  *offset_ms = (hour * 60 + minute) * 60'000 * (is_west ? -1 : 1);
  return true;
}

}  // namespace

std::string DateText(int64_t days) {
  // By eras of 400 years (Hinnant, "chrono-Compatible Low-Level Date Algorithms"): the types of
  // std::chrono do not reach the years that CQL can hold.
  constexpr int64_t kEraDays = 146'097;
  const int64_t shifted = days + 719'468;  // since 0000-03-01
  const int64_t era = (shifted >= 0 ? shifted : shifted - kEraDays + 1) / kEraDays;
  const int64_t of_era = shifted - era * kEraDays;
  const int64_t year_of_era =
      (of_era - of_era / 1460 + of_era / 36'524 - of_era / (kEraDays - 1)) / 365;
  const int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * of_year + 2) / 153;
  const int64_t day = of_year - (153 * month_from_march + 2) / 5 + 1;
  const int64_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  const int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return fmt::format("{}{:04}-{:02}-{:02}", year < 0 ? "-" : "", year < 0 ? -year : year, month,
                     day);
}

std::string TimeText(int64_t nanoseconds) {
  const int64_t seconds = nanoseconds / kSecondNs;
  return fmt::format("{:02}:{:02}:{:02}.{:09}", seconds / 3600, seconds / 60 % 60, seconds % 60,
                     nanoseconds % kSecondNs);
}

std::string TimestampText(int64_t unix_ms) {
  const int64_t days = unix_ms / kDayMs - (unix_ms % kDayMs < 0 ? 1 : 0);
  const int64_t of_day = unix_ms - days * kDayMs;
  const std::string time = TimeText(of_day * kMsNs);
  return fmt::format("{} {}Z", DateText(days), time.substr(0, time.size() - 6));
}

std::optional<int64_t> DateOf(std::string_view text) {
  Scanner scanner(text);
  int64_t days = 0;
  if (!TakeDate(scanner, &days) || !scanner.is_at_end()) return std::nullopt;
  return days;
}

std::optional<int64_t> TimeOf(std::string_view text) {
  Scanner scanner(text);
  int64_t nanoseconds = 0;
  if (!TakeTime(scanner, &nanoseconds) || !scanner.is_at_end()) return std::nullopt;
  return nanoseconds;
}

std::optional<int64_t> TimestampOf(std::string_view text) {
  Scanner scanner(text);
  int64_t days = 0;
  int64_t nanoseconds = 0;
  int64_t offset_ms = 0;
  if (!TakeDate(scanner, &days)) return std::nullopt;
  if ((scanner.Take(' ') || scanner.Take('T')) && !TakeTime(scanner, &nanoseconds)) {
    return std::nullopt;
  }
  if (!TakeZone(scanner, &offset_ms) || !scanner.is_at_end()) return std::nullopt;
  return days * kDayMs + nanoseconds / kMsNs - offset_ms;
}

}  // namespace minke
