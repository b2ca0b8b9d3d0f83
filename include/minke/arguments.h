// The arguments of a job: how a job declares them, and how its code reads them. Part of
// <minke/job.h>. Read-only once made: any thread.
#pragma once

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <minke/abi.h>

namespace minke {

enum class ArgumentType : uint32_t {
  kString = MINKE_ARGUMENT_STRING,
  kInteger = MINKE_ARGUMENT_INTEGER,
  kFloat = MINKE_ARGUMENT_FLOAT,
  kBool = MINKE_ARGUMENT_BOOL,
};

// One declared argument, as `minke jobs NAME` shows it.
struct Argument {
  const char* name = "";
  ArgumentType type = ArgumentType::kString;
  bool required = false;
  const char* default_value = nullptr;  // as the user would write it; none: absent if not given
  const char* help = "";
};

// What the user gave, checked against the declaration, defaults filled in. Asking for a name that
// was not declared, or for a value that is absent, throws std::invalid_argument, which ends the run
// as a usage error before anything is read.
class Arguments {
 public:
  Arguments() = default;
  Arguments(const minke_argument_value* values, size_t count) {
    for (size_t i = 0; i < count; ++i) {
      values_.emplace_back(std::string(values[i].name.data, values[i].name.size),
                           std::string(values[i].value.data, values[i].value.size));
    }
  }

  // Whether it was given or has a default.
  bool Has(std::string_view name) const { return Find(name) != nullptr; }

  const std::string& String(std::string_view name) const {
    if (const std::string* value = Find(name)) return *value;
    throw std::invalid_argument("the argument '" + std::string(name) +
                                "' is missing; give it with --arg " + std::string(name) + "=VALUE");
  }
  int64_t Integer(std::string_view name) const { return Number<int64_t>(name, "a whole number"); }
  double Float(std::string_view name) const { return Number<double>(name, "a number"); }
  bool Bool(std::string_view name) const {
    const std::string& value = String(name);
    if (value != "true" && value != "false") throw Wrong(name, value, "true or false");
    return value == "true";
  }
  // An integer between `low` and `high`, both allowed.
  int64_t Integer(std::string_view name, int64_t low, int64_t high) const {
    const int64_t value = Integer(name);
    if (value >= low && value <= high) return value;
    throw Wrong(name, String(name),
                ("between " + std::to_string(low) + " and " + std::to_string(high)).c_str());
  }

 private:
  const std::string* Find(std::string_view name) const {
    for (const auto& [given, value] : values_) {
      if (given == name) return &value;
    }
    return nullptr;
  }

  static std::invalid_argument Wrong(std::string_view name, const std::string& value,
                                     const char* wanted) {
    return std::invalid_argument("the argument '" + std::string(name) + "' is '" + value +
                                 "' but must be " + wanted);
  }

  template <class T>
  T Number(std::string_view name, const char* wanted) const {
    const std::string& text = String(name);
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) throw Wrong(name, text, wanted);
    return value;
  }

  std::vector<std::pair<std::string, std::string>> values_;
};

}  // namespace minke
