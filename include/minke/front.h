// The fluent front: minke::Map(…) and what may follow it. Part of <minke/job.h>.
//
//   Map(f)  .Aggregate(a)                        each key with its finished value
//           .Aggregate(a).Reduce(f)              f sees each key with that one value
//           [.Combine(f)] [.SortValues()] .Reduce(f)
//           .SortByKey()                         what the map emits, in key order
//           .MapOnly()                           what the map emits, in input order
//
// and, in any place behind Map, the settings of <minke/settings.h>. What the chain ends with
// converts to a minke::Job. Wrong use fails to compile, with advice.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>

#include <minke/internal/aggregate_checks.h>
#include <minke/internal/front_checks.h>
#include <minke/internal/map_thunk.h>
#include <minke/settings.h>

namespace minke {
namespace internal {

// A job that is whole: K is what its map emits, OV the value that it outputs.
template <class K, class OV, class Input>
class Whole : public Settings<Whole<K, OV, Input>, K, Input> {
 public:
  explicit Whole(std::unique_ptr<Declaration> job) : Settings<Whole, K, Input>(std::move(job)) {}

  // The output is the values alone, one behind the other, without separator or line end.
  Whole&& RawOutput() {
    static_assert(kIsBytes<OV>, "minke: RawOutput needs std::string_view values in the output");
    this->job_->raw_output = 1;
    return std::move(*this);
  }

  std::unique_ptr<Declaration> Take() && { return std::move(this->job_); }
};

// A job whose values are aggregated to A.
template <class K, class A, class Input>
class Aggregated : public Settings<Aggregated<K, A, Input>, K, Input> {
 public:
  explicit Aggregated(std::unique_ptr<Declaration> job)
      : Settings<Aggregated, K, Input>(std::move(job)) {}

  template <class F>
  auto Reduce(F function) {
    using Checked = GroupCheck<F, K, A>;
    Checked::Reduce();
    if constexpr (Checked::kFits) {
      GroupThunk<kReduce, F, K, A, typename Checked::OutKey, typename Checked::OutValue>::Declare(
          *this->job_, std::move(function));
    }
    return Whole<K, typename Checked::OutValue, Input>(std::move(this->job_));
  }

  std::unique_ptr<Declaration> Take() && { return std::move(this->job_); }
};

// What Map returns: it emits K and V.
template <class K, class V, class Input>
class Mapped : public Settings<Mapped<K, V, Input>, K, Input> {
 public:
  explicit Mapped(std::unique_ptr<Declaration> job) : Settings<Mapped, K, Input>(std::move(job)) {}

  // Count(), Sum(), Min(), Max(), or a struct of your own; see <minke/aggregate.h>.
  template <class A>
  auto Aggregate(A aggregate) {
    using Checked = AggregateCheck<A, V>;
    Checked::Check();
    if constexpr (Checked::kFits) Checked::Declare(*this->job_, std::move(aggregate));
    return Aggregated<K, typename Checked::Finished, Input>(std::move(this->job_));
  }

  template <class F>
  auto Reduce(F function) {
    using Checked = GroupCheck<F, K, V>;
    Checked::Reduce();
    if constexpr (Checked::kFits) {
      GroupThunk<kReduce, F, K, V, typename Checked::OutKey, typename Checked::OutValue>::Declare(
          *this->job_, std::move(function));
    }
    return Whole<K, typename Checked::OutValue, Input>(std::move(this->job_));
  }

  // Makes the values of a key fewer before they are shuffled: never, once or often. It emits the
  // key that it got. With it, the order of values is not promised.
  template <class F>
  Mapped&& Combine(F function) {
    using Checked = GroupCheck<F, K, V>;
    Checked::Combine();
    if constexpr (Checked::kFits) {
      GroupThunk<kCombine, F, K, V, K, V>::Declare(*this->job_, std::move(function));
    }
    return std::move(*this);
  }

  // The values of a key come in byte order of their stored form (numbers: in numeric order).
  Mapped&& SortValues() {
    this->job_->sort_values = 1;
    return std::move(*this);
  }

  auto SortByKey() { return Whole<K, V, Input>(std::move(this->job_)); }

  auto MapOnly() {
    this->job_->map_only = 1;
    return Whole<K, V, Input>(std::move(this->job_));
  }
};

}  // namespace internal

// The function is called for each batch of text, line, fixed record or record of a dataset, as its
// first parameter says:
//
//   [](const minke::Text& text, minke::Emit<Key, Value>& emit)            the fastest
//   [](const minke::Line& line, minke::Emit<Key, Value>& emit)
//   [](const minke::FixedRecord& record, minke::Emit<Key, Value>& emit)
//   [](const minke::Record<K, V>& record, minke::Emit<Key, Value>& emit)
//
// and may take a minke::Task& at the end. It may be an object with state: each attempt gets a copy
// of its own (or what it returns, if it takes no parameters), and calls its Begin(Task&) before and
// its End(Emit&) after the batches, if it has them. The same holds for Reduce and Combine.
template <class F>
auto Map(F function) {
  using Checked = internal::MapCheck<F>;
  Checked::Check();
  auto job = std::make_unique<internal::Declaration>();
  if constexpr (Checked::kFits) {
    internal::MapThunk<F, typename Checked::Input, typename Checked::Key,
                       typename Checked::Value>::Declare(*job, std::move(function));
  }
  return internal::Mapped<typename Checked::Key, typename Checked::Value, typename Checked::Input>(
      std::move(job));
}

}  // namespace minke
