// Behind the front: what a job owns once declared, what one attempt of it owns, and the fence that
// no exception passes. Part of <minke/job.h>; user code does not name these.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include <minke/abi.h>
#include <minke/arguments.h>
#include <minke/task.h>

namespace minke::internal {

// Something of a type that only the thunk knows which made it.
struct Part {
  virtual ~Part() = default;
};
template <class T>
struct PartOf : Part {
  template <class Make>
  explicit PartOf(const Make& make) : value(make()) {}
  T value;
};

// One stage of user code: the factory lives in the declaration, the object in the instance.
enum Stage { kMap, kReduce, kCombine, kAggregate, kPartition, kStages };

struct Declaration : minke_job {
  Declaration() : minke_job{} {
    struct_size = sizeof(minke_job);
    abi_version = MINKE_ABI_VERSION;
    input_kind = MINKE_TEXT;
    minke_job::user = this;
  }

  std::unique_ptr<const Arguments> arguments;  // outlives the stages, which may refer to it
  std::unique_ptr<Part> stages[kStages];
  minke_aggregate aggregate_functions{};
  alignas(8) char aggregate_initial[64] = {};
  std::vector<std::unique_ptr<std::string>> names;
  std::vector<minke_output> output_list;
  std::vector<minke_bytes> tag_list;

  template <class T>
  const T& Get(Stage stage) const {
    return static_cast<const PartOf<T>&>(*stages[stage]).value;
  }
  template <class T>
  void Set(Stage stage, T part) {
    stages[stage] = std::make_unique<PartOf<T>>([&] { return std::move(part); });
  }
};

struct Instance {
  Instance(const Declaration* job, const minke_host* host)
      : declaration(job), task(host, job, job->arguments.get()) {}

  const Declaration* declaration;
  Task task;
  std::unique_ptr<Part> objects[kStages];  // made, and begun, when first needed
  // Where decoded tuples keep unescaped bytes. Each stage has its own: while a map emits, the
  // engine may call partition, fold and combine.
  struct Rooms {
    std::string key, value;
  } rooms[kStages];
  std::string finished;  // bytes of finished aggregates
};

inline void SetError(minke_error* error, const char* text) noexcept {
  const size_t size = std::min(std::strlen(text), sizeof error->text - 1);
  std::memcpy(error->text, text, size);
  error->text[size] = '\0';
  std::replace(error->text, error->text + size, '\n', ' ');
}

// Runs `body`; 0, or 1 with the text of what it threw.
template <class Body>
int Fence(minke_error* error, Body&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const std::exception& thrown) {
    SetError(error, thrown.what());
  } catch (const char* thrown) {
    SetError(error, thrown);
  } catch (const std::string& thrown) {
    SetError(error, thrown.c_str());
  } catch (...) {
    SetError(error, "an exception that is not a std::exception was thrown");
  }
  return 1;
}

inline void* OpenInstance(void* user, const minke_host* host, minke_error* error) {
  Instance* instance = nullptr;
  Fence(error, [&] { instance = new Instance(static_cast<const Declaration*>(user), host); });
  return instance;
}

inline void CloseInstance(void* instance) {
  minke_error ignored;  // a destructor that throws has nobody left to tell
  Fence(&ignored, [&] { delete static_cast<Instance*>(instance); });
}

}  // namespace minke::internal
