// The fields of a stored key or value, one after the other: a scalar is one, a tuple several (the
// layout is in <minke/codec.h>). Trusts no length. All inline; any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include <minke/abi.h>
#include <minke/codec.h>

#include "base/bytes.h"

namespace minke {

struct TypedField {
  unsigned type = MINKE_NONE;
  Bytes bytes;              // MINKE_BYTES, perhaps still escaped: 00 FF stands for 00
  bool is_escaped = false;  // bytes holds such
  uint64_t bits = 0;        // of a number, in order-preserving form
};

class FieldReader {
 public:
  FieldReader(minke_type type, Bytes stored) : type_(type), left_(stored) {}

  bool at_end() const { return type_ == 0; }
  // False: the bytes do not have the form of the type.
  bool Next(TypedField& field) {
    field.type = static_cast<unsigned>(type_ & 15);
    type_ >>= 4;
    if (field.type != MINKE_BYTES) {
      if (left_.size() < 8 || (at_end() && left_.size() != 8)) return false;
      field.bits = LoadBe64(left_.data());
      left_.remove_prefix(8);
      return true;
    }
    field.is_escaped = false;
    if (at_end()) {
      field.bytes = left_;
      return true;
    }
    return NextTerminated(field);
  }

 private:
  bool NextTerminated(TypedField& field) {
    size_t zero = left_.find('\0');
    for (; zero + 1 < left_.size(); zero = left_.find('\0', zero + 2)) {
      if (left_[zero + 1] == '\0') {
        field.bytes = left_.substr(0, zero);
        left_.remove_prefix(zero + 2);
        return true;
      }
      if (left_[zero + 1] != '\xff') return false;
      field.is_escaped = true;
      if (zero + 2 >= left_.size()) return false;
    }
    return false;
  }

  minke_type type_;
  Bytes left_;
};

// Writes unescaped bytes; returns the end. No more than field.bytes.size() are written.
inline char* WriteUnescaped(char* to, const TypedField& field) {
  for (size_t i = 0; i < field.bytes.size(); ++i) {
    *to++ = field.bytes[i];
    if (field.bytes[i] == '\0') ++i;
  }
  return to;
}

}  // namespace minke
