// Publishing: the winners' parts become the output that the user asked for, in one step that
// happens whole or not at all (to standard output: record by record). Called once, by the control
// thread, after PublishDecided was read back.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "task/attempt.h"
#include "task/output/output_folder.h"

namespace minke {

struct Publication {
  std::string single_file;  // empty with no folder either: standard output
  bool overwrite = false;
};

// `parts` are all winners' output files. kOutput: could not be written; nothing partial is left.
Status PublishOutput(const JobContext& context, const Publication& publication,
                     std::span<const WinningPart> parts);

// Where a single file is written before it moves into place.
std::string AsidePath(const std::string& single_file, Incarnation incarnation);

}  // namespace minke
