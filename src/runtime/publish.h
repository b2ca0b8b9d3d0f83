// Publishing: the winners' parts become the output that the user asked for, in one step that
// happens whole or not at all (to standard output: record by record). Called once, by the control
// thread, after PublishDecided was read back.
#pragma once

#include <functional>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "control/master_effects.h"
#include "runtime/run_request.h"
#include "task/attempt.h"

#include "proto/minke.pb.h"

namespace minke {

struct Publication {
  std::string single_file;  // empty with no folder either: standard output
  bool overwrite = false;
};

// `manifest`, which `decided` names, lists all winners' output files. Returns the version that
// stands then: decided.mine, or, of a dataset, one that took its place; then nothing was published.
// kOutput: could not be written; nothing partial is left.
Result<uint64_t> PublishOutput(const JobContext& context, const Publication& publication,
                               const Publish& decided, const proto::Manifest& manifest);

// The same of output that is in the store already, as the version of that number: `output` is
// dataset:NAME or table:KEYSPACE.TABLE.
Result<uint64_t> PublishStored(Store& store, const std::string& output, Incarnation version,
                               const Publish& decided);

// Whether so many records and groups may be bad. Tasks count their own; the sum is known only now.
Status CheckSkipped(uint64_t skipped, uint64_t skip_bad);

// A single file, written aside by `fill`, then moved into place; without `overwrite` it replaces
// nothing. kAlreadyExists, kOutput.
struct SingleFile {
  std::string path;
  bool overwrite = false;
  bool sync = false;
};
Status PublishFile(const SingleFile& to, Incarnation incarnation,
                   const std::function<Status(File& file)>& fill);

// Where a single file is written before it moves into place.
std::string AsidePath(const std::string& single_file, Incarnation incarnation);

// Whether that is where output goes to: neither standard output nor something in the store.
bool IsPath(const std::string& output);

// Whatever a run whose process is dead has left aside of its output.
void RemoveAside(const RunRequest& request, Incarnation incarnation);

}  // namespace minke
