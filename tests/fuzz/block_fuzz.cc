// Fuzz target: the block decoder, on any bytes and on sound blocks with any payload.
#include <cstdint>
#include <cstdlib>

#include "base/bytes.h"
#include "shuffle/block.h"

namespace {

// Reads every record to its end, and 64 bytes beyond.
void Touch(std::span<const minke_record> records) {
  unsigned sum = 0;
  for (const minke_record& record : records) {
    for (size_t i = 0; i < record.key_size + MINKE_READABLE_BEYOND; ++i) {
      sum += static_cast<uint8_t>(record.key[i]);
    }
    for (size_t i = 0; i < record.value_size; ++i) sum += static_cast<uint8_t>(record.value[i]);
  }
  volatile unsigned sink = sum;
  (void)sink;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const minke::Bytes input(reinterpret_cast<const char*>(data), size);
  minke::BlockDecoder decoder;
  if (const auto records = decoder.Decode(input)) Touch(*records);

  // What was built from the input must come back as it was.
  minke::BlockBuilder builder({.codec = minke::Codec::kLz4});
  const minke::Bytes key = input.substr(0, size / 2);
  const minke::Bytes value = input.substr(size / 2);
  builder.Add(key, value);
  builder.Add(value, key);
  minke::BlockDecoder again;
  const auto records = again.Decode(builder.Seal());
  if (!records || records->size() != 2) std::abort();
  if (minke::Bytes((*records)[1].key, (*records)[1].key_size) != value) std::abort();
  Touch(*records);
  return 0;
}
