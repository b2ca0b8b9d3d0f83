// Counts the words that begin with each three bytes, or fewer if the word is shorter.
#include <minke/job.h>

static minke::Job Prefixes(const minke::Arguments&) {
  return minke::Map([](const minke::Text& text, minke::Emit<std::string_view>& emit) {
           for (std::string_view word : text.words()) emit(word.substr(0, 3));
         })
      .Aggregate(minke::Count());
}

MINKE_JOB("prefixes", Prefixes,
          {.summary = "counts the words that begin with each three bytes",
           .input = "text",
           .output = "prefix TAB count, by prefix",
           .example = "minke run ./prefixes.so books/ -o out/"});
