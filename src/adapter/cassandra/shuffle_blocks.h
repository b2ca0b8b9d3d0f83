// The blocks of one shuffle table: writing an attempt's, and scanning a bucket's. What a writer has
// on its way is bounded by the dispatcher's window, what a scan holds by two pages of about
// 4 MiB. Each is used by one thread.
#pragma once

#include <memory>

#include "adapter/cassandra/connection.h"
#include "adapter/cassandra/shuffle_tables.h"
#include "base/ids.h"
#include "base/result.h"
#include "port/store.h"

namespace minke {

// The tables and the connection outlive what these make.
struct ShuffleAccess {
  Connection* connection = nullptr;
  ShuffleTables* tables = nullptr;
  Incarnation job;
  ShuffleTable table;

  // kNotFound of Cassandra's, with the port's name of the table.
  Error Named(const Error& error) const;
};

Result<std::unique_ptr<ShuffleWriter>> OpenShuffleWriter(const ShuffleAccess& access);
// Reads the first page: kNotFound if the table is gone. After an error other than kCorruption the
// scan says the same for ever: begin another.
Result<std::unique_ptr<ShuffleScan>> OpenShuffleScan(const ShuffleAccess& access,
                                                     const ShuffleRange& range);

}  // namespace minke
