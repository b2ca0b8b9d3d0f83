// A journal in a file of its own, and back: what `minke journal export` and `import` do. The file
// is the `journal` of a file_log (docs/FORMATS.md): each message with its offset, append time and
// checksum.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "port/log.h"

namespace minke {

// Offsets from 0 on, without a gap. The file is there whole, or not at all. kOutput.
Status WriteJournalFile(const std::string& path, const std::vector<LogMessage>& messages);
// kInput: there is no such file; kCorruption: it is no journal, or damaged.
Result<std::vector<LogMessage>> ReadJournalFile(const std::string& path);

// Appends all messages to a log whose journal has none, and reads them back. kAlreadyExists: it has
// some.
Status RestoreJournal(Log& log, const std::vector<LogMessage>& messages);

}  // namespace minke
