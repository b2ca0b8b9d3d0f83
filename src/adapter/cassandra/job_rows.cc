#include "adapter/cassandra/job_rows.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>

#include "adapter/cassandra/key_text.h"

namespace minke {
namespace {

constexpr char kGet[] =
    "SELECT incarnation, spec_hash, state, exit_code FROM @.jobs WHERE name = ?";
constexpr char kAdd[] =
    "INSERT INTO @.jobs (incarnation, spec_hash, state, exit_code, name) "
    "VALUES (?, ?, ?, ?, ?) IF NOT EXISTS";
constexpr char kSet[] =
    "UPDATE @.jobs SET incarnation = ?, spec_hash = ?, state = ?, exit_code = ? WHERE name = ? "
    "IF incarnation = ? AND spec_hash = ? AND state = ? AND exit_code = ?";
constexpr char kList[] = "SELECT name FROM @.jobs";

constexpr int32_t kListPageRows = 1000;

void Add(CqlValues& values, const std::string& incarnation, const JobRow& row) {
  values.Text(incarnation).Int64(row.spec_hash).Int32(static_cast<uint32_t>(row.state));
  values.Int32(static_cast<uint32_t>(row.exit_code));
}

std::optional<Incarnation> IncarnationOf(Bytes hex) {
  Incarnation incarnation;
  const char* const end = hex.data() + hex.size();
  const auto read = std::from_chars(hex.data(), end, incarnation.bits, 16);
  if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  return incarnation;
}

}  // namespace

Result<std::optional<JobRow>> JobRows::Get(const std::string& name) {
  const auto statement = MINKE_TRY(connection_->Statement(kGet, Consistency::kSerial));
  const std::string key = KeyTextOf(name);
  CqlValues values;
  values.Text(key);
  const CqlResult rows = MINKE_TRY(connection_->dispatcher().Execute(statement->Bind(values)));
  if (rows.rows() == 0) return std::optional<JobRow>();
  const auto incarnation = IncarnationOf(rows.bytes(0, 0));
  const int32_t state = rows.int32(0, 2);
  if (!incarnation || state < 0 || state > static_cast<int32_t>(JobState::kFinished)) {
    return Error{ErrorCode::kCorruption, fmt::format("the row of job {} in {}.jobs is not one that "
                                                     "minke has written",
                                                     name, connection_->keyspace())};
  }
  return std::optional<JobRow>({*incarnation, static_cast<uint64_t>(rows.int64(0, 1)),
                                static_cast<JobState>(state), rows.int32(0, 3)});
}

Result<bool> JobRows::TrySet(const std::string& name, const std::optional<JobRow>& expected,
                             const JobRow& desired) {
  const auto statement = MINKE_TRY(connection_->Statement(expected ? kSet : kAdd));
  const std::string key = KeyTextOf(name);
  const std::string to = desired.incarnation.Hex();
  const std::string from = expected ? expected->incarnation.Hex() : "";
  CqlValues values;
  Add(values, to, desired);
  values.Text(key);
  if (expected) Add(values, from, *expected);
  const CqlResult rows = MINKE_TRY(connection_->dispatcher().ExecuteOnce(statement->Bind(values)));
  return rows.rows() == 1 && rows.is_true(0, 0);
}

Result<JobRow> JobRows::CompareAndSet(const std::string& name,
                                      const std::optional<JobRow>& expected,
                                      const JobRow& desired) {
  JobRow stands;
  MINKE_TRY_STATUS(connection_->dispatcher().Repeat([&]() -> Status {
    const auto set = TrySet(name, expected, desired);
    if (set && *set) {
      stands = desired;
      return {};
    }
    if (!set && set.error().code != ErrorCode::kUnavailable) return set.error();
    const std::optional<JobRow> row = MINKE_TRY(Get(name));
    stands = row.value_or(JobRow{});
    // Of unknown outcome and not set: it may still be on its way. To set it again settles that.
    if (!set && row == expected && stands != desired) return set.error();
    return {};
  }));
  return stands;
}

Result<std::vector<std::string>> JobRows::List() {
  const auto statement = MINKE_TRY(connection_->Statement(kList));
  Dispatcher& dispatcher = connection_->dispatcher();
  std::vector<std::string> names;
  std::string page;
  do {
    const CqlResult rows = MINKE_TRY(dispatcher.Execute(statement->Bind({}, kListPageRows), page));
    for (size_t row = 0; row < rows.rows(); ++row) {
      names.push_back(NameOfKeyText(rows.bytes(row, 0)));
    }
    page = rows.next_page();
  } while (!page.empty());
  std::ranges::sort(names);
  return names;
}

}  // namespace minke
