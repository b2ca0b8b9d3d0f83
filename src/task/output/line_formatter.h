// Formats records as output lines, into a buffer.
//
//   text   key TAB value LF; an empty key or value (or one without a type) without the TAB; numbers
//          in decimal by their type, tuples as TAB-separated fields
//   JSON   {"key":…,"value":…} LF; bytes that are not UTF-8 as {"base64":"…"}, tuples as
//          arrays, a key or value without a type is left out, doubles that JSON cannot hold as the
//          strings "NaN", "Infinity", "-Infinity"
//   raw    the value's bytes alone
//
// Doubles are the shortest decimals that read back. The fingerprint is the sum (mod 2^64) of
// XXH3_64 of each line without its LF, or of each raw record: the same whatever the order and the
// number of parts. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include <minke/abi.h>

#include "base/bytes.h"
#include "base/result.h"

namespace minke {

enum class OutputFormat : uint8_t { kText, kJson, kRaw };

struct LineOptions {
  OutputFormat format = OutputFormat::kText;
  minke_type key = MINKE_BYTES;
  minke_type value = MINKE_BYTES;
  bool keep_ends = false;  // remember where each line ends
};

class LineFormatter {
 public:
  explicit LineFormatter(const LineOptions& options);
  ~LineFormatter();
  LineFormatter(LineFormatter&&) noexcept;
  LineFormatter& operator=(LineFormatter&&) noexcept;

  // Append the lines of the records to the buffer. kUserCode: a key or value does not have the
  // form of its type (what was appended before it stays).
  Status Append(std::span<const minke_pair> pairs);
  Status Append(std::span<const minke_record> records);

  // What was appended since Clear. 64 bytes behind it are readable.
  Bytes bytes() const;
  // With keep_ends: where each line in bytes() ends, behind its LF.
  std::span<const size_t> ends() const;
  void Clear();

  // Since construction.
  uint64_t records() const;
  uint64_t fingerprint() const;
  // Raw: the size that all records had; 0 if there were others, or none.
  uint64_t record_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace minke
