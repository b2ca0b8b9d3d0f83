#include "task/job/arguments.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>

#include "task/job/nearest.h"

namespace minke {
namespace {

Error Refuse(std::string text) { return Error{ErrorCode::kInvalidArgument, std::move(text)}; }

std::string NamesOf(const minke_job_entry& entry) {
  std::string names;
  for (size_t i = 0; i < entry.argument_count; ++i) {
    names += fmt::format("{}{}", i == 0 ? "" : ", ", entry.arguments[i].name);
  }
  return names;
}

Error UnknownName(const minke_job_entry& entry, std::string_view name) {
  if (entry.argument_count == 0) {
    return Refuse(fmt::format(
        "the job '{}' takes no arguments, but '{}' was given; leave --arg out", entry.name, name));
  }
  std::vector<std::string_view> names;
  for (size_t i = 0; i < entry.argument_count; ++i) names.push_back(entry.arguments[i].name);
  const std::string near = DidYouMean(name, names);
  return Refuse(fmt::format("the job '{}' has no argument '{}'{}{}", entry.name, name, near,
                            near.empty() ? "; it takes: " + NamesOf(entry) : std::string()));
}

// Large enough for any number that fits into the type; sizes as in settings are not numbers here.
Result<std::string> CheckInteger(std::string_view value) {
  if (value.starts_with('+')) value.remove_prefix(1);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error == std::errc::result_out_of_range) return Refuse("is out of the range of 64 bits");
  if (error != std::errc() || end != value.data() + value.size()) {
    return Refuse("is not a whole number");
  }
  return std::to_string(number);
}

Result<std::string> CheckFloat(std::string_view value) {
  if (value.starts_with('+')) value.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(number)) {
    return Refuse("is not a number");
  }
  return std::string(value);
}

Result<std::string> CheckBool(std::string_view value) {
  for (const std::string_view yes : {"true", "yes", "1", "on"}) {
    if (value == yes) return std::string("true");
  }
  for (const std::string_view no : {"false", "no", "0", "off"}) {
    if (value == no) return std::string("false");
  }
  return Refuse("is neither true nor false");
}

Result<std::string> CheckValue(const minke_argument& declared, const std::string& value) {
  switch (declared.type) {
    case MINKE_ARGUMENT_STRING:
      return value;
    case MINKE_ARGUMENT_INTEGER:
      return CheckInteger(value);
    case MINKE_ARGUMENT_FLOAT:
      return CheckFloat(value);
    case MINKE_ARGUMENT_BOOL:
      return CheckBool(value);
    default:
      return Refuse("has a type that this minke does not know; build the job file anew");
  }
}

}  // namespace

Result<JobArgument> ParseJobArgument(std::string_view text) {
  const size_t equal = text.find('=');
  if (equal == std::string_view::npos || equal == 0) {
    return Refuse(fmt::format("--arg '{}' is not of the form name=value", text));
  }
  return JobArgument{std::string(text.substr(0, equal)), std::string(text.substr(equal + 1))};
}

Result<std::vector<JobArgument>> CheckArguments(const minke_job_entry& entry,
                                                std::span<const JobArgument> given) {
  const std::span<const minke_argument> declared(entry.arguments, entry.argument_count);
  for (const JobArgument& argument : given) {
    if (std::none_of(declared.begin(), declared.end(),
                     [&](const minke_argument& d) { return argument.name == d.name; })) {
      return UnknownName(entry, argument.name);
    }
  }
  std::vector<JobArgument> checked;
  for (const minke_argument& one : declared) {
    const auto is_it = [&](const JobArgument& argument) { return argument.name == one.name; };
    const auto found = std::find_if(given.begin(), given.end(), is_it);
    const bool is_given = found != given.end();
    if (!is_given && one.required != 0) {
      return Refuse(fmt::format("the job '{}' needs the argument '{}' ({}); add --arg {}=VALUE",
                                entry.name, one.name, one.help == nullptr ? "no help" : one.help,
                                one.name));
    }
    if (!is_given && one.default_value == nullptr) continue;
    if (is_given && std::find_if(found + 1, given.end(), is_it) != given.end()) {
      return Refuse(fmt::format("the argument '{}' is given twice; give it once", one.name));
    }
    const std::string text = is_given ? found->value : one.default_value;
    auto value = CheckValue(one, text);
    if (!value) {
      return Refuse(fmt::format("the argument '{}' of the job '{}': '{}' {}", one.name, entry.name,
                                text, value.error().text));
    }
    checked.push_back({one.name, *std::move(value)});
  }
  return checked;
}

}  // namespace minke
