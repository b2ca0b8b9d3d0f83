// The C++ SDK of minke: this is the one header to include. C++20, header-only.
//
//   #include <minke/job.h>
//
//   static minke::Job WordCount(const minke::Arguments&) {
//     return minke::Map([](const minke::Text& text, minke::Emit<std::string_view>& emit) {
//              for (std::string_view word : text.words()) emit(word);
//            }).Aggregate(minke::Count());
//   }
//   MINKE_JOB("wordcount", WordCount, {.summary = "counts words"});
//
// What a map reads is in <minke/input.h>, what it emits with in <minke/emit.h>, what may follow it
// in <minke/front.h> and <minke/settings.h>, the task around it in <minke/task.h>; docs/SDK.md
// explains them with examples. Exceptions may be thrown anywhere in user code: they end the attempt
// (or, in a job function, the run) with their text.
//
// A job function is called once per process and run, from one thread. Each attempt of a task has
// its own copy of the map, combine and reduce objects, and uses it from one thread; aggregates and
// partition functions are shared by all threads and must not change.
#pragma once

#include <vector>

#include <minke/internal/registry.h>

// Registers a job: MINKE_JOB("name", Function, {.summary = …, .input = …, .output = …,
// .arguments = {…}, .example = …}), once per job, at namespace scope of a .cc file.
#define MINKE_JOB(name, function, ...)                                                  \
  static const ::minke::internal::Registration MINKE_JOB_NAME(minke_job_, __COUNTER__)( \
      name, function __VA_OPT__(, ::minke::JobInfo __VA_ARGS__))
#define MINKE_JOB_NAME(prefix, number) MINKE_JOB_PASTE(prefix, number)
#define MINKE_JOB_PASTE(prefix, number) prefix##number

namespace minke::internal {

// Hidden: a visible function's static variable would be one for all shared objects of a process.
[[gnu::visibility("hidden")]] inline const minke_module* ModuleOfThisFile() {
  struct Module : minke_module {
    std::vector<const minke_job_entry*> list;
    Module() : minke_module{sizeof(minke_module), MINKE_ABI_VERSION, 0, nullptr, 0} {
      const Registration* registration = first_registration;
      for (; registration != nullptr; registration = registration->next()) {
        list.insert(list.begin(), registration->entry());
      }
      entries = list.data();
      entry_count = list.size();
    }
  };
  static const Module* const module = new Module;  // lives as long as the jobs: to the end
  return module;
}

}  // namespace minke::internal

// The entry point of a job file: every job registered in this program or shared object.
extern "C" [[gnu::visibility("default"), gnu::used]] inline const minke_module* minke_module_v1() {
  return minke::internal::ModuleOfThisFile();
}
