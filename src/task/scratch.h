// Scratch files: where runs go when memory is gone.
//
// Unnamed files in the spill folder, made as they are needed and gone when the process is. A task
// borrows one for each run that it writes, so there are no more of them than tasks that write at
// one time, however many leave runs behind. Runs lie one behind the other, the blocks of a
// partition together, indexed in memory; a run that nobody holds any more gives its disk space
// back.
//
// Errors are kConfiguration (the environment is wrong, not the job): the folder is missing, full or
// unreadable, or the bound on spilled bytes is reached; the text names --spill or --spill-bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"
#include "shuffle/run.h"

namespace minke {

// The scratch files of the process, and the bound on bytes that lie in them. Thread-safe.
class ScratchFolder {
 public:
  ScratchFolder(std::string folder, uint64_t bytes_max);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  bool TryTake(uint64_t bytes);
  void GiveBack(uint64_t bytes) { used_.fetch_sub(bytes, std::memory_order_relaxed); }

  const std::string& path() const { return path_; }
  uint64_t bytes_max() const { return bytes_max_; }
  uint64_t used_bytes() const { return used_.load(std::memory_order_relaxed); }

 private:
  friend class ScratchSpace;
  struct OpenFile;

  Result<std::shared_ptr<OpenFile>> Borrow();
  void Return(std::shared_ptr<OpenFile> file);

  const std::string path_;
  const uint64_t bytes_max_;
  std::atomic<uint64_t> used_{0};
  std::mutex mutex_;  // guards idle_
  std::vector<std::shared_ptr<OpenFile>> idle_;
};

// What one task spills. Used by one thread; its runs may be read from several.
class ScratchSpace final : public SpillSpace {
 public:
  // `folder` outlives the space and its runs.
  explicit ScratchSpace(ScratchFolder* folder);
  ~ScratchSpace() override;
  ScratchSpace(const ScratchSpace&) = delete;
  ScratchSpace& operator=(const ScratchSpace&) = delete;

  Result<RunSink*> Begin() override;
  Result<std::shared_ptr<const Run>> Seal() override;

  // Over its life.
  uint64_t runs() const;
  uint64_t spilled_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
