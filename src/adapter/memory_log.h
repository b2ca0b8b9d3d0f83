// The Log port in the memory of one process: three queues of messages. A copy is another handle to
// the same log, which lasts as long as the last handle or reader. Of the heartbeats only the newest
// are kept. Every call may be made from any thread; a reader is used by one thread.
#pragma once

#include <cstddef>
#include <memory>

#include "port/clock.h"
#include "port/log.h"

namespace minke {

struct MemoryLogOptions {
  size_t heartbeats_kept = 10'000;
};

class MemoryLog final : public Log {
 public:
  // `clock` gives the append times and outlives the log.
  explicit MemoryLog(const Clock* clock, MemoryLogOptions options = {});
  MemoryLog(const MemoryLog&) = default;
  MemoryLog& operator=(const MemoryLog&) = delete;
  ~MemoryLog() override;

  Status Create() override;
  Status Append(Topic topic, std::string bytes) override;
  Result<std::pair<int64_t, int64_t>> Range(Topic topic) override;
  Result<std::unique_ptr<LogReader>> Read(Topic topic, int64_t from) override;
  Status Close() override;
  void OnReady(std::function<void()> ready) override;

 private:
  struct State;
  class Reader;
  std::shared_ptr<State> state_;
};

}  // namespace minke
