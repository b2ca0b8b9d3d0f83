// The host's end of a minke_emitter: takes the batches that user code fills and hands them to a
// sink.
//
// User code writes pairs inline and calls `flush` when the batch is full (see <minke/abi.h>); this
// class checks each batch (thread, record size), hands it over, and keeps the first failure. While
// holding (careful mode), pairs are copied aside until the record that emitted them has been mapped
// whole. Used by the attempt's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include <minke/abi.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/result.h"

namespace minke {

// A record's key and value together; a key may be as long.
inline constexpr uint64_t kRecordBytesMax = uint64_t{256} << 20;

class Emitter {
 public:
  using Sink = std::function<Status(std::span<const minke_pair>)>;

  Emitter(minke_type key_type, minke_type value_type, Sink sink);
  Emitter(const Emitter&) = delete;
  Emitter& operator=(const Emitter&) = delete;

  minke_emitter* abi() { return &abi_; }
  // Keys and values inside `window` may stay views from now on. What was emitted before is handed
  // over first.
  Status SetWindow(Bytes window);
  // Hands over what is there. Returns the first failure of any hand-over.
  Status Flush();

  // From now on nothing reaches the sink until Release; Discard drops what was emitted since Hold
  // or Release.
  void Hold() { holding_ = true; }
  void StopHolding() { holding_ = false; }
  Status Release();
  void Discard();

  uint64_t pairs() const { return pairs_total_; }

 private:
  struct Abi : minke_emitter {
    Emitter* owner;
  };
  static void OnFlush(minke_emitter* abi);
  static void OnReserve(minke_emitter* abi, size_t bytes);
  void HandOver();
  Status Check(std::span<const minke_pair> batch) const;
  void Keep(std::span<const minke_pair> batch);
  void Fail(Error error);
  void ResizeScratch(size_t bytes);

  Abi abi_{};
  Sink sink_;
  bool value_is_bytes_;
  bool holding_ = false;
  std::vector<minke_pair> pairs_;
  Arena scratch_;
  std::vector<minke_pair> held_;
  std::vector<std::unique_ptr<char[]>> held_bytes_;
  std::thread::id owner_thread_ = std::this_thread::get_id();
  Status failure_;
  uint64_t pairs_total_ = 0;
};

}  // namespace minke
