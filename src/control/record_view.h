// A record of the journal, or a fact of the inbox, for people and for programs: its name and its
// fields, as docs/PROTOCOL.md names them. One line of text, and JSON, are made of the same view.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "control/job.h"

#include "proto/minke.pb.h"

namespace minke {

struct RecordView {
  using Value = std::variant<bool, int64_t, uint64_t, std::string>;
  std::string kind;                                   // "AttemptAssigned"
  std::vector<std::pair<std::string, Value>> fields;  // "attempt" = "0-1", "task" = "map-0" …
};

// `epoch` is that of the message that holds the record; `job`, with the record applied to it or
// not, names the tasks. Ids of 64 bits and checksums are 16 hexadecimal digits; what user code said
// may hold any bytes.
RecordView ViewOf(const proto::JournalRecord& record, uint64_t epoch, const Job& job);
RecordView ViewOf(const proto::Fact& fact, const Job& job);

// "AttemptAssigned attempt=0-1 task=map-0 worker=1". Values with blanks or control characters stand
// in quotes, as JSON strings do.
std::string TextOf(const RecordView& view);

}  // namespace minke
