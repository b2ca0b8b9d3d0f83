// Tuples as bytes and back; the layout is in <minke/codec.h>. Part of <minke/job.h>; all inline.
//
// Decoded bytes are views of the encoded ones where nothing was escaped, else of the `room` that
// the caller lends; both must outlive the tuple.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

#include <minke/codec.h>

namespace minke::internal {

template <class Field>
size_t FieldSize(const Field& field, bool last) {
  if constexpr (kIsBytes<Field>) {
    if (last) return field.size();
    return field.size() + static_cast<size_t>(std::count(field.begin(), field.end(), '\0')) + 2;
  } else {
    return 8;
  }
}

template <class Field>
char* WriteField(char* to, const Field& field, bool last) {
  if constexpr (!kIsBytes<Field>) {
    StoreBigEndian(to, OrderedBits(field));
    return to + 8;
  } else {
    std::string_view rest = field;
    while (!last) {
      const size_t zero = rest.find('\0');
      const size_t plain = std::min(zero, rest.size());
      to = std::copy_n(rest.data(), plain, to);
      *to++ = '\0';
      *to++ = zero == std::string_view::npos ? '\0' : '\xff';
      if (zero == std::string_view::npos) return to;
      rest.remove_prefix(zero + 1);
    }
    return std::copy_n(rest.data(), rest.size(), to);
  }
}

// What is left of an encoded tuple while its fields are read.
struct TupleReader {
  std::string_view left;
  std::string* room;

  std::string_view Bytes() {
    const size_t zero = left.find('\0');
    if (zero + 1 < left.size() && left[zero + 1] == '\0') {
      const std::string_view field = left.substr(0, zero);
      left.remove_prefix(zero + 2);
      return field;
    }
    return Unescaped();
  }

  std::string_view Unescaped() {
    const size_t begin = room->size();
    size_t i = 0;
    for (; i < left.size() && !(left[i] == '\0' && (i + 1 >= left.size() || left[i + 1] == '\0'));
         ++i) {
      room->push_back(left[i]);
      if (left[i] == '\0') ++i;
    }
    left.remove_prefix(std::min(i + 2, left.size()));
    return std::string_view(*room).substr(begin);
  }

  template <class Field>
  Field Read(bool last) {
    if constexpr (kIsBytes<Field>) {
      return last ? left : Bytes();
    } else {
      const uint64_t bits = left.size() >= 8 ? LoadBigEndian(left.data()) : 0;
      left.remove_prefix(std::min<size_t>(8, left.size()));
      return FromOrderedBits<Field>(bits);
    }
  }
};

template <class... Fields, size_t... I>
size_t TupleSize(const std::tuple<Fields...>& tuple, std::index_sequence<I...>) {
  return (FieldSize(std::get<I>(tuple), I + 1 == sizeof...(I)) + ... + 0);
}

template <class... Fields, size_t... I>
char* WriteTuple(char* to, const std::tuple<Fields...>& tuple, std::index_sequence<I...>) {
  ((to = WriteField(to, std::get<I>(tuple), I + 1 == sizeof...(I))), ...);
  return to;
}

template <class Tuple, size_t... I>
Tuple ReadTuple(TupleReader reader, std::index_sequence<I...>) {
  // Braces fix the order of evaluation.
  return Tuple{reader.Read<std::tuple_element_t<I, Tuple>>(I + 1 == sizeof...(I))...};
}

template <class T>
using TupleFields = std::make_index_sequence<std::tuple_size_v<T>>;

}  // namespace minke::internal

namespace minke {

// Bytes that `value` takes when written.
template <class T>
size_t EncodedSize(const T& value) {
  if constexpr (std::is_same_v<T, None>) {
    return 0;
  } else if constexpr (internal::TypeOf<T>::kIsTuple) {
    return internal::TupleSize(value, internal::TupleFields<T>());
  } else {
    return internal::FieldSize(value, true);
  }
}

// Writes `value` to `to`, which has room for EncodedSize bytes; returns the end.
template <class T>
char* Encode(char* to, const T& value) {
  if constexpr (std::is_same_v<T, None>) {
    return to;
  } else if constexpr (internal::TypeOf<T>::kIsTuple) {
    return internal::WriteTuple(to, value, internal::TupleFields<T>());
  } else {
    return internal::WriteField(to, value, true);
  }
}

// Reads what Encode wrote. `room` keeps what had to be unescaped; its content is replaced.
template <class T>
T Decode(std::string_view bytes, std::string& room) {
  if constexpr (std::is_same_v<T, None>) {
    return {};
  } else if constexpr (internal::TypeOf<T>::kIsTuple) {
    room.clear();
    if (room.capacity() < bytes.size()) room.reserve(bytes.size());  // views into it stay
    return internal::ReadTuple<T>({bytes, &room}, internal::TupleFields<T>());
  } else {
    return internal::TupleReader{bytes, &room}.template Read<T>(true);
  }
}

}  // namespace minke
