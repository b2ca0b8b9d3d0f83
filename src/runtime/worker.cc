#include "runtime/worker.h"

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

Result<bool> Worker::ReadLog() {
  if (journal_ == nullptr) return false;
  bool read = false;
  for (const LogMessage& message : MINKE_TRY(journal_->Poll(kPollBytes))) {
    brain_.JournalRead(message.offset, message.bytes);
    read = true;
  }
  return read;
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

Result<bool> Worker::RunOnce() {
  bool went_on = TakeEnded();
  if (exit_) return went_on;
  auto read = ReadLog();
  if (!read) {
    if (read.error().code != ErrorCode::kCorruption) return read;
    brain_.LogBroken(std::move(read).error());
    went_on = true;
  } else {
    went_on = went_on || *read;
  }
  for (WorkerEffect& effect : brain_.Step(ports_.clock->NowMs(), Progress())) {
    MINKE_TRY_STATUS(Carry(effect));
    went_on = true;
  }
  return went_on;
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

Status Worker::Do(AppendInbox& effect) {
  return ports_.log->Append(Topic::kInbox, std::move(effect.bytes));
}

Status Worker::Do(AppendHeartbeat& effect) {
  return ports_.log->Append(Topic::kHeartbeat, std::move(effect.bytes));
}

Result<const std::vector<std::string>*> Worker::Splitters(uint64_t checksum) {
  const auto [found, is_new] = splitters_.try_emplace(checksum);
  if (!is_new || checksum == 0) return &found->second;
  const std::string name = SplittersName(checksum);
  const std::string bytes = MINKE_TRY(ports_.store->GetBlock(context_->incarnation, name));
  proto::Splitters splitters;
  if (Hash64(bytes) != checksum || !splitters.ParseFromString(bytes)) {
    return Error{ErrorCode::kCorruption,
                 fmt::format("the block {} does not hold what the journal names", name)};
  }
  found->second.assign(splitters.keys().begin(), splitters.keys().end());
  return &found->second;
}

Status Worker::Do(StartAttempt& effect) {
  AttemptSpec spec;
  spec.id = effect.id;
  spec.kind = effect.kind;
  spec.task = effect.task;
  spec.careful = effect.careful;
  spec.shuffle_table = std::move(effect.shuffle_table);
  spec.winners = effect.winners;
  auto splitters = Splitters(effect.splitters);
  if (!splitters) {
    brain_.AttemptEnded(effect.slot, std::move(splitters).error());
    return {};
  }
  spec.splitters = **splitters;
  slots_->Start(effect.slot, context_, std::move(spec));
  return {};
}

Status Worker::Do(CancelAttempt& effect) {
  slots_->Cancel(effect.slot);
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
