// Jobs of table_run_test, over the rows of a table as lines of JSON.
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>

#include <nlohmann/json.hpp>

#include <minke/job.h>

namespace {

using Key = std::tuple<std::string_view, int64_t>;

// (zone, day) → the sum of amounts, and how many.
minke::Job SumByDay(const minke::Arguments&) {
  return minke::Map([](const minke::Line& line, minke::Emit<Key, double>& emit) {
           const auto row = nlohmann::json::parse(line);
           emit({row["zone"].get_ref<const std::string&>(), row["day"].get<int64_t>()},
                row["amount"].get<double>());
         })
      .Aggregate(minke::Sum());
}

// Every row again, under another day, as an object of columns.
minke::Job NextDay(const minke::Arguments&) {
  return minke::Map([](const minke::Line& line, minke::Emit<std::string_view>& emit) {
           auto row = nlohmann::json::parse(line);
           row["day"] = row["day"].get<int64_t>() + 1000;
           emit(row.dump());
         })
      .MapOnly();
}

// The same over records of (zone, day, amount).
minke::Job SumRecords(const minke::Arguments&) {
  return minke::Map([](const minke::Record<Key, double>& record, minke::Emit<Key, double>& emit) {
           emit(record.key(), record.value());
         })
      .Aggregate(minke::Sum());
}

// Rows of (Of, at, body, tiny), null or not, as a line each.
minke::Job ShowRecords(const minke::Arguments&) {
  using In = minke::Record<std::tuple<std::string_view, int64_t>,
                           std::tuple<std::string_view, std::string_view>>;
  return minke::Map([](const In& record, minke::Emit<std::string_view>& emit) {
           const auto& [of, at] = record.key();
           const auto& [body, tiny] = record.value();
           std::string line(of);
           for (const int64_t number : {at, static_cast<int64_t>(body.size())}) {
             line.append(" ").append(std::to_string(number));
           }
           line.append(" ").append(tiny);
           emit(line);
         })
      .MapOnly();
}

MINKE_JOB("sum-by-day", SumByDay, {.summary = "sums amounts", .output = "zone, day TAB sum"});
MINKE_JOB("sum-records", SumRecords, {.summary = "sums amounts", .output = "zone, day TAB sum"});
MINKE_JOB("show-records", ShowRecords, {.summary = "shows rows", .output = "a row"});
MINKE_JOB("next-day", NextDay, {.summary = "moves rows", .output = "a row"});

}  // namespace
