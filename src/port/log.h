// The Log port: the three topics of one job, as Kafka has them and as memory or files can have
// them.
//
// A topic is one sequence of messages with offsets that never go back. Append is asynchronous and
// its outcome is not reported: the caller learns it by reading back. All calls are for the control
// thread of one process and return at once; `ready` is called (from any thread) when something new
// may be readable. Errors of any call: kUnavailable (the service is away, or another process holds
// the log), kCorruption (naming what was found wrong where).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace minke {

enum class Topic : uint8_t { kJournal, kInbox, kHeartbeat };
inline constexpr size_t kTopics = 3;
inline constexpr size_t kMessageBytesMax = 1 << 20;

struct LogMessage {
  int64_t offset = 0;
  int64_t append_unix_ms = 0;  // set by the log
  std::string bytes;
};

// A position in one topic; moves forward only.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // The messages at hand from the position on, oldest first, about `bytes_max` at most (one at
  // least, if any); an empty answer means none now. kCorruption: the topic is gone, made anew,
  // shorter than the position, or trimmed past it; the position stays where it was.
  virtual Result<std::vector<LogMessage>> Poll(size_t bytes_max) = 0;
  // Offset of the next message that Poll will return.
  virtual int64_t position() const = 0;
  // Whether the last Poll has left nothing behind, as far as its service knew no longer than 2 s
  // before; false while the service is away, and before the first Poll.
  virtual bool is_at_end() const = 0;
};

class Log {
 public:
  virtual ~Log() = default;
  // Makes the job's topics, or verifies those that are there. kConfiguration: there, but not as
  // they must be. Nothing else makes a topic: until some process has called this, the other calls
  // are answered with kNotFound.
  virtual Status Create() = 0;
  // Sends one message. kInvalidArgument: it is over kMessageBytesMax; kUnavailable: the send queue
  // is full, try again later; kOutput: the disk is full. After an error nothing was sent.
  virtual Status Append(Topic topic, std::string bytes) = 0;
  // First offset still kept, and the offset behind the last message.
  virtual Result<std::pair<int64_t, int64_t>> Range(Topic topic) = 0;
  // A reader that stands at `from`. That the topic does not reach so far is for Poll to find out.
  virtual Result<std::unique_ptr<LogReader>> Read(Topic topic, int64_t from) = 0;
  // The job is over: removes inbox and heartbeat; the journal stays for its retention, and can be
  // read. Here, readers of the other two find nothing more and what is appended to them is dropped;
  // elsewhere they are gone.
  virtual Status Close() = 0;
  // `ready` may be called from any thread, also from within a call of this class; it must not block
  // or call back. It may be called once more by an Append that is under way while it is replaced.
  virtual void OnReady(std::function<void()> ready) = 0;
};

}  // namespace minke
