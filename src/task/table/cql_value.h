// Values of CQL as JSON and back: as Cassandra itself has them in SELECT JSON and INSERT JSON.
//
//   text a string; blob "0x…"; numbers as numbers; boolean; timestamp "2026-01-31 07:05:09.250Z",
//   always UTC; date "2026-01-31"; time "07:05:09.250000000"; uuid and inet strings; list and set
//   arrays, map an object, tuple an array; null
//
// On the way back any of them may also be a string that holds it, and a timestamp its milliseconds.
// Pure; any thread.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/bytes.h"
#include "base/result.h"
#include "task/output/line_buffer.h"
#include "task/table/cql_type.h"

namespace minke {

// Appends a value that is not null. False: these are no bytes of the type.
bool AppendCqlJson(LineBuffer& to, const CqlType& type, Bytes value);

// kInput: it is no value of the type, or does not fit.
Result<std::string> CqlOfJson(const CqlType& type, const nlohmann::json& value);

}  // namespace minke
