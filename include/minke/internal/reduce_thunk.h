// The functions behind minke_job.reduce, reduce_end, combine and partition. Part of <minke/job.h>;
// user code does not name these.
#pragma once

#include <string_view>

#include <minke/internal/declaration.h>
#include <minke/internal/signature.h>

namespace minke::internal {

// Reduce and combine: the user's function for each group. K, V are what it reads, OK, OV what it
// emits.
template <Stage kStage, class F, class K, class V, class OK, class OV>
struct GroupThunk {
  using Object = typename Factory<F>::Object;

  static void Declare(Declaration& job, F function) {
    job.Set(kStage, Factory<F>{std::move(function)});
    if constexpr (kStage == kCombine) {
      job.combine = &Run;
    } else {
      job.reduce = &Run;
      if constexpr (kHasEnd<Object>) job.reduce_end = &End;
      job.output_key = TypeOf<OK>::kType;
      job.output_value = TypeOf<OV>::kType;
    }
  }

 private:
  static int Run(void* self, minke_groups* groups, minke_emitter* emitter,
                 minke_error* error) noexcept {
    return Fence(error, [&] {
      auto& instance = *static_cast<Instance*>(self);
      Object& object = Begun(instance);
      Emit<OK, OV> emit(emitter);
      GroupReader reader(groups);
      while (!emit.failed() && reader.NextGroup()) {
        Values<V> values(&reader, &instance.rooms[kStage].value);
        CallWithTask(object, instance.task, Decode<K>(reader.key(), instance.rooms[kStage].key),
                     values, emit);
      }
    });
  }

  static int End(void* self, minke_emitter* emitter, minke_error* error) noexcept {
    return Fence(error, [&] {
      auto& instance = *static_cast<Instance*>(self);
      Emit<OK, OV> emit(emitter);
      CallEnd(Begun(instance), emit, instance.task);
    });
  }

  static Object& Begun(Instance& instance) {
    std::unique_ptr<Part>& part = instance.objects[kStage];
    if (part == nullptr) {
      const auto& factory = instance.declaration->Get<Factory<F>>(kStage);
      auto made = std::make_unique<PartOf<Object>>([&] { return factory.Make(); });
      CallBegin(made->value, instance.task);  // where it throws, nothing has begun
      part = std::move(made);
    }
    return static_cast<PartOf<Object>&>(*part).value;
  }
};

template <class F, class K>
struct PartitionThunk {
  static void Declare(Declaration& job, F function) {
    job.Set(kPartition, std::move(function));
    job.partitioner = MINKE_PARTITION_CUSTOM;
    job.partition = &Run;
  }

 private:
  static int Run(void* self, const minke_pair* keys, size_t count, uint32_t partitions,
                 uint32_t* partition, minke_error* error) noexcept {
    return Fence(error, [&] {
      auto& instance = *static_cast<Instance*>(self);
      const F& function = instance.declaration->template Get<F>(kPartition);
      for (size_t i = 0; i < count; ++i) {
        partition[i] = function(
            Decode<K>({keys[i].key, keys[i].key_size}, instance.rooms[kPartition].key), partitions);
      }
    });
  }
};

}  // namespace minke::internal
