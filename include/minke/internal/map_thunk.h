// The functions behind minke_job.map and map_end: call the user's function for a batch, or for each
// line or record of it. Part of <minke/job.h>; user code does not name these.
#pragma once

#include <string_view>

#include <minke/internal/declaration.h>
#include <minke/internal/signature.h>

namespace minke::internal {

template <class F, class Input, class K, class V>
struct MapThunk {
  using Object = typename Factory<F>::Object;

  static void Declare(Declaration& job, F function) {
    job.Set(kMap, Factory<F>{std::move(function)});
    job.map = &Map;
    if constexpr (kHasEnd<Object>) job.map_end = &MapEnd;
    if constexpr (std::is_same_v<Input, FixedRecord>) job.input_kind = MINKE_FIXED;
    if constexpr (RecordOf<Input>::kIsRecord) {
      job.input_kind = MINKE_RECORDS;
      job.input_key = TypeOf<typename RecordOf<Input>::Key>::kType;
      job.input_value = TypeOf<typename RecordOf<Input>::Value>::kType;
    }
    job.key = job.output_key = TypeOf<K>::kType;
    job.value = job.output_value = TypeOf<V>::kType;
  }

 private:
  static int Map(void* self, const minke_batch* batch, minke_emitter* emitter,
                 minke_error* error) noexcept {
    return Fence(error, [&] {
      auto& instance = *static_cast<Instance*>(self);
      Object& object = Begun(instance);
      Emit<K, V> emit(emitter);
      if constexpr (std::is_same_v<Input, Text>) {
        CallWithTask(object, instance.task, Text(batch, instance.task.host()), emit);
      } else if constexpr (std::is_same_v<Input, FixedRecord>) {
        for (size_t at = 0; at + batch->record_size <= batch->size; at += batch->record_size) {
          CallWithTask(object, instance.task, FixedRecord(*batch, batch->data + at), emit);
        }
      } else if constexpr (RecordOf<Input>::kIsRecord) {
        MapRecords(object, instance, *batch, emit);
      } else {
        const Text text(batch, instance.task.host());
        for (const std::string_view line : text.lines()) {
          CallWithTask(object, instance.task, Input(Line(line, text)), emit);
        }
      }
    });
  }

  static int MapEnd(void* self, minke_emitter* emitter, minke_error* error) noexcept {
    return Fence(error, [&] {
      auto& instance = *static_cast<Instance*>(self);
      Emit<K, V> emit(emitter);
      CallEnd(Begun(instance), emit, instance.task);
    });
  }

  static void MapRecords(Object& object, Instance& instance, const minke_batch& batch,
                         Emit<K, V>& emit) {
    using InputKey = typename RecordOf<Input>::Key;
    using InputValue = typename RecordOf<Input>::Value;
    for (size_t i = 0; i < batch.record_count; ++i) {
      const minke_record& record = batch.records[i];
      CallWithTask(
          object, instance.task,
          Input(Decode<InputKey>({record.key, record.key_size}, instance.rooms[kMap].key),
                Decode<InputValue>({record.value, record.value_size}, instance.rooms[kMap].value),
                batch),
          emit);
    }
  }

  static Object& Begun(Instance& instance) {
    std::unique_ptr<Part>& part = instance.objects[kMap];
    if (part == nullptr) {
      const auto& factory = instance.declaration->Get<Factory<F>>(kMap);
      auto made = std::make_unique<PartOf<Object>>([&] { return factory.Make(); });
      CallBegin(made->value, instance.task);  // where it throws, nothing has begun
      part = std::move(made);
    }
    return static_cast<PartOf<Object>&>(*part).value;
  }
};

}  // namespace minke::internal
