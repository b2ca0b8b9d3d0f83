// Records of the journal in short, for the tests of this folder.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "control/fleet.h"

#include "proto/minke.pb.h"

namespace minke {

using Record = proto::JournalRecord;

inline Record Claimed(uint64_t uuid) {
  Record record;
  record.mutable_master_claimed()->set_uuid(uuid);
  return record;
}

inline Record Accepted(std::initializer_list<std::pair<proto::PhaseKind, uint32_t>> steps,
                       uint32_t partitions = 2) {
  Record record;
  proto::JobAccepted* accepted = record.mutable_job_accepted();
  for (const auto& [kind, tasks] : steps) {
    proto::Step* step = accepted->add_steps();
    step->set_kind(kind);
    step->set_tasks(tasks);
  }
  accepted->set_partitions(partitions);
  accepted->set_attempts_max(4);
  return record;
}

inline Record Opened(uint32_t step, proto::PhaseKind kind) {
  Record record;
  record.mutable_phase_opened()->set_step(step);
  record.mutable_phase_opened()->set_kind(kind);
  return record;
}

inline Record Assigned(TaskId task, uint64_t n, uint32_t worker, uint64_t worker_id = 0) {
  Record record;
  proto::AttemptAssigned* assigned = record.mutable_attempt_assigned();
  assigned->set_step(task.step);
  assigned->set_task(task.index);
  assigned->set_n(n);
  assigned->set_worker(worker);
  assigned->set_worker_id(worker_id);
  return record;
}

inline Record Committed(AttemptId attempt) {
  Record record;
  ToProto(attempt, record.mutable_task_committed()->mutable_attempt());
  return record;
}

inline Record Lost(AttemptId attempt, bool counted = true) {
  Record record;
  ToProto(attempt, record.mutable_attempt_lost()->mutable_attempt());
  record.mutable_attempt_lost()->set_counted(counted);
  return record;
}

inline Record Failed(AttemptId attempt, const std::string& text = "boom") {
  Record record;
  ToProto(attempt, record.mutable_attempt_failed()->mutable_attempt());
  record.mutable_attempt_failed()->set_text(text);
  record.mutable_attempt_failed()->set_code(static_cast<int32_t>(ErrorCode::kUserCode));
  return record;
}

inline Record Cancelled(AttemptId attempt) {
  Record record;
  ToProto(attempt, record.mutable_attempt_cancelled()->mutable_attempt());
  return record;
}

inline Record OutputLost(uint32_t step, std::initializer_list<uint32_t> tasks) {
  Record record;
  record.mutable_output_lost()->set_step(step);
  for (const uint32_t task : tasks) record.mutable_output_lost()->add_tasks(task);
  return record;
}

inline Record WinnersWritten(uint32_t number, std::initializer_list<uint32_t> partitions = {}) {
  Record record;
  record.mutable_winners_written()->set_number(number);
  for (const uint32_t one : partitions) record.mutable_winners_written()->add_partitions(one);
  return record;
}

inline Record Finished(int code, const std::string& text = "") {
  Record record;
  record.mutable_job_finished()->set_exit_code(code);
  record.mutable_job_finished()->set_text(text);
  return record;
}

inline proto::JournalMessage Message(uint64_t epoch, uint64_t sequence,
                                     std::vector<Record> records) {
  proto::JournalMessage message;
  message.set_epoch(epoch);
  message.set_sequence(sequence);
  for (Record& record : records) *message.add_records() = std::move(record);
  return message;
}

}  // namespace minke
