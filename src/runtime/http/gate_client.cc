#include "runtime/http/gate_client.h"

#include <algorithm>
#include <fmt/format.h>
#include <string>
#include <utility>

#include "base/logging.h"
#include "control/job_view.h"

namespace minke {
namespace {

constexpr int64_t kPauseMsMin = 200;
constexpr int64_t kPauseMsMax = 5'000;
constexpr int64_t kRetryMsMax = 60'000;  // whatever an answer says

class Asker {
 public:
  Asker(const HttpLibrary& http, const GateQuestion& question, const GateWait& wait)
      : http_(http), question_(question), wait_(wait), url_(wait.master) {
    while (url_.ends_with('/')) url_.pop_back();
    url_ += GatePath(question);
    heard_ms_ = wait.clock->NowMs();
  }

  Result<GateReply> Wait() {
    for (;;) {
      auto reply = Ask();
      if (!reply && reply.error().code != ErrorCode::kUnavailable) return reply;
      if (reply && reply->answer.state != GateState::kClosed) return reply;
      const int64_t now_ms = wait_.clock->NowMs();
      if (now_ms - heard_ms_ > wait_.timeout_ms) return GivenUp(reply.error());
      Say(reply ? reply->text : reply.error().text);
      const int64_t pause_ms =
          reply ? std::clamp(reply->retry_after_ms, kPauseMsMin, kRetryMsMax) : NextPauseMs();
      wait_.waker->Wait(std::min(pause_ms, heard_ms_ + wait_.timeout_ms + 1 - now_ms));
      if (wait_.stop->load() != 0) return Error{ErrorCode::kCancelled, "stopped at the gate"};
    }
  }

 private:
  // What the master says, or the row in its place. kUnavailable: neither lets us in or sends us
  // away.
  Result<GateReply> Ask() {
    auto reply = AskMaster();
    if (reply) {
      heard_ms_ = wait_.clock->NowMs();
      failures_ = 0;
      return reply;
    }
    if (reply.error().code != ErrorCode::kUnavailable || !wait_.read_row) return reply;
    auto row = wait_.read_row();
    if (!row) {
      if (row.error().code != ErrorCode::kUnavailable) return std::move(row).error();
      return Error{ErrorCode::kUnavailable,
                   fmt::format("{}; {}", reply.error().text, row.error().text)};
    }
    if (!*row) {
      return Error{ErrorCode::kUnavailable, fmt::format("{}; the store knows no job {}",
                                                        reply.error().text, question_.job_name)};
    }
    return TakeRow(**row, reply.error());
  }

  Result<GateReply> AskMaster() { return ParseGateReply(MINKE_TRY(http_.Get(url_, {}))); }

  Result<GateReply> TakeRow(const Row& row, const Error& silence) {
    heard_ms_ = wait_.clock->NowMs();
    if (question_.incarnation.bits != 0 && question_.incarnation != row.incarnation) {
      return Error{
          ErrorCode::kConfiguration,
          fmt::format("the job {} was begun anew: it is {} now, not {}", question_.job_name,
                      row.incarnation.Hex(), question_.incarnation.Hex())};
    }
    if (row.state != RowState::kFinished) return silence;
    GateReply over;
    over.answer.state = GateState::kOver;
    over.answer.incarnation = row.incarnation;
    return over;
  }

  Error GivenUp(const Error& last) const {
    return {ErrorCode::kUnavailable,
            fmt::format("the gate of the job {} has not answered for {} s: {}", question_.job_name,
                        wait_.timeout_ms / 1000, last.text)};
  }

  // Longer each time, and of other lengths than other askers'.
  int64_t NextPauseMs() {
    const int64_t longest_ms = std::min(kPauseMsMax, kPauseMsMin << std::min(failures_, 10));
    const uint64_t bits = question_.asker >> (failures_++ % 8 * 8);
    return longest_ms / 2 + static_cast<int64_t>(bits % 256) * longest_ms / 512;
  }

  void Say(const std::string& text) {
    if (text == said_) return;
    said_ = text;
    LogFormatted(LogLevel::kInfo, "waiting at the gate for {}s: {}", RoleName(question_.role),
                 text);
  }

  const HttpLibrary& http_;
  const GateQuestion& question_;
  const GateWait& wait_;
  std::string url_;
  std::string said_;
  int64_t heard_ms_ = 0;
  int failures_ = 0;
};

}  // namespace

Result<GateReply> WaitAtGate(const GateQuestion& question, const GateWait& wait) {
  const HttpLibrary* http = MINKE_TRY(LoadHttpLibrary());
  return Asker(*http, question, wait).Wait();
}

}  // namespace minke
