// The registry of the jobs in this program or shared object, and the entry point that the engine
// looks for. Part of <minke/job.h>; user code only names MINKE_JOB.
//
// The list head is hidden, so that each shared object has its own whatever else is loaded; the
// entry point is visible, whatever the compiler's default is. Written by static initialisation,
// read later.
#pragma once

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <minke/job_value.h>

namespace minke {

// What `minke jobs` shows of a job.
struct JobInfo {
  const char* summary = "";
  const char* input = "";   // one line: what the input is
  const char* output = "";  // one line: what an output line is
  std::vector<Argument> arguments = {};
  const char* example = "";  // a command line
};

namespace internal {

using JobFunction = Job (*)(const Arguments&);

// Not constexpr and never defined: naming it is the compiler's error message.
void a_job_name_is_made_of_lower_case_letters_digits_and_dashes();

struct JobName {
  consteval JobName(const char* name) : text(name) {
    if (*name == '\0') a_job_name_is_made_of_lower_case_letters_digits_and_dashes();
    for (; *name != '\0'; ++name) {
      const bool is_good = (*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') ||
                           *name == '-' || *name == '_';
      if (!is_good) a_job_name_is_made_of_lower_case_letters_digits_and_dashes();
    }
  }
  const char* text;
};

class Registration;
[[gnu::visibility("hidden")]] inline constinit Registration* first_registration = nullptr;

class Registration {
 public:
  template <class F>
  Registration(JobName name, F function, JobInfo info = {}) : info_(std::move(info)) {
    static_assert(std::is_convertible_v<F, JobFunction>,
                  "minke: MINKE_JOB needs a function minke::Job F(const minke::Arguments&)");
    if constexpr (std::is_convertible_v<F, JobFunction>) function_ = function;
    for (const Argument& argument : info_.arguments) {
      arguments_.push_back({argument.name, static_cast<uint32_t>(argument.type),
                            argument.required ? 1u : 0u, argument.default_value, argument.help});
    }
    entry_ = {sizeof entry_, name.text,     info_.summary,     info_.input,
              info_.output,  info_.example, arguments_.data(), arguments_.size(),
              this,          &Create,       &Destroy};
    next_ = first_registration;
    first_registration = this;
  }
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  const minke_job_entry* entry() const { return &entry_; }
  const Registration* next() const { return next_; }

 private:
  static minke_job* Create(void* self, const minke_argument_value* values, size_t count,
                           minke_error* error) {
    minke_job* created = nullptr;
    Fence(error, [&] {
      auto arguments = std::make_unique<const Arguments>(values, count);
      std::unique_ptr<Declaration> job =
          static_cast<Registration*>(self)->function_(*arguments).Take();
      job->arguments = std::move(arguments);  // user code may have kept references to them
      created = job.release();
    });
    return created;
  }
  static void Destroy(minke_job* job) { delete static_cast<Declaration*>(job); }

  JobInfo info_;
  std::vector<minke_argument> arguments_;
  JobFunction function_ = nullptr;
  minke_job_entry entry_{};
  const Registration* next_ = nullptr;
};

}  // namespace internal
}  // namespace minke
