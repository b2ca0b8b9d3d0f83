// What _SUCCESS says: one line of JSON that depends on the output's records alone.
//
//   {"format_version":1,"records":2,"fingerprint":"00c0ffee00c0ffee","side_outputs":{…}}
//
// Raw records of one size add "record_bytes"; raw ones of several sizes say 0 there. side_outputs
// is left out when there are none. Pure; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

namespace minke {

inline constexpr int kOutputFormatVersion = 1;

struct OutputSummary {
  uint64_t records = 0;
  uint64_t fingerprint = 0;
  std::optional<uint64_t> record_bytes;  // set: raw records
  bool operator==(const OutputSummary&) const = default;
};

struct SuccessFile {
  OutputSummary main;
  std::map<std::string, OutputSummary> side_outputs;
  bool operator==(const SuccessFile&) const = default;
};

std::string FormatSuccess(const SuccessFile& success);
// kInput: `text` is no such line, or of another version.
Result<SuccessFile> ParseSuccess(Bytes text);

}  // namespace minke
