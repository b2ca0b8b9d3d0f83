// The files of dataset versions, in the tables `dataset_files` (which slices of a file there are)
// and `dataset_chunks` (a slice is kSliceChunks chunks, in a partition of its own; a chunk is cut
// into rows of kPieceBytes, and each says how many there are, and the checksum of the chunk).
// A slice's row is written before its chunks and removed after them: what was written is found, and
// can be dropped, by the version alone. Thread-safe; writers and scans are used by one thread.
#pragma once

#include <memory>

#include "adapter/cassandra/connection.h"
#include "base/ids.h"
#include "base/result.h"
#include "port/store.h"

namespace minke {

class DatasetFiles {
 public:
  static constexpr uint32_t kSliceChunks = 256;
  static constexpr size_t kPieceBytes = size_t{512} << 10;

  explicit DatasetFiles(Connection* connection) : connection_(connection) {}

  Result<std::unique_ptr<ChunkWriter>> Write(const DatasetFile& file);
  // Read at LOCAL_QUORUM: nobody here could tell that the end is missing. After an error the scan
  // says the same for ever: begin another.
  Result<std::unique_ptr<ChunkScan>> Scan(const DatasetFile& file, uint32_t first);
  Status Drop(Incarnation version);

 private:
  Connection* connection_;
};

}  // namespace minke
