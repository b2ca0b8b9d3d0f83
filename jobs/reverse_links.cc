// Turns links around: for each target the sources that link to it.
#include "list_per_key.h"

static minke::Job ReverseLinks(const minke::Arguments&) {
  return minke::Map([](const minke::Line& line, minke::Emit<KeyAndItem>& emit) {
           std::string_view source;
           for (std::string_view word : line.words()) {
             if (source.data() == nullptr)
               source = word;
             else
               emit({word, source});
           }
         })
      .Aggregate(minke::Count())
      .Reduce(ListPerKey())
      .PartitionBy(minke::ByFirstField());
}

MINKE_JOB("reverse-links", ReverseLinks,
          {.summary = "for each page the pages that link to it",
           .input = "source target target …, separated by white space",
           .output = "target TAB sources, sorted, each once, separated by spaces",
           .example = "minke run reverse-links links.txt -o out/"});
