// A journal, read from outside: folded as every master folds it, by who is none. For status,
// history and checks. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "control/job.h"
#include "control/journal.h"
#include "port/log.h"
#include "runtime/waker.h"

#include "proto/minke.pb.h"

namespace minke {

class JournalFold {
 public:
  // True: the message counts, and is in the job now; else a fenced master has written it, or it is
  // a copy of one read before. kCorruption, kConfiguration: as of JournalReader and Job.
  Result<bool> Take(const LogMessage& message);
  // The last one taken, whether it counts or not; of a claim, epoch is its offset.
  const proto::JournalMessage& message() const { return message_; }
  const Job& job() const { return job_; }
  const JournalPosition& position() const { return reader_.position(); }

 private:
  JournalReader reader_;
  Job job_;
  proto::JournalMessage message_;
};

// Messages of a journal, from one offset on, waited for. The log's OnReady is ours meanwhile.
class JournalTail {
 public:
  static Result<std::unique_ptr<JournalTail>> Open(Log* log, int64_t from);
  ~JournalTail();
  JournalTail(const JournalTail&) = delete;
  JournalTail& operator=(const JournalTail&) = delete;

  // The next ones; empty: none has come within wait_ms, or Wake was called. Errors of the log.
  Result<std::vector<LogMessage>> Next(int64_t wait_ms);
  void Wake() { waker_.Wake(); }  // from any thread or signal handler
  int64_t position() const { return reader_->position(); }

 private:
  explicit JournalTail(Log* log) : log_(log) {}

  Log* log_;
  Waker waker_;
  std::unique_ptr<LogReader> reader_;
};

// Of a topic or a block, as who runs the job no more sees it: it is not there, or not as it was.
bool IsGone(const Error& error);

// Every message from the first on, up to what is the end now. kNotFound: there is no journal;
// kCorruption: its beginning is gone; kUnavailable: the log does not answer.
Status ReadJournal(Log& log, const std::function<Status(const LogMessage&)>& take);

}  // namespace minke
