// What http_library.cc looks for in the module, and http_module.cc exports.
#pragma once

#include "adapter/http/http.h"

namespace minke {

// nullptr: the module was built with another minke than the one that opens it.
using HttpModuleEntry = const HttpLibrary* (*)(const char* version);
inline constexpr const char* kHttpModuleEntry = "MinkeHttpModule";

}  // namespace minke
