#include "runtime/worker.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>
#include <variant>

#include "base/hash.h"
#include "control/plan.h"

namespace minke {
namespace {

constexpr size_t kPollBytes = 1 << 20;

}  // namespace

Worker::Worker(WorkerPorts ports, const JobContext* context, SlotPool* slots, WorkerOptions options,
               const GateAnswer& gate)
    : ports_(ports), context_(context), slots_(slots), brain_(std::move(options), gate) {}

Worker::~Worker() = default;

bool Worker::TakeLog(int64_t now_ms) {
  if (journal_ == nullptr || !log_patience_.IsDue(now_ms)) return false;
  auto batch = journal_->Poll(kPollBytes);
  if (batch) {
    log_patience_.Answered();
    for (const LogMessage& message : *batch) brain_.JournalRead(message.offset, message.bytes);
    return !batch->empty();
  }
  if (batch.error().code == ErrorCode::kUnavailable) {
    log_patience_.Failed(now_ms, std::move(batch).error());
    return false;
  }
  brain_.LogBroken(batch.error());
  return true;
}

bool Worker::TakeEnded() {
  bool took = false;
  for (const AttemptEnd& end : slots_->Ended()) {
    const Status status = end.result ? Status() : Status(end.result.error());
    brain_.AttemptEnded(end.slot, status, end.missing_map_tasks);
    took = true;
  }
  return took;
}

bool Worker::RunOnce() {
  bool went_on = TakeEnded();
  if (exit_) return went_on;
  const int64_t now_ms = ports_.clock->NowMs();
  went_on = TakeLog(now_ms) || went_on;
  const std::array<const Patience*, 3> waits = {&log_patience_, &effects_.patience(),
                                                &starts_.patience()};
  for (const Patience* patience : waits) {
    const Error* lost = patience->Lost(now_ms, ports_.service_timeout_ms);
    if (lost != nullptr) brain_.GiveUp(*lost);
  }
  Enqueue(brain_.Step(now_ms, Progress()));
  const auto carried = effects_.CarryOut(now_ms, [this](WorkerEffect& effect) -> Status {
    Status done = Carry(effect);
    if (done || done.error().code == ErrorCode::kUnavailable) return done;
    brain_.GiveUp(done.error());
    return {};
  });
  const auto started = starts_.CarryOut(
      now_ms, [this](const StartAttempt& start) -> Status { return Start(start); });
  return *carried || *started || went_on;
}

// What waits when the worker ends is not begun any more; its last words are still said. Who wants
// to read elsewhere is not told what comes next here, however long that takes.
void Worker::Enqueue(std::vector<WorkerEffect> effects) {
  const auto is_reading = [](const WorkerEffect& effect) {
    return std::holds_alternative<ReadJournal>(effect);
  };
  if (std::ranges::any_of(effects, is_reading)) journal_.reset();
  if (!effects.empty() && std::holds_alternative<ExitWorker>(effects.back())) {
    effects_.Drop(
        [](const WorkerEffect& earlier) { return !std::holds_alternative<AppendInbox>(earlier); });
    starts_.Drop([](const StartAttempt&) { return true; });
  }
  effects_.Add(std::move(effects));
}

int64_t Worker::wake_at_ms() const {
  return std::min({brain_.wake_at_ms(), log_patience_.retry_at_ms(),
                   effects_.patience().retry_at_ms(), starts_.patience().retry_at_ms()});
}

std::vector<proto::AttemptProgress> Worker::Progress() const {
  std::vector<proto::AttemptProgress> all;
  for (const SlotPage& page : slots_->pages()) {
    const uint64_t n = page.attempt_n.load(std::memory_order_relaxed);
    if (n == 0) continue;
    proto::AttemptProgress& one = all.emplace_back();
    one.mutable_attempt()->set_epoch(page.attempt_epoch.load(std::memory_order_relaxed));
    one.mutable_attempt()->set_n(n);
    one.set_bytes(page.bytes_done.load(std::memory_order_relaxed));
    one.set_records(page.records_done.load(std::memory_order_relaxed));
  }
  return all;
}

Status Worker::Carry(WorkerEffect& effect) {
  return std::visit([this](auto& known) { return Do(known); }, effect);
}

Status Worker::Do(ReadJournal& effect) {
  journal_ = MINKE_TRY(ports_.log->Read(Topic::kJournal, effect.offset));
  return {};
}

// What is refused is as good as lost: facts are repeated, and so are heartbeats, in a way.
Status Worker::Append(Topic topic, std::string bytes) {
  Status sent = ports_.log->Append(topic, std::move(bytes));
  if (!sent && sent.error().code == ErrorCode::kUnavailable) return {};
  return sent;
}

Status Worker::Do(AppendInbox& effect) { return Append(Topic::kInbox, std::move(effect.bytes)); }

Status Worker::Do(AppendHeartbeat& effect) {
  return Append(Topic::kHeartbeat, std::move(effect.bytes));
}

Result<std::vector<std::string>> Worker::Splitters(uint64_t checksum) {
  if (checksum == 0) return std::vector<std::string>();
  const auto found = splitters_.find(checksum);
  if (found != splitters_.end()) return found->second;
  const std::string name = SplittersName(checksum);
  const std::string bytes = MINKE_TRY(ports_.store->GetBlock(context_->incarnation, name));
  proto::Splitters splitters;
  if (Hash64(bytes) != checksum || !splitters.ParseFromString(bytes)) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("the block {} does not hold what the journal names", name)};
  }
  std::vector<std::string> keys(splitters.keys().begin(), splitters.keys().end());
  splitters_.emplace(checksum, keys);
  return keys;
}

Status Worker::Start(const StartAttempt& start) {
  auto splitters = Splitters(start.splitters);
  if (!splitters) {
    if (splitters.error().code == ErrorCode::kUnavailable) return std::move(splitters).error();
    brain_.AttemptEnded(start.slot, std::move(splitters).error());
    return {};
  }
  AttemptSpec spec;
  spec.id = start.id;
  spec.kind = start.kind;
  spec.task = start.task;
  spec.careful = start.careful;
  spec.shuffle_table = start.shuffle_table;
  spec.winners = start.winners;
  spec.source = start.source;
  spec.splitters = *std::move(splitters);
  slots_->Start(start.slot, context_, std::move(spec));
  return {};
}

Status Worker::Do(StartAttempt& effect) {
  starts_.Add(std::move(effect));
  return {};
}

Status Worker::Do(CancelAttempt& effect) {
  const bool has_begun =
      starts_.Drop([&](const StartAttempt& start) { return start.slot == effect.slot; }) == 0;
  if (has_begun) {
    slots_->Cancel(effect.slot);
  } else {
    brain_.AttemptEnded(effect.slot, Error{ErrorCode::kCancelled, "not begun"});
  }
  return {};
}

Status Worker::Do(DropOutput& effect) {
  ports_.store->DropSegment(context_->incarnation, effect.id);
  return {};
}

Status Worker::Do(ExitWorker& effect) {
  for (size_t slot = 0; slot < slots_->slots(); ++slot) slots_->Cancel(slot);
  exit_ = std::move(effect);
  return {};
}

}  // namespace minke
