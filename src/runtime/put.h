// `minke put`: files of this machine become a new version of a dataset.
//
//   row of the job "put NAME"   who is at it: incarnation = the version, spec = the files as they
//   are chunks, in stretches        by several threads, and by several processes that put the same
//   files "put-<file>-<stretch>"      a stretch is through; whoever goes on leaves it out manifest
//   → the dataset's row → row finished
//
// Killed anywhere, the same command goes on; nobody sees the version before it is whole. Compressed
// files are put unpacked, each as one stretch.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "base/ids.h"
#include "base/result.h"
#include "port/store.h"
#include "shuffle/block.h"

#include "proto/minke.pb.h"

namespace minke {

struct PutProgress {
  uint64_t bytes_done = 0;  // of the files, as they are stored
  uint64_t bytes = 0;
};

struct PutOptions {
  uint32_t threads = 1;
  uint32_t record_bytes = 0;  // of fixed-length records; 0: text
  Codec codec = Codec::kLz4;
  std::string spill_folder = "/tmp";  // for what comes through pipes
  // Called by the calling thread, about five times a second.
  std::function<void(const PutProgress&)> on_progress;
  const std::atomic<int>* stop = nullptr;  // not 0: ends with kCancelled
};

struct PutDone {
  Incarnation version;
  uint64_t files = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;      // unpacked
  bool was_there = false;  // the very same files had been put, and still stand
};

// kInput: as of input files; kUnavailable: other files are being put under that name, or it was
// given another version meanwhile.
Result<PutDone> PutFiles(Store& store, const std::string& dataset,
                         std::span<const std::string> inputs, const PutOptions& options);
// The same of files that were found, and are as they were then.
Result<PutDone> PutFiles(Store& store, const std::string& dataset,
                         std::span<const proto::InputFile> files, const PutOptions& options);

// Whether a job's row is one of ours; a job of the user's cannot have such a name.
bool IsPutRow(const std::string& job_name);

// Takes the version away from the dataset's name, and from whoever is putting it; its bytes stay.
// kUnavailable: the name was given another one meanwhile.
Status RetireVersion(Store& store, const std::string& dataset, Incarnation version);

}  // namespace minke
