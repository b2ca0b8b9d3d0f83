// Sorts lines, or records of a fixed length, into one total order: parts by range, each sorted.
// Ties keep the order of the input.
#include <minke/job.h>

namespace {

using Pair = minke::Emit<std::string_view, std::string_view>;

// The field of that number, from 1; words as in text.words(). Empty if there are fewer.
std::string_view FieldOf(const minke::Line& line, int64_t field) {
  for (std::string_view word : line.words()) {
    if (--field == 0) return word;
  }
  return {};
}

minke::Job SortLines() {
  return minke::Map(
             [](const minke::Line& line, minke::Emit<std::string_view>& emit) { emit(line); })
      .SortByKey()
      .PartitionBy(minke::ByRange());
}

minke::Job SortByField(int64_t field) {
  return minke::Map(
             [field](const minke::Line& line, Pair& emit) { emit(FieldOf(line, field), line); })
      .Reduce([](std::string_view, minke::Values<std::string_view>& lines,
                 minke::Emit<std::string_view>& emit) {
        for (std::string_view line : lines) emit(line);
      })
      .PartitionBy(minke::ByRange());
}

minke::Job SortRecords(int64_t record_bytes, int64_t key_bytes) {
  return minke::Map([](const minke::FixedRecord& record, Pair& emit) {
           emit(record.key(), record.bytes());
         })
      .SortByKey()
      .RawOutput()
      .FixedRecords(static_cast<size_t>(record_bytes), static_cast<size_t>(key_bytes))
      .PartitionBy(minke::ByRange());
}

minke::Job Sort(const minke::Arguments& arguments) {
  const int64_t field = arguments.Integer("field", 0, INT32_MAX);
  const bool has_records = arguments.Has("record-bytes");
  if (has_records != arguments.Has("key-bytes") || (has_records && field != 0)) {
    throw std::invalid_argument(
        "give --arg field=N to sort lines, or both --arg record-bytes=N and --arg key-bytes=N to "
        "sort records");
  }
  if (has_records) {
    const int64_t record_bytes = arguments.Integer("record-bytes", 1, 256 << 20);
    return SortRecords(record_bytes, arguments.Integer("key-bytes", 1, record_bytes));
  }
  return field == 0 ? SortLines() : SortByField(field);
}

MINKE_JOB("sort", Sort,
          {.summary = "sorts lines or fixed-length records",
           .input = "lines, or records of record-bytes bytes",
           .output = "the line or record, in byte order of its key, ties in input order",
           .arguments = {{.name = "field",
                          .type = minke::ArgumentType::kInteger,
                          .default_value = "0",
                          .help = "sort lines by this field, from 1, fields being separated by "
                                  "white space; 0: by the whole line"},
                         {.name = "record-bytes",
                          .type = minke::ArgumentType::kInteger,
                          .help = "length of a record"},
                         {.name = "key-bytes",
                          .type = minke::ArgumentType::kInteger,
                          .help = "how many bytes at a record's start are its key"}},
           .example = "minke run sort --arg field=2 names.txt -o out/"});

}  // namespace
