// Errors as values.
//
// Result<T> is what a call that can fail returns; Status is Result<void>. Both are [[nodiscard]].
// MINKE_TRY(expr) yields the value of `expr`, or returns its error from the calling function.
// Nothing in minke throws; exceptions of libraries and of user code are caught where those are
// called.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace minke {

// A code exists only if a caller acts on it; the exit code of a process follows from it.
enum class ErrorCode : int {
  kInvalidArgument,  // usage, a value out of range, a pattern or job file that is wrong      64
  kInput,            // the input is missing, unreadable, malformed or changed                65
  kUserCode,         // user code failed: counts against the job                             70
  kInternal,         // minke's own fault                                                    71
  kCorruption,       // stored bytes are wrong: the producer must run again                  71
  kExhausted,        // a bound was reached: fails the attempt here                          71
  kOutput,           // output could not be written                                          74
  kUnavailable,      // a service did not answer: try again                                  75
  kFenced,           // a newer epoch exists: this process stops                             75
  kConfiguration,    // a setting or the environment is wrong                                78
  kNotFound,         // no such thing                                                        65
  kAlreadyExists,    // there already                                                        64
  kCancelled,        // asked to stop                                                        130
};

// The process exit code that DESIGN names for `code`.
int ExitCodeOf(ErrorCode code);
// "invalid_argument", "input", …: as it stands in logs, JSON and the journal.
std::string_view NameOf(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string text;  // what happened, where, and what to do; one line, no trailing full stop

  // The same error with `context` and ": " before its text.
  Error Within(std::string_view context) &&;
};

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(Error error) : std::expected<T, Error>(std::unexpect, std::move(error)) {}
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
 public:
  using std::expected<void, Error>::expected;
  Result(Error error) : std::expected<void, Error>(std::unexpect, std::move(error)) {}
};

using Status = Result<void>;

}  // namespace minke

#define MINKE_TRY(expr)                                                \
  ({                                                                   \
    auto minke_try_result = (expr);                                    \
    if (!minke_try_result) return std::move(minke_try_result).error(); \
    *std::move(minke_try_result);                                      \
  })

// For a Status: returns its error, yields nothing.
#define MINKE_TRY_STATUS(expr)                               \
  do {                                                       \
    if (auto minke_try_status = (expr); !minke_try_status) { \
      return std::move(minke_try_status).error();            \
    }                                                        \
  } while (false)
