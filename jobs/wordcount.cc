// Counts words: runs of bytes other than space \t \n \v \f \r.
#include <minke/job.h>

static minke::Job WordCount(const minke::Arguments&) {
  return minke::Map([](const minke::Text& text, minke::Emit<std::string_view>& emit) {
           for (std::string_view word : text.words()) emit(word);
         })
      .Aggregate(minke::Count());
}

MINKE_JOB("wordcount", WordCount,
          {.summary = "counts how often each word occurs",
           .input = "text",
           .output = "word TAB count, by word",
           .example = "minke run wordcount books/ -o out/"});
