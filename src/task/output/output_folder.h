// The output folder of a run: part files aside, one publish step, nothing partial.
//
//   OUT/.minke-INCARNATION/        while the run lasts
//     lock                         held with flock; says what this run found and made
//     NAME-<task>.<attempt>        the part files of attempts, losers too
//     replacing/, replaced/        what --overwrite takes away, until the new output is complete
//   OUT/part-00000 …               the main output; side outputs as NAME-00000; more digits if
//                                  any index needs them, so that names sort as indices do
//   OUT/_SUCCESS                   see success_file.h
//
// While the folder inside stands without _SUCCESS, the parts beside it are unfinished: whoever
// opens OUT next removes them, puts back what was being replaced, and starts clean, or goes on if
// it is the same run. lost+found does not count. --overwrite takes files away, never folders. An
// OUT that was made for the run, and folders above it that were, go again with Abandon.
//
// Errors: kAlreadyExists (OUT holds something, or another run is writing to it),
// kOutput (path and reason). AttemptPath may be called from any thread, the rest from one.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/ids.h"
#include "base/result.h"

#include "proto/minke.pb.h"

namespace minke {

struct OutputFolderOptions {
  bool overwrite = false;
  bool sync = false;
  // Publish leaves the folder inside OUT to Abandon. For a run that another process may go on with:
  // without it, that one could not tell this run's output from any other.
  bool stays = false;
};

// One part of the output: what the winner's report says, and who wrote it.
struct WinningPart {
  uint32_t index = 0;  // of the partition, or of the map task
  AttemptId attempt;
  proto::OutputFile file;  // its name is empty for the main output
};

std::vector<WinningPart> WinningParts(const proto::Manifest& manifest);

// "part-00007": of `count` parts (the largest index + 1) of that name.
std::string PartName(std::string_view name, uint32_t index, uint32_t count);
// Where the number begins in such a name, behind the dash; 0 for any other name.
size_t NumberInPartName(std::string_view name);

class OutputFolder {
 public:
  static Result<std::unique_ptr<OutputFolder>> Open(const std::string& path,
                                                    Incarnation incarnation,
                                                    const OutputFolderOptions& options);
  ~OutputFolder() = default;  // leaves everything as it is, but for the lock

  OutputFolder(const OutputFolder&) = delete;
  OutputFolder& operator=(const OutputFolder&) = delete;

  // Where an attempt writes a part aside; `name` is empty for the main output.
  std::string AttemptPath(std::string_view name, uint32_t index, AttemptId attempt) const;

  // Moves the winners into OUT, replacing nothing, then writes _SUCCESS, then removes the rest
  // (unless it stays). If it fails, what was moved is moved back. A second call goes on where the
  // first one stopped.
  Status Publish(std::span<const WinningPart> parts);
  // Removes all that was written, but for what was published.
  Status Abandon();
  // The same for a run whose process is dead; nothing there is no error.
  static Status CleanUp(const std::string& path, Incarnation incarnation);

  const std::string& path() const { return path_; }

 private:
  struct Move;
  OutputFolder(std::string path, Incarnation incarnation, const OutputFolderOptions& options);
  Status Begin(int made);
  Status MoveParts(std::span<const WinningPart> parts, std::vector<Move>& moved);
  Status WriteSuccess(const std::string& text);

  std::string path_;
  std::string aside_;  // OUT/.minke-INCARNATION
  OutputFolderOptions options_;
  File lock_;
  bool goes_on_ = false;  // a run that an earlier process began
};

}  // namespace minke
