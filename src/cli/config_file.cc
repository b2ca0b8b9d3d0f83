#include "cli/config_file.h"

#include <fmt/format.h>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "task/job/nearest.h"

namespace minke {
namespace {

Error Refused(const std::string& path, const std::string& text) {
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", path, text)};
}

Result<std::vector<CLI::ConfigItem>> ReadItems(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("--config: {}", text.error().text)};
  }
  std::istringstream lines(*text);
  try {
    return CLI::ConfigBase().from_config(lines);
  } catch (const CLI::Error& error) {
    return Refused(path, error.what());
  }
}

Status Set(CLI::Option& option, const CLI::ConfigItem& item) {
  try {
    for (const std::string& value : item.inputs) {
      const bool is_flag = option.get_expected_max() == 0;
      option.add_result(is_flag ? option.get_flag_value("--" + item.name, value) : value);
    }
    option.run_callback();
    return {};
  } catch (const CLI::Error& error) {
    return Error{ErrorCode::kInvalidArgument, error.what()};
  }
}

}  // namespace

void AddConfigFlag(CLI::App& command, std::string* path) {
  command.add_option("--config", *path, "Read flags from a file of NAME = VALUE lines")
      ->envname("MINKE_CONFIG");
}

Status ApplyConfigFile(CLI::App& command, const std::string& path) {
  if (path.empty()) return {};
  std::vector<std::string_view> known;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back(name);
  }
  for (const CLI::ConfigItem& item : MINKE_TRY(ReadItems(path))) {
    if (item.name == "++" || item.name == "--") continue;  // begin and end of a section
    CLI::Option* option = command.get_option_no_throw("--" + item.name);
    if (option == nullptr || item.name == "config" || item.name == "help") {
      return Refused(path, fmt::format("there is no setting '{}'{}; a line is NAME = VALUE, with "
                                       "the name of a flag",
                                       item.name, DidYouMean(item.name, known)));
    }
    if (option->count() > 0) continue;
    if (Status set = Set(*option, item); !set) return std::move(set).error().Within(path);
  }
  return {};
}

}  // namespace minke
