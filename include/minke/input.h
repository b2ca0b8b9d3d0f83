// What a map reads: a whole batch of text, a line, a fixed-length record, or a key and a value.
// Part of <minke/job.h>. All are views: valid until the map returns.
#pragma once

#include <cstdint>
#include <string_view>

#include <minke/abi.h>
#include <minke/internal/pieces.h>

namespace minke {
// A batch of whole lines: the fastest way to read.
class Text {
 public:
  Text(const minke_batch* batch, const minke_host* host) : batch_(batch), host_(host) {}

  // All bytes, line ends included; 64 bytes behind it may be read, and mean nothing.
  std::string_view data() const { return {batch_->data, batch_->size}; }
  // Runs of bytes other than space \t \n \v \f \r.
  internal::Pieces words() const { return {host_->split_words, data()}; }
  // Lines without their \n and one \r before it.
  internal::Pieces lines() const { return {host_->split_lines, data()}; }

  std::string_view path() const { return internal::View(batch_->path); }  // as the user named it
  std::string_view tag() const { return internal::View(batch_->tag); }    // `left` of left=PATH
  uint64_t offset() const { return batch_->offset; }                      // of data() in its file
  // The words of any view into data().
  internal::Pieces words(std::string_view part) const { return {host_->split_words, part}; }

 private:
  const minke_batch* batch_;
  const minke_host* host_;
};

// One line, without its end; it is a std::string_view that knows where it stands.
class Line : public std::string_view {
 public:
  Line(std::string_view line, const Text& text) : std::string_view(line), text_(&text) {}

  internal::Pieces words() const { return text_->words(*this); }
  internal::Pieces words(size_t from) const { return text_->words(substr(from)); }
  std::string_view path() const { return text_->path(); }
  std::string_view tag() const { return text_->tag(); }
  uint64_t offset() const {
    return text_->offset() + static_cast<uint64_t>(data() - text_->data().data());
  }

 private:
  const Text* text_;
};

// One record of the length that the job declares with .FixedRecords(size, key_size).
class FixedRecord {
 public:
  FixedRecord(const minke_batch& batch, const char* at) : batch_(batch), at_(at) {}

  std::string_view bytes() const { return {at_, batch_.record_size}; }
  std::string_view key() const { return {at_, batch_.key_size}; }
  std::string_view path() const { return internal::View(batch_.path); }
  std::string_view tag() const { return internal::View(batch_.tag); }

 private:
  const minke_batch& batch_;
  const char* at_;
};

// A row of a table: its columns are the fields of the key, then those of the value.
template <class K, class V>
class Record {
 public:
  using Key = K;
  using Value = V;
  Record(K key, V value, const minke_batch& batch) : key_(key), value_(value), batch_(batch) {}

  const K& key() const { return key_; }
  const V& value() const { return value_; }
  std::string_view path() const { return internal::View(batch_.path); }
  std::string_view tag() const { return internal::View(batch_.tag); }

 private:
  K key_;
  V value_;
  const minke_batch& batch_;
};

}  // namespace minke
