// minke::Job: what a job function returns. Part of <minke/job.h>.
#pragma once

#include <memory>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include <minke/front.h>

namespace minke {

// A job as a value: what a job function returns.
class Job {
 public:
  template <class K, class V, class Input>
  Job(internal::Whole<K, V, Input>&& whole) : Job(std::move(whole).Take()) {}
  template <class K, class A, class Input>
  Job(internal::Aggregated<K, A, Input>&& aggregated) : Job(std::move(aggregated).Take()) {}
  template <class K, class V, class Input>
  Job(internal::Mapped<K, V, Input>&&) {
    static_assert(!std::is_same_v<K, K>,
                  "minke: say what follows the map: .Aggregate(…), .Reduce(…), .SortByKey() for "
                  "what it emits in key order, or .MapOnly() for what it emits in input order");
  }

  std::unique_ptr<internal::Declaration> Take() && { return std::move(declaration_); }

 private:
  explicit Job(std::unique_ptr<internal::Declaration> declaration);

  std::unique_ptr<internal::Declaration> declaration_;
};

inline Job::Job(std::unique_ptr<internal::Declaration> declaration)
    : declaration_(std::move(declaration)) {
  internal::Declaration& job = *declaration_;
  const bool aggregates = job.aggregate_functions.kind != MINKE_AGGREGATE_NONE;
  if (job.input_kind == MINKE_FIXED && job.record_size == 0) {
    throw std::invalid_argument(
        "a map of minke::FixedRecord needs .FixedRecords(size, key_size) on the job");
  }
  if (aggregates && (job.combine != nullptr || job.sort_values != 0)) {
    throw std::invalid_argument(
        "Combine and SortValues mean nothing with Aggregate; leave them out");
  }
  if (job.map_only != 0 && (job.combine != nullptr || job.sort_values != 0 || job.partitions != 0 ||
                            job.partitioner != MINKE_PARTITION_HASH)) {
    throw std::invalid_argument(
        "Combine, SortValues, Partitions and PartitionBy mean nothing with MapOnly; leave them "
        "out");
  }
  job.aggregate_functions.struct_size = sizeof(minke_aggregate);
  if (aggregates) job.aggregate = &job.aggregate_functions;
  job.outputs = job.output_list.data();
  job.output_count = job.output_list.size();
  job.tags = job.tag_list.data();
  job.tag_count = job.tag_list.size();
  job.open = &internal::OpenInstance;
  job.close = &internal::CloseInstance;
}

}  // namespace minke
