// For each word the documents that hold it. A document is a file, named as the user gave its path.
#include "list_per_key.h"

static minke::Job InvertedIndex(const minke::Arguments&) {
  return minke::Map([](const minke::Text& text, minke::Emit<KeyAndItem>& emit) {
           for (std::string_view word : text.words()) emit({word, text.path()});
         })
      .Aggregate(minke::Count())
      .Reduce(ListPerKey())
      .PartitionBy(minke::ByFirstField());
}

MINKE_JOB("inverted-index", InvertedIndex,
          {.summary = "for each word the files that hold it",
           .input = "text; each file is a document",
           .output = "word TAB paths, sorted, each once, separated by spaces",
           .example = "minke run inverted-index books/ -o out/"});
