// The words or lines of a text, cut by a function of the host 256 at a time. Part of <minke/job.h>;
// users meet it as what text.words() and text.lines() return: a single-pass range of views.
#pragma once

#include <iterator>
#include <string_view>

#include <minke/abi.h>

namespace minke::internal {

inline std::string_view View(minke_bytes bytes) { return {bytes.data, bytes.size}; }

using SplitFunction = size_t (*)(const char*, size_t, minke_bytes*, size_t, size_t*);

class Pieces {
 public:
  class iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;

    explicit iterator(Pieces* pieces) : pieces_(pieces) { Refill(); }
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;

    std::string_view operator*() const { return View(*at_); }
    iterator& operator++() {
      if (++at_ == end_) [[unlikely]]
        Refill();
      return *this;
    }
    void operator++(int) { ++*this; }
    bool operator==(std::default_sentinel_t) const { return at_ == end_; }

   private:
    void Refill() {
      at_ = pieces_->pieces_;
      end_ = at_ + Pieces::Refill(pieces_);
    }

    // In registers while user code runs: only the Pieces itself is handed out.
    Pieces* pieces_;
    const minke_bytes* at_;
    const minke_bytes* end_;
  };

  Pieces(SplitFunction split, std::string_view text) : split_(split), rest_(text) {}

  iterator begin() { return iterator(this); }
  std::default_sentinel_t end() const { return {}; }

 private:
  static constexpr size_t kCapacity = 256;

  [[gnu::noinline]] static size_t Refill(Pieces* self) {
    size_t count = 0;
    while (count == 0 && !self->rest_.empty()) {
      size_t consumed = 0;
      count =
          self->split_(self->rest_.data(), self->rest_.size(), self->pieces_, kCapacity, &consumed);
      self->rest_.remove_prefix(consumed);
    }
    return count;
  }

  SplitFunction split_;
  std::string_view rest_;
  minke_bytes pieces_[kCapacity];
};

}  // namespace minke::internal
