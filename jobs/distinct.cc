// The distinct lines of a text.
#include <minke/job.h>

static minke::Job Distinct(const minke::Arguments&) {
  return minke::Map(
             [](const minke::Line& line, minke::Emit<std::string_view>& emit) { emit(line); })
      .Aggregate(minke::Count())
      .Reduce([](std::string_view line, minke::Values<uint64_t>&,
                 minke::Emit<std::string_view>& emit) { emit(line); });
}

MINKE_JOB("distinct", Distinct,
          {.summary = "the distinct lines",
           .input = "text",
           .output = "the line, by line",
           .example = "minke run distinct names.txt -o out/"});
