#include "base/result.h"

namespace minke {

int ExitCodeOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kAlreadyExists:
      return 64;
    case ErrorCode::kInput:
    case ErrorCode::kNotFound:
      return 65;
    case ErrorCode::kUserCode:
      return 70;
    case ErrorCode::kInternal:
    case ErrorCode::kCorruption:
    case ErrorCode::kExhausted:
      return 71;
    case ErrorCode::kOutput:
      return 74;
    case ErrorCode::kUnavailable:
    case ErrorCode::kFenced:
      return 75;
    case ErrorCode::kConfiguration:
      return 78;
    case ErrorCode::kCancelled:
      return 130;
  }
  return 71;
}

std::string_view NameOf(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kInput:
      return "input";
    case ErrorCode::kUserCode:
      return "user_code";
    case ErrorCode::kInternal:
      return "internal";
    case ErrorCode::kCorruption:
      return "corruption";
    case ErrorCode::kExhausted:
      return "exhausted";
    case ErrorCode::kOutput:
      return "output";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kFenced:
      return "fenced";
    case ErrorCode::kConfiguration:
      return "configuration";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kCancelled:
      return "cancelled";
  }
  return "internal";
}

Error Error::Within(std::string_view context) && {
  text = std::string(context) + ": " + text;
  return std::move(*this);
}

}  // namespace minke
