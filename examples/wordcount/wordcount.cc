// Counts words that it cuts itself, byte by byte, as a job with its own idea of a word would. (For
// words between white space, `for (std::string_view word : text.words())` is shorter and faster.)
#include <minke/job.h>

static bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static minke::Job WordCount(const minke::Arguments&) {
  return minke::Map([](const minke::Text& text, minke::Emit<std::string_view>& emit) {
           const char* at = text.data().data();
           const char* const end = at + text.data().size();
           while (at != end) {
             while (at != end && IsSpace(*at)) ++at;
             const char* const word = at;
             while (at != end && !IsSpace(*at)) ++at;
             if (at != word) emit({word, static_cast<size_t>(at - word)});
           }
         })
      .Aggregate(minke::Count());
}

MINKE_JOB("wordcount", WordCount,
          {.summary = "counts words",
           .input = "text",
           .output = "word TAB count, by word",
           .example = "minke run ./wordcount.so books/ -o out/"});
