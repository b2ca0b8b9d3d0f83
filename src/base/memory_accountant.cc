#include "base/memory_accountant.h"

#include <utility>

#include "base/check.h"

namespace minke {

bool MemoryAccountant::TryReserve(size_t bytes) {
  size_t now = reserved_.load(std::memory_order_relaxed);
  do {
    if (bytes > budget_ || now > budget_ - bytes) return false;
  } while (!reserved_.compare_exchange_weak(now, now + bytes, std::memory_order_relaxed));
  return true;
}

void MemoryAccountant::Reserve(size_t bytes) {
  reserved_.fetch_add(bytes, std::memory_order_relaxed);
}

void MemoryAccountant::Release(size_t bytes) {
  const size_t before = reserved_.fetch_sub(bytes, std::memory_order_relaxed);
  MINKE_CHECK(before >= bytes);
}

MemoryGrant::MemoryGrant(MemoryGrant&& other) noexcept { *this = std::move(other); }

MemoryGrant& MemoryGrant::operator=(MemoryGrant&& other) noexcept {
  std::swap(accountant_, other.accountant_);
  std::swap(limit_, other.limit_);
  std::swap(taken_, other.taken_);
  return *this;
}

MemoryGrant::~MemoryGrant() {
  if (accountant_ != nullptr) accountant_->Release(taken_);
}

bool MemoryGrant::TryTake(size_t bytes) {
  if (bytes > limit_ || taken_ > limit_ - bytes) return false;
  if (accountant_ == nullptr || !accountant_->TryReserve(bytes)) return false;
  taken_ += bytes;
  return true;
}

void MemoryGrant::Take(size_t bytes) {
  if (accountant_ != nullptr) accountant_->Reserve(bytes);
  taken_ += bytes;
}

void MemoryGrant::GiveBack(size_t bytes) {
  MINKE_CHECK(bytes <= taken_);
  if (accountant_ != nullptr) accountant_->Release(bytes);
  taken_ -= bytes;
}

MemoryGrant MemoryGrant::Split(size_t bytes) {
  MINKE_CHECK(bytes <= taken_);
  MemoryGrant part(accountant_, bytes);
  part.taken_ = bytes;
  taken_ -= bytes;
  return part;
}

}  // namespace minke
