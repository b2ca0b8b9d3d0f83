// The Log port over a folder: a file a topic, for several processes of one machine at once.
//
// It hides framing, checksums, locks, syncing and the watch over what other processes append. A
// message is seen by readers only once it is on the disk, so that what was acted on outlives the
// machine; the control thread never waits for that. Heartbeats are not synced, and only the newest
// are kept. What a killed process left half-written is cut away by the next one. One file must not
// be changed by anything else: a byte that differs, a file that is shorter or made anew is
// kCorruption. The format and the rules are at the top of file_log.cc.
//
// Every call may be made from any thread; a reader is used by one thread, and may outlive the log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "port/clock.h"
#include "port/log.h"

namespace minke {

struct FileLogOptions {
  size_t heartbeat_bytes_max = 4 << 20;  // of the heartbeats' file; then the older half goes
  size_t unsynced_bytes_max = 16 << 20;  // on their way to the disk; then Append is kUnavailable
  // How often to look for messages of other processes where the system cannot tell; 0: let it tell
  // (inotify), and look only if it cannot.
  int64_t look_ms = 0;
};

class FileLog final : public Log {
 public:
  // The folder is made by Create. `clock` gives the append times and outlives the log.
  FileLog(std::string folder, const Clock* clock, FileLogOptions options = {});
  ~FileLog() override;  // syncs what was appended

  Status Create() override;
  Status Append(Topic topic, std::string bytes) override;
  Result<std::pair<int64_t, int64_t>> Range(Topic topic) override;
  Result<std::unique_ptr<LogReader>> Read(Topic topic, int64_t from) override;
  // The files of inbox and heartbeat stay, empty and closed: what any process appends is dropped.
  Status Close() override;
  void OnReady(std::function<void()> ready) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
