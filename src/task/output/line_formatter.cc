#include "task/output/line_formatter.h"

#include <charconv>
#include <cmath>
#include <emmintrin.h>
#include <fmt/format.h>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "task/output/json_line.h"
#include "task/output/line_buffer.h"
#include "task/output/typed_field.h"

namespace minke {
namespace {

constexpr size_t kNumberBytes = 32;  // more than any number needs

// 64 bytes behind every key and value are readable, and behind every room of the buffer writable.
inline char* CopyBytes(char* to, Bytes bytes) {
  if (bytes.size() > 32) {
    std::memcpy(to, bytes.data(), bytes.size());
  } else if (!bytes.empty()) {
    const auto* from = reinterpret_cast<const __m128i*>(bytes.data());
    const __m128i low = _mm_loadu_si128(from);
    const __m128i high = _mm_loadu_si128(from + 1);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), low);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to) + 1, high);
  }
  return to + bytes.size();
}

template <typename T>
inline char* WriteNumber(char* to, T value) {
  if constexpr (std::is_same_v<T, double>) {
    if (std::isnan(value)) return std::copy_n("nan", 3, to);
  }
  return std::to_chars(to, to + kNumberBytes, value).ptr;
}

// ---- how a key or value of each type is written: chosen once per formatter
//
// Room is what Write takes at most; Write returns the end, or null if the bytes do not have the
// form of the type.

struct NoField {
  explicit NoField(minke_type) {}
  static size_t Room(Bytes) { return 0; }
  static char* Write(char* to, Bytes) { return to; }
};

struct BytesField {
  explicit BytesField(minke_type) {}
  static size_t Room(Bytes bytes) { return bytes.size(); }
  static char* Write(char* to, Bytes bytes) { return CopyBytes(to, bytes); }
};

template <typename T>
struct NumberField {
  using Number = T;
  explicit NumberField(minke_type) {}
  static size_t Room(Bytes) { return kNumberBytes; }
  static size_t Room(T) { return kNumberBytes; }
  static char* Write(char* to, T value) { return WriteNumber(to, value); }
  static char* Write(char* to, Bytes stored) {
    if (stored.size() != 8) return nullptr;
    return WriteNumber(to, internal::FromOrderedBits<T>(LoadBe64(stored.data())));
  }
};

// Of any type; for keys that are numbers, and for tuples.
class AnyField {
 public:
  explicit AnyField(minke_type type) : type_(type) {}
  static size_t Room(Bytes bytes) { return bytes.size() + 16 * (kNumberBytes + 1); }
  char* Write(char* to, Bytes stored) const {
    FieldReader fields(type_, stored);
    for (bool is_first = true; !fields.at_end(); is_first = false) {
      TypedField field;
      if (!fields.Next(field)) return nullptr;
      if (!is_first) *to++ = '\t';
      to = WriteField(to, field);
    }
    return to;
  }

 private:
  static char* WriteField(char* to, const TypedField& field) {
    switch (field.type) {
      case MINKE_I64:
        return WriteNumber(to, internal::FromOrderedBits<int64_t>(field.bits));
      case MINKE_U64:
        return WriteNumber(to, field.bits);
      case MINKE_F64:
        return WriteNumber(to, internal::FromOrderedBits<double>(field.bits));
      default:
        return field.is_escaped ? WriteUnescaped(to, field) : CopyBytes(to, field.bytes);
    }
  }

  minke_type type_;
};

template <typename Record>
inline Bytes KeyOf(const Record& record) {
  return {record.key, record.key_size};
}

// A pair's value is the number itself where its type is a scalar.
template <typename Field>
inline auto ValueOf(const minke_pair& pair) {
  if constexpr (std::is_same_v<Field, NumberField<int64_t>>) {
    return pair.value.i64;
  } else if constexpr (std::is_same_v<Field, NumberField<uint64_t>>) {
    return pair.value.u64;
  } else if constexpr (std::is_same_v<Field, NumberField<double>>) {
    return pair.value.f64;
  } else {
    return Bytes(pair.value.bytes, pair.value_size);
  }
}

template <typename Field>
inline Bytes ValueOf(const minke_record& record) {
  return {record.value, record.value_size};
}

// The stored form of a pair's value; `room` has 8 bytes for a number.
Bytes StoredValue(const minke_pair& pair, minke_type type, char* room) {
  switch (type) {
    case MINKE_I64:
      StoreBe64(room, internal::OrderedBits(pair.value.i64));
      return {room, 8};
    case MINKE_U64:
      StoreBe64(room, pair.value.u64);
      return {room, 8};
    case MINKE_F64:
      StoreBe64(room, internal::OrderedBits(pair.value.f64));
      return {room, 8};
    case MINKE_NONE:
      return {};
    default:
      return {pair.value.bytes, pair.value_size};
  }
}

Bytes StoredValue(const minke_record& record, minke_type, char*) {
  return {record.value, record.value_size};
}

}  // namespace

struct LineFormatter::State {
  template <typename Record>
  using AppendFunction = bool (*)(State&, std::span<const Record>);

  explicit State(const LineOptions& given) : options(given) {}

