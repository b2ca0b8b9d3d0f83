// Reads an input split whose pieces are all tables, in batches of records (see row_fields.h): what
// InputReader is for lines. Used by one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <minke/abi.h>

#include "base/result.h"
#include "port/store.h"
#include "task/table/row_fields.h"
#include "task/table/table_rows.h"

#include "proto/minke.pb.h"

namespace minke {

struct RecordOptions {
  minke_type key = MINKE_NONE;
  minke_type value = MINKE_NONE;
  bool careful = false;  // batches of one record
  Store* store = nullptr;
};

class TableRecords {
 public:
  // `plan` and `split` outlive it.
  TableRecords(const proto::Plan* plan, const proto::Split* split, const RecordOptions& options);
  ~TableRecords();

  // The next batch, never empty, valid until the next call; nullptr at the end. Keys and values lie
  // within its `data`.
  Result<const minke_batch*> Next();

  uint64_t records_done() const { return records_done_; }
  uint64_t bytes_done() const { return bytes_done_; }  // of keys and values
  uint64_t stored_bytes_done() const { return bytes_done_; }

 private:
  struct Piece;
  Status OpenPiece();
  // False: the piece at hand has no more rows.
  Result<bool> AddRow();

  const proto::Plan& plan_;
  const proto::Split& split_;
  RecordOptions options_;
  int next_piece_ = 0;
  std::unique_ptr<Piece> piece_;  // at hand, or null
  std::string bytes_;
  std::vector<minke_record> records_;
  std::string path_;  // with room to read behind it, as the tag
  std::string tag_;
  minke_batch batch_{};
  uint64_t records_done_ = 0;
  uint64_t bytes_done_ = 0;
};

}  // namespace minke
