// The values of one key, as a reduce or a combiner reads them: once, front to back, in input order.
// Part of <minke/job.h>.
//
// They stream: a group may be larger than memory. A value is valid until the next one is read, the
// key until the function returns.
#pragma once

#include <cstring>
#include <iterator>
#include <stdexcept>
#include <string>
#include <string_view>

#include <minke/abi.h>
#include <minke/tuple_codec.h>

namespace minke {
namespace internal {

// Walks the groups of a partition. [at, end) are the records of the group that are at hand.
class GroupReader {
 public:
  explicit GroupReader(minke_groups* groups) : groups_(groups) {}

  // Goes to the next group, past what is left of this one; false at the end.
  bool NextGroup() {
    while (HasValue()) at_ = end_;
    if (groups_->next == groups_->count && !Refill()) return false;
    at_ = groups_->next;
    FindEnd(at_ + 1);
    const minke_record& record = groups_->records[at_];
    key_ = {record.key, record.key_size};
    if (may_go_on_) {  // a refill voids the record that the key lies in
      key_copy_.assign(key_.data(), key_.size()).append(MINKE_READABLE_BEYOND, '\0');
      key_ = std::string_view(key_copy_).substr(0, key_.size());
    }
    return true;
  }

  std::string_view key() const { return key_; }
  bool HasValue() { return at_ != end_ || (may_go_on_ && GoesOn()); }
  std::string_view value() const {
    const minke_record& record = groups_->records[at_];
    return {record.value, record.value_size};
  }
  void NextValue() { ++at_; }

 private:
  void FindEnd(size_t from) {
    const size_t count = groups_->count;
    end_ = from;
    if (from < count && groups_->first[from] == 0) {
      const void* next = std::memchr(groups_->first + from, 1, count - from);
      end_ = next == nullptr
                 ? count
                 : static_cast<size_t>(static_cast<const uint8_t*>(next) - groups_->first);
    }
    may_go_on_ = end_ == count;
    groups_->next = end_;
  }

  bool Refill() {
    if (!ended_) ended_ = groups_->refill(groups_) == 0;
    return !ended_;
  }

  [[gnu::noinline]] bool GoesOn() {
    may_go_on_ = false;
    if (!Refill() || groups_->first[groups_->next] != 0) {
      at_ = end_ = 0;
      return false;
    }
    at_ = groups_->next;
    FindEnd(at_);
    return true;
  }

  minke_groups* groups_;
  size_t at_ = 0;
  size_t end_ = 0;
  bool may_go_on_ = false;
  bool ended_ = false;
  std::string_view key_;
  std::string key_copy_;
};

}  // namespace internal

// for (V value : values) … reads each value once. A second loop goes on where the first stopped.
template <class V>
class Values {
 public:
  using Value = V;

  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = V;
    using difference_type = std::ptrdiff_t;

    explicit iterator(Values* values) : values_(values) {}
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;

    V operator*() const { return values_->Current(); }
    iterator& operator++() {
      values_->reader_->NextValue();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return !values_->reader_->HasValue(); }

   private:
    Values* values_;
  };

  Values(internal::GroupReader* reader, std::string* room) : reader_(reader), room_(room) {}
  Values(const Values&) = delete;
  Values& operator=(const Values&) = delete;

  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() const { return {}; }

  // The one value of a key, as after an aggregate; throws where there is none left.
  V Only() {
    if (!reader_->HasValue()) throw std::out_of_range("the values of this key are all read");
    const V value = Current();
    reader_->NextValue();
    return value;
  }

 private:
  V Current() const { return Decode<V>(reader_->value(), *room_); }

  internal::GroupReader* reader_;
  std::string* room_;
};

}  // namespace minke