  // Of a line or record that ends the buffer and began at `begin`.
  void Count(const char* begin, const char* end) {
    fingerprint += XXH3_64bits(begin, static_cast<size_t>(end - begin));
    ++records;
  }
  void End(char* end) {
    buffer.EndAt(end);
    if (options.keep_ends) ends.push_back(buffer.size());
  }

  template <typename KeyField, typename ValueField, typename Record>
  static bool AppendText(State& state, std::span<const Record> batch) {
    const KeyField key_field(state.options.key);
    const ValueField value_field(state.options.value);
    for (const Record& record : batch) {
      const Bytes key = KeyOf(record);
      const auto value = ValueOf<ValueField>(record);
      char* const begin = state.buffer.Room(KeyField::Room(key) + ValueField::Room(value) + 2);
      char* const key_end = key_field.Write(begin, key);
      if (key_end == nullptr) return false;
      char* value_begin = key_end + (key_end != begin ? 1 : 0);
      char* end = value_field.Write(value_begin, value);
      if (end == nullptr) return false;
      if (end == value_begin) {
        end = key_end;
      } else if (value_begin != key_end) {
        *key_end = '\t';
      }
      state.Count(begin, end);
      *end = '\n';
      state.End(end + 1);
    }
    return true;
  }

  template <typename Record>
  static bool AppendJson(State& state, std::span<const Record> batch) {
    const LineOptions& options = state.options;
    for (const Record& record : batch) {
      const size_t begin = state.buffer.size();
      char room[8];
      const Bytes value = StoredValue(record, options.value, room);
      if (!AppendJsonLine(state.buffer, options.key, KeyOf(record), options.value, value)) {
        state.buffer.EndAt(state.buffer.data() + begin);
        return false;
      }
      char* const end = state.buffer.Room(1);
      state.Count(state.buffer.data() + begin, end);
      *end = '\n';
      state.End(end + 1);
    }
    return true;
  }

  template <typename Record>
  static bool AppendRaw(State& state, std::span<const Record> batch) {
    char room[8 + MINKE_READABLE_BEYOND] = {};
    for (const Record& record : batch) {
      const Bytes value = StoredValue(record, state.options.value, room);
      if (state.records == 0) state.record_bytes = value.size();
      if (state.record_bytes != value.size()) state.record_bytes = 0;
      state.Count(value.data(), value.data() + value.size());
      state.End(CopyBytes(state.buffer.Room(value.size()), value));
    }
    return true;
  }

  template <typename Record, typename KeyField>
  static AppendFunction<Record> ForValue(minke_type value) {
    switch (value) {
      case MINKE_NONE:
        return AppendText<KeyField, NoField, Record>;
      case MINKE_BYTES:
        return AppendText<KeyField, BytesField, Record>;
      case MINKE_I64:
        return AppendText<KeyField, NumberField<int64_t>, Record>;
      case MINKE_U64:
        return AppendText<KeyField, NumberField<uint64_t>, Record>;
      case MINKE_F64:
        return AppendText<KeyField, NumberField<double>, Record>;
      default:
        return AppendText<KeyField, AnyField, Record>;
    }
  }

  template <typename Record>
  static AppendFunction<Record> For(const LineOptions& options) {
    if (options.format == OutputFormat::kJson) return AppendJson<Record>;
    if (options.format == OutputFormat::kRaw) return AppendRaw<Record>;
    if (options.key == MINKE_NONE) return ForValue<Record, NoField>(options.value);
    if (options.key == MINKE_BYTES) return ForValue<Record, BytesField>(options.value);
    return ForValue<Record, AnyField>(options.value);
  }

  const LineOptions options;
  const AppendFunction<minke_pair> append_pairs = For<minke_pair>(options);
  const AppendFunction<minke_record> append_records = For<minke_record>(options);
  LineBuffer buffer;
  std::vector<size_t> ends;
  uint64_t records = 0;
  uint64_t fingerprint = 0;
  uint64_t record_bytes = 0;
};

namespace {

Error WrongForm(uint64_t record) {
  return Error{ErrorCode::kUserCode,
               fmt::format("output record {} has a key or value that is not what its declared type "
                           "says: numbers take 8 bytes, tuples what <minke/codec.h> draws",
                           record)};
}

}  // namespace

LineFormatter::LineFormatter(const LineOptions& options)
    : state_(std::make_unique<State>(options)) {}
LineFormatter::~LineFormatter() = default;
LineFormatter::LineFormatter(LineFormatter&&) noexcept = default;
LineFormatter& LineFormatter::operator=(LineFormatter&&) noexcept = default;

Status LineFormatter::Append(std::span<const minke_pair> pairs) {
  if (!state_->append_pairs(*state_, pairs)) return WrongForm(state_->records);
  return {};
}

Status LineFormatter::Append(std::span<const minke_record> records) {
  if (!state_->append_records(*state_, records)) return WrongForm(state_->records);
  return {};
}

Bytes LineFormatter::bytes() const { return {state_->buffer.data(), state_->buffer.size()}; }
std::span<const size_t> LineFormatter::ends() const { return state_->ends; }

void LineFormatter::Clear() {
  state_->buffer.Clear();
  state_->ends.clear();
}

uint64_t LineFormatter::records() const { return state_->records; }
uint64_t LineFormatter::fingerprint() const { return state_->fingerprint; }
uint64_t LineFormatter::record_bytes() const { return state_->record_bytes; }

}  // namespace minke
