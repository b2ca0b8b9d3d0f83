// Config files: NAME = VALUE lines, where NAME is a long flag without its dashes. What was given as
// a flag or in the environment stands; the file fills in the rest.
#pragma once

#include <string>

#include <CLI/CLI.hpp>

#include "base/result.h"

namespace minke {

// Declares --config (MINKE_CONFIG) on `command`.
void AddConfigFlag(CLI::App& command, std::string* path);

// Sets the options of `command` that have no value yet; no path, no file. kInvalidArgument: the
// file cannot be read, names what is no flag, or holds a value that the flag refuses.
Status ApplyConfigFile(CLI::App& command, const std::string& path);

}  // namespace minke
