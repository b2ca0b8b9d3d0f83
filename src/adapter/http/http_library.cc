#include <dlfcn.h>
#include <filesystem>
#include <fmt/format.h>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>

#include "adapter/http/http.h"
#include "adapter/http/http_module.h"
#include "base/version.h"

namespace minke {
namespace {

// Filled once, then only read.
struct Loaded {
  std::once_flag once;
  const HttpLibrary* library = nullptr;
  std::string fault;
};

Loaded& TheLibrary() {
  static Loaded loaded;
  return loaded;
}

// Where it lies seen from the executable, in a build tree as where it is installed.
std::string ModulePath() {
  std::error_code ignored;
  const auto executable = std::filesystem::read_symlink("/proc/self/exe", ignored);
  return (executable.parent_path() / MINKE_HTTP_MODULE).lexically_normal().string();
}

void Load(Loaded& loaded) {
  const std::string path = ModulePath();
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    loaded.fault = dlerror();
    return;
  }
  const auto entry = reinterpret_cast<HttpModuleEntry>(dlsym(module, kHttpModuleEntry));
  if (entry != nullptr) loaded.library = entry(kVersion);
  if (loaded.library == nullptr) {
    loaded.fault = fmt::format("{} is not of this minke ({})", path, kVersion);
  }
}

bool IsPlain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.' || c == '~';
}

}  // namespace

std::string HttpRequest::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

Result<const HttpLibrary*> LoadHttpLibrary() {
  Loaded& loaded = TheLibrary();
  std::call_once(loaded.once, [&loaded] { Load(loaded); });
  if (loaded.library != nullptr) return loaded.library;
  return Error{ErrorCode::kConfiguration,
               fmt::format("HTTP cannot be used: {}; install minke whole, and on Debian: apt-get "
                           "install libcpp-httplib0.11 libprometheus-cpp-core1.0",
                           loaded.fault)};
}

std::string UrlEncoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (IsPlain(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace minke
