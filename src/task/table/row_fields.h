// How a table's columns become the fields of records, for jobs that map minke::Record<K, V>: those
// of the key, then those of the value, in the order of the columns, of which there are as many.
//
// An integer field takes integers, counters and timestamps (milliseconds), a floating-point one
// float, double and decimal, one of bytes anything: texts and blobs as they are, others as they
// stand in JSON, without its quotes. Null is empty bytes or not a number; an integer cannot be
// null. Used by one thread.
#pragma once

#include <span>
#include <string>
#include <vector>

#include <minke/abi.h>

#include "base/result.h"
#include "task/output/line_buffer.h"
#include "task/table/table.h"

namespace minke {

class RowFields {
 public:
  // kInvalidArgument: the table's columns do not fit these types, column and type named. `table`
  // outlives this.
  static Result<RowFields> Make(const Table* table, minke_type key, minke_type value);

  // Appends the record's key, then its value, in stored form. kInput: a cell does not fit.
  Status AppendKey(std::string& to, std::span<const Cell> cells);
  Status AppendValue(std::string& to, std::span<const Cell> cells);

 private:
  RowFields(const Table* table, size_t key_fields) : table_(table), key_fields_(key_fields) {}
  Status Append(std::string& to, std::span<const Cell> cells, size_t begin, size_t end);
  Status AppendNumber(std::string& to, size_t field, const Cell& cell);
  Status AppendBytes(std::string& to, size_t field, const Cell& cell, bool is_last);
  // As in JSON, without quotes; a view that lives until the next call.
  Result<Bytes> TextOf(size_t field, Bytes cell);

  const Table* table_;
  size_t key_fields_;
  std::vector<unsigned> types_;
  LineBuffer text_;
};

}  // namespace minke
