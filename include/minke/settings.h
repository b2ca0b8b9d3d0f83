// What may be set on a job in any place behind minke::Map(…). Part of <minke/job.h>.
//
// What the compiler cannot see is checked when the job is declared: these functions throw
// std::invalid_argument, which ends the run as a usage error before anything is read.
#pragma once

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include <minke/internal/declaration.h>
#include <minke/internal/reduce_thunk.h>

namespace minke {

// Partitioners for PartitionBy. ByHash is the default; ByRange gives partitions in key order, so
// that the parts, one behind the other, are sorted; ByFirstField keeps tuples together whose first
// fields are equal. A function of your own takes the key and the number of partitions.
struct ByHash {};
struct ByRange {};
struct ByFirstField {};

namespace internal {

template <class T>
uint64_t HashOfField(const T& field) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a, then mixed so that the low bits depend on all
  const auto add = [&hash](const char* bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) {
      hash = (hash ^ static_cast<unsigned char>(bytes[i])) * 0x100000001b3;
    }
  };
  if constexpr (kIsBytes<T>) {
    add(field.data(), field.size());
  } else {
    char bytes[8];
    Encode(bytes, field);
    add(bytes, sizeof bytes);
  }
  return hash ^ hash >> 32;
}

template <class Self, class K, class Input>
class Settings {
 public:
  // So many partitions, whatever the user asks for; 1 where the job needs to see all keys.
  Self&& Partitions(uint32_t partitions) {
    if (partitions == 0) throw std::invalid_argument("Partitions(0): a job needs at least one");
    job_->partitions = partitions;
    return self();
  }

  template <class F>
  Self&& PartitionBy(F function) {
    if constexpr (std::is_same_v<F, ByHash>) {
      job_->partitioner = MINKE_PARTITION_HASH;
    } else if constexpr (std::is_same_v<F, ByRange>) {
      job_->partitioner = MINKE_PARTITION_RANGE;
    } else if constexpr (std::is_same_v<F, ByFirstField>) {
      static_assert(TypeOf<K>::kIsTuple,
                    "minke: PartitionBy(minke::ByFirstField()) needs keys that are a std::tuple");
      if constexpr (TypeOf<K>::kIsTuple) {
        PartitionBy([](const K& key, uint32_t partitions) {
          return static_cast<uint32_t>(HashOfField(std::get<0>(key)) % partitions);
        });
      }
    } else {
      constexpr bool kFits = std::is_invocable_r_v<uint32_t, const F&, K, uint32_t>;
      static_assert(kFits,
                    "minke: PartitionBy takes minke::ByHash(), minke::ByRange(), "
                    "minke::ByFirstField(), or a function of the key that the map emits and the "
                    "number of partitions: [](Key key, uint32_t partitions) -> uint32_t");
      if constexpr (kFits) PartitionThunk<F, K>::Declare(*job_, std::move(function));
    }
    return self();
  }

  // A named side output; tasks emit into it with task.output<OutK, OutV>(name).
  template <class OutK, class OutV = None>
  Self&& Output(const char* name) {
    CheckPairTypes<OutK, OutV>();
    for (const minke_output& output : job_->output_list) {
      if (std::strcmp(output.name, name) == 0) {
        throw std::invalid_argument("the side output '" + std::string(name) +
                                    "' is declared twice");
      }
    }
    job_->output_list.push_back({Keep(name).data, TypeOf<OutK>::kType, TypeOf<OutV>::kType});
    return self();
  }

  // Inputs must be given as TAG=PATH, each of these tags at least once.
  Self&& Tags(std::initializer_list<const char*> tags) {
    for (const char* tag : tags) job_->tag_list.push_back(Keep(tag));
    return self();
  }

  // The input is records of `size` bytes, of which the first `key_size` are the key.
  Self&& FixedRecords(size_t size, size_t key_size) {
    static_assert(std::is_same_v<Input, FixedRecord>,
                  "minke: FixedRecords needs a map whose first parameter is minke::FixedRecord");
    if (size == 0 || size > UINT32_MAX || key_size > size) {
      throw std::invalid_argument("FixedRecords(" + std::to_string(size) + ", " +
                                  std::to_string(key_size) +
                                  "): the record must have a size, and its key lie inside it");
    }
    job_->record_size = static_cast<uint32_t>(size);
    job_->record_key_size = static_cast<uint32_t>(key_size);
    return self();
  }

 protected:
  std::unique_ptr<Declaration> job_;

 private:
  friend Self;
  explicit Settings(std::unique_ptr<Declaration> job) : job_(std::move(job)) {}

  Self&& self() { return std::move(static_cast<Self&>(*this)); }

  minke_bytes Keep(const char* text) {
    if (*text == '\0') throw std::invalid_argument("a tag or side output needs a name");
    job_->names.push_back(std::make_unique<std::string>(text));
    return {job_->names.back()->c_str(), job_->names.back()->size()};
  }
};

}  // namespace internal
}  // namespace minke
