// What the master wants done. MasterBrain returns these; the runtime carries them out in order and
// says what came of each (the event after the arrow). Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.h"

namespace minke {

// The job's row, as in port/store.h.
enum class RowState : uint8_t { kOpen, kAccepted, kFinished };
struct Row {
  Incarnation incarnation;
  uint64_t spec_hash = 0;
  RowState state = RowState::kOpen;
  int exit_code = 0;
  bool operator==(const Row&) const = default;
};

struct CompareAndSetRow {  // → RowRead(the row that stands afterwards)
  std::optional<Row> expected;
  Row desired;
};
struct OpenLog {  // → LogOpened; journal is read from 0, heartbeats from their end
  Incarnation incarnation;
  bool create = false;  // false: kNotFound if there is no journal; the other two are never state
};
struct AppendJournal {  // → is read back
  std::string bytes;
};
struct ReadInbox {     // → InboxRead from there on, or InboxOutOfRange
  int64_t offset = 0;  // -1: from the first that is kept
};
struct MakePlan {};  // → PlanMade, once the plan's block is in the store
struct ReadPlan {    // → PlanRead
  uint64_t checksum = 0;
};
struct MakeShuffleTable {  // → ShuffleTableReady
  std::string name;
};
struct ReadReport {  // → ReportRead; the attempt has won
  AttemptId attempt;
};
struct ChooseSplitters {  // → SplittersReady
  std::vector<std::string> samples;  // keys
};
struct WriteWinners {  // → WinnersReady; blocks "winners-<number>-<partition>"
  uint32_t number = 0;
  std::vector<std::pair<uint32_t, std::string>> blocks;  // partition, bytes
};
struct WriteManifest {  // → ManifestReady; block "manifest-<checksum>"
  uint64_t checksum = 0;
  std::string bytes;
};
struct Publish {  // → Published
  uint64_t expected = 0;
  uint64_t mine = 0;
  uint64_t manifest = 0;  // checksum
};
struct CleanUp {  // → CleanedUp: table dropped, inbox and heartbeat removed
  std::string shuffle_table;
};
struct Exit {
  int code = 0;
  std::string text;  // empty: nothing to say
};
using MasterEffect = std::variant<CompareAndSetRow, OpenLog, AppendJournal, ReadInbox, MakePlan,
                                  ReadPlan, MakeShuffleTable, ReadReport, ChooseSplitters,
                                  WriteWinners, WriteManifest, Publish, CleanUp, Exit>;

}  // namespace minke
