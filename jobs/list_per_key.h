// For jobs whose output is a key with the sorted list of what belongs to it.
//
// They emit the pair (key, item) as a key, so that doubles vanish while emitting and items arrive
// sorted; this reduce writes one line for all pairs of a key. Partition them by the first field.
#pragma once

#include <string>
#include <string_view>
#include <tuple>

#include <minke/job.h>

using KeyAndItem = std::tuple<std::string_view, std::string_view>;

class ListPerKey {
 public:
  using Lines = minke::Emit<std::string_view, std::string_view>;

  void operator()(const KeyAndItem& pair, minke::Values<uint64_t>&, Lines& emit) {
    const auto& [key, item] = pair;
    if (has_key_ && key == key_) {
      items_.append(1, ' ').append(item);
      return;
    }
    End(emit);
    has_key_ = true;
    key_.assign(key);
    items_.assign(item);
  }

  void End(Lines& emit) {
    if (has_key_) emit(key_, items_);
  }

 private:
  bool has_key_ = false;
  std::string key_;
  std::string items_;
};
