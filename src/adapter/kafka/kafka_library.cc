#include "adapter/kafka/kafka_library.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <mutex>
#include <optional>
#include <string>

#include "base/check.h"

namespace minke {
namespace {

constexpr const char* kLibrary = "librdkafka.so.1";

// Filled once, then only read.
struct Loaded {
  std::once_flag once;
  std::optional<KafkaCalls> calls;
  std::string missing;
};

Loaded& TheLibrary() {
  static Loaded loaded;
  return loaded;
}

void* Find(void* library, const char* name, std::string& missing) {
  void* found = dlsym(library, name);
  if (found == nullptr) missing = fmt::format("{} has no {}", kLibrary, name);
  return found;
}

void Load(Loaded& loaded) {
  void* library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    loaded.missing = dlerror();
    return;
  }
#define MINKE_KAFKA_CALL(name) \
  reinterpret_cast<decltype(&::rd_kafka_##name)>(Find(library, "rd_kafka_" #name, loaded.missing)),
  loaded.calls.emplace(KafkaCalls{MINKE_KAFKA_CALLS(MINKE_KAFKA_CALL)});
#undef MINKE_KAFKA_CALL
}

}  // namespace

Status LoadKafkaLibrary() {
  Loaded& loaded = TheLibrary();
  std::call_once(loaded.once, [&loaded] { Load(loaded); });
  if (loaded.missing.empty()) return {};
  return Error{ErrorCode::kConfiguration,
               fmt::format("Kafka's client library cannot be used: {}; on Debian: apt-get install "
                           "librdkafka1",
                           loaded.missing)};
}

const KafkaCalls& Kafka() {
  const Loaded& loaded = TheLibrary();
  MINKE_CHECK(loaded.missing.empty() && loaded.calls.has_value());
  return *loaded.calls;
}

}  // namespace minke
