// The rows of one query, page by page, the next one on its way while this one is looked at. Pages
// are of about 4 MiB, whatever the length of rows. Used by one thread.
#pragma once

#include <string>

#include "adapter/cassandra/connection.h"
#include "base/result.h"

namespace minke {

class Pager {
 public:
  // Where the bulk of a row is.
  struct Bulk {
    size_t first_column;
    size_t columns = 1;
    size_t rows_max = 32;  // of a page
  };
  // Bytes that the values name outlive the pager.
  Pager(Dispatcher* dispatcher, Connection::StatementPtr statement, CqlValues values, Bulk bulk);
  ~Pager();
  Pager(const Pager&) = delete;
  Pager& operator=(const Pager&) = delete;

  // Moves to the first or next row; false: there is none. After an error it may be called again.
  Result<bool> Next();

  const CqlResult& rows() const { return rows_; }
  size_t row() const { return row_; }  // in rows()

 private:
  Status Ask();
  void Measure();

  Dispatcher* dispatcher_;
  Connection::StatementPtr statement_;
  CqlValues values_;
  Bulk bulk_;
  size_t page_rows_;
  Dispatcher::CallPtr call_;
  std::string page_;
  CqlResult rows_;
  size_t row_ = 0;
  bool is_over_ = false;
};

}  // namespace minke
