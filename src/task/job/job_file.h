// Finding a job: from what the user wrote on the command line to a job declared for given
// arguments.
//
// A spec is the name of a job linked into this program, the path of a shared object (it holds a
// slash or ends in .so), or PATH.so:NAME where the file holds several jobs. Job files are never
// unloaded: user code may have left threads or exit handlers behind. All errors are
// kInvalidArgument and say what to do. Thread-safe; a JobFile is a small value.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <minke/abi.h>

#include "base/result.h"
#include "task/job/arguments.h"

namespace minke {

// A job declared for its arguments; everything it points to lives as long as this does.
class DeclaredJob {
 public:
  DeclaredJob(DeclaredJob&&) noexcept = default;
  DeclaredJob& operator=(DeclaredJob&&) noexcept = default;

  // Checked: sizes, versions, types that fit, functions that must be there. Fields that the job's
  // author did not know are zero. Does not move when the DeclaredJob does.
  const minke_job& job() const { return checked_->job; }
  const minke_job* operator->() const { return &checked_->job; }
  // What the job was declared with, in the order of the declaration, defaults filled in.
  const std::vector<JobArgument>& arguments() const { return arguments_; }

 private:
  friend class JobFile;
  struct Checked {
    minke_job job{};
    minke_aggregate aggregate{};
  };
  DeclaredJob() = default;

  std::unique_ptr<minke_job, void (*)(minke_job*)> theirs_{nullptr, nullptr};
  std::unique_ptr<Checked> checked_;
  std::vector<JobArgument> arguments_;
};

class JobFile {
 public:
  static Result<JobFile> Find(std::string_view spec);
  // Every job linked into this program, in byte order of their names.
  static std::vector<JobFile> BuiltIn();
  // Every job of the file at `path`.
  static Result<std::vector<JobFile>> Load(const std::string& path);

  // Name, summary, input, output, example, declared arguments. Texts are never null.
  const minke_job_entry& entry() const { return entry_; }
  std::string_view name() const { return entry_.name; }
  // What was found: "wordcount", or "path/x.so:name".
  const std::string& spec() const { return spec_; }
  // Of the file's bytes; of a built-in job, of its name and minke's version.
  uint64_t hash() const { return hash_; }

  // Checks the arguments against the declaration, and declares the job. Errors name the argument.
  Result<DeclaredJob> Declare(std::span<const JobArgument> given) const;

 private:
  static Result<std::vector<JobFile>> FromModule(const minke_module* module,
                                                 const std::string& where, uint64_t hash);
  JobFile() = default;

  minke_job_entry entry_{};
  std::string spec_;
  uint64_t hash_ = 0;
};

}  // namespace minke
