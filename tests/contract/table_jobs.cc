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

MINKE_JOB("sum-by-day", SumByDay, {.summary = "sums amounts", .output = "zone, day TAB sum"});
MINKE_JOB("next-day", NextDay, {.summary = "moves rows", .output = "a row"});

}  // namespace
