#include "cli/service_flags.h"

namespace minke {

void AddServiceFlags(CLI::App& command, ServiceFlags* flags) {
  AddLogFlags(command, &flags->log);
  AddStoreFlags(command, &flags->store);
  command
      .add_option("--service-timeout", flags->timeout_s,
                  "Seconds that Kafka or Cassandra may be away before this ends with 75")
      ->check(CLI::Range(1u, 1'000'000u))
      ->envname("MINKE_SERVICE_TIMEOUT")
      ->capture_default_str();
}

Status CheckServiceFlags(const ServiceFlags& flags) {
  MINKE_TRY_STATUS(CheckLogFlags(flags.log));
  return CheckStoreFlags(flags.store);
}

ClusterServices ServicesOf(const ServiceFlags& flags) {
  ClusterServices services;
  services.open_store = [&flags](size_t in_flight_bytes) {
    return OpenStore(flags.store, in_flight_bytes);
  };
  services.open_log = [&flags](Incarnation job) { return OpenLog(flags.log, job); };
  services.remove_log = [&flags](Incarnation job) { return RemoveLog(flags.log, job); };
  services.timeout_ms = int64_t{flags.timeout_s} * 1000;
  return services;
}

std::vector<std::string> ServiceWords(const CLI::App& command) {
  CLI::App names;
  ServiceFlags ignored;
  AddServiceFlags(names, &ignored);
  std::vector<std::string> words;
  for (const CLI::Option* name : names.get_options()) {
    if (name->get_lnames().empty() || name->get_lnames().front() == "help") continue;
    const std::string flag = "--" + name->get_lnames().front();
    const CLI::Option* option = command.get_option_no_throw(flag);
    if (option == nullptr) continue;
    for (const std::string& value : option->results()) words.push_back(flag + "=" + value);
  }
  return words;
}

}  // namespace minke
