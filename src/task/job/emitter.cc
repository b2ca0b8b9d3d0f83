#include "task/job/emitter.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <fmt/format.h>

#include "base/scalar.h"

namespace minke {
namespace {

constexpr uint32_t kPairs = 512;  // 12 KiB: fits the first cache with the keys' own lines
constexpr size_t kScratchBytes = 64 << 10;

}  // namespace

Emitter::Emitter(minke_type key_type, minke_type value_type, Sink sink)
    : sink_(std::move(sink)),
      value_is_bytes_(value_type != MINKE_NONE && !IsScalar(value_type)),
      pairs_(kPairs) {
  abi_.struct_size = sizeof(minke_emitter);
  abi_.pairs = pairs_.data();
  abi_.capacity = kPairs;
  abi_.flush = &OnFlush;
  abi_.reserve = &OnReserve;
  abi_.key_type = key_type;
  abi_.value_type = value_type;
  abi_.owner = this;
  ResizeScratch(kScratchBytes);
}

void Emitter::ResizeScratch(size_t bytes) {
  scratch_ = Arena(bytes + MINKE_READABLE_BEYOND);
  abi_.scratch = scratch_.data();
  abi_.scratch_capacity = bytes;
}

Status Emitter::SetWindow(Bytes window) {
  HandOver();
  abi_.window = window.data();
  abi_.window_size = window.size();
  return failure_;
}

Status Emitter::Flush() {
  HandOver();
  return failure_;
}

void Emitter::OnFlush(minke_emitter* abi) { static_cast<Abi*>(abi)->owner->HandOver(); }

void Emitter::OnReserve(minke_emitter* abi, size_t bytes) {
  Emitter* self = static_cast<Abi*>(abi)->owner;
  self->HandOver();
  if (bytes > 2 * kRecordBytesMax) {
    self->Fail(Error{ErrorCode::kUserCode,
                     fmt::format("the job emits a record of {} bytes, more than the limit of {} "
                                 "MiB; emit smaller records",
                                 bytes, kRecordBytesMax >> 20)});
    bytes = 0;  // the batch is dropped, but the caller still writes: it gets the room below
  }
  if (bytes > self->abi_.scratch_capacity) {
    self->ResizeScratch(std::max(bytes, 2 * self->abi_.scratch_capacity));
  }
}

void Emitter::HandOver() {
  const std::span<const minke_pair> batch(pairs_.data(), abi_.count);
  abi_.count = 0;
  abi_.scratch_used = 0;
  if (batch.empty() || abi_.failed != 0) return;
  Status status = Check(batch);
  if (status) {
    if (holding_) {
      Keep(batch);
    } else {
      pairs_total_ += batch.size();
      status = sink_(batch);
    }
  }
  if (!status) Fail(std::move(status).error());
}

Status Emitter::Check(std::span<const minke_pair> batch) const {
  if (std::this_thread::get_id() != owner_thread_) {
    return Error{ErrorCode::kUserCode,
                 "the job emits from a thread that it started itself; emit only from the thread "
                 "that called the map or reduce function"};
  }
  // No size is above all their bits together: where these are low, none needs a closer look.
  static_assert(offsetof(minke_pair, value_size) ==
                offsetof(minke_pair, key_size) + sizeof(uint32_t));
  uint64_t bits = 0;
  for (const minke_pair& pair : batch) {
    bits |= LoadLe<uint64_t>(reinterpret_cast<const char*>(&pair) + offsetof(minke_pair, key_size));
  }
  const auto sizes = static_cast<uint32_t>(value_is_bytes_ ? bits | bits >> 32 : bits);
  if (sizes <= kRecordBytesMax / 4) return {};
  uint64_t largest = 0;
  for (const minke_pair& pair : batch) {
    const uint64_t value_size = value_is_bytes_ ? pair.value_size : 0;
    largest = std::max(largest, pair.key_size + value_size);
  }
  if (largest > kRecordBytesMax) {
    return Error{ErrorCode::kUserCode,
                 fmt::format("the job emits a record of {} bytes, more than the limit of {} MiB; "
                             "emit smaller records",
                             largest, kRecordBytesMax >> 20)};
  }
  return {};
}

void Emitter::Fail(Error error) {
  if (failure_) failure_ = std::move(error);
  abi_.failed = 1;
}

void Emitter::Keep(std::span<const minke_pair> batch) {
  size_t bytes = 0;
  for (const minke_pair& pair : batch) {
    bytes += pair.key_size + (value_is_bytes_ ? pair.value_size : 0) + 2 * MINKE_READABLE_BEYOND;
  }
  auto copy = std::make_unique<char[]>(bytes);
  char* to = copy.get();
  for (minke_pair pair : batch) {
    std::memcpy(to, pair.key, pair.key_size);
    pair.key = to;
    to += pair.key_size + MINKE_READABLE_BEYOND;
    if (value_is_bytes_) {
      std::memcpy(to, pair.value.bytes, pair.value_size);
      pair.value.bytes = to;
      to += pair.value_size + MINKE_READABLE_BEYOND;
    }
    held_.push_back(pair);
  }
  held_bytes_.push_back(std::move(copy));
}

Status Emitter::Release() {
  HandOver();
  if (failure_ && !held_.empty()) {
    pairs_total_ += held_.size();
    if (Status status = sink_(held_); !status) Fail(std::move(status).error());
  }
  held_.clear();
  held_bytes_.clear();
  return failure_;
}

void Emitter::Discard() {
  if (holding_) {  // nothing reached the sink, so what failed was the record itself
    failure_ = {};
    abi_.failed = 0;
  }
  abi_.count = 0;
  abi_.scratch_used = 0;
  held_.clear();
  held_bytes_.clear();
}

}  // namespace minke
